"""Whole systems started as a user does, for tests that watch processes from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from cli.supervisor.ports import free_port
from cli.supervisor.runfile import INSTANCE_VARIABLE, Run, read_run

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def eventually(look: Callable[[], T], timeout_s: float = 15.0, what: str = "it") -> T:
    """The first truthy answer. Fails, naming `what` it waited for, at the deadline."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.02)
    return seen


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Ports of its own, nothing of the developer's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ports = {name: str(free_port()) for name in ("API_PORT", "FLOWER_PORT", "SIMULATOR_PORT")}
    return {**kept, **ports, "ENV_FILE": "", "DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), **variables}


@dataclass
class Launched:
    """A supervisor that a test started, its output in a file."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    output: Path

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def run(self) -> Run:
        run = read_run(self.data_dir)
        assert run is not None, "it wrote no run file"
        return run

    def pid(self, name: str) -> int:
        return next((process.pid for process in self.run().processes if process.name == name), 0)

    def until_said(self, text: str, times: int = 1, timeout_s: float = 30.0) -> None:
        def look() -> bool:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said()}"
            return self.said().count(text) >= times

        eventually(look, timeout_s, f"{text!r} in the output")

    def until_ready(self, timeout_s: float = 180.0) -> None:
        self.until_said("is ready\n", timeout_s=timeout_s)
        self.until_said("Ctrl-C", timeout_s=timeout_s)

    def end(self, number: signal.Signals = signal.SIGINT, timeout_s: float = 30.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout_s)


@contextmanager
def launched(command: Sequence[str], variables: dict[str, str], output: Path) -> Iterator[Launched]:
    """Ended at the latest when the test is, with everything of it."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    system = Launched(process, Path(variables["DATA_DIR"]), output)
    try:
        yield system
    finally:
        if process.poll() is None:
            system.end()
        for left in left_over(system.data_dir):
            left.kill()


def left_over(data_dir: Path) -> list[psutil.Process]:
    """Processes that a supervisor of `data_dir` started and that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            marks = process.environ()
            is_ours = marks.get("DATA_DIR") == str(data_dir) and INSTANCE_VARIABLE in marks
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
