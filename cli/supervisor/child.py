"""One running process: started on a leash, its output passed on line by line, its whole group ended with it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from cli.supervisor.specs import ProcessSpec

LEASH = Path(__file__).with_name("leash.py")
TAIL_LINES = 20
POLL_S = 0.02
Write = Callable[[str, str], None]  # name, line


class Child:
    """Start it from a thread that lives as long as the supervisor: the kernel ties the leash to that thread."""

    def __init__(self, spec: ProcessSpec, write: Write) -> None:
        self.spec = spec
        self._write = write
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.started_at = time.monotonic()
        self._process = subprocess.Popen(
            _leashed(spec),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(spec.environment),
            cwd=spec.folder,
            pass_fds=spec.keep_open,
            process_group=0,  # Ctrl-C in the terminal reaches the supervisor alone, which stops them in order.
        )
        self._reader = threading.Thread(target=self._pass_on, name=f"log-{spec.name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    @property
    def last_words(self) -> str:
        return next((line for line in reversed(self.tail) if line.strip()), "it said nothing")

    def ask_to_stop(self) -> None:
        if self.exit_code is None:
            self._process.send_signal(self.spec.stop_signal)

    def end_group(self) -> None:
        """Kills whatever is left of it, children of a leader that has died included; returns once reaped."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=1.0)
        if not self._reader.is_alive() and self._process.stdout is not None:
            self._process.stdout.close()

    def _pass_on(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.tail.append(line)
            self._write(self.spec.name, line)


def _leashed(spec: ProcessSpec) -> list[str]:
    account = f"{spec.account.uid}:{spec.account.gid}" if spec.account else "-"
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(spec.death_signal)), account]
    return [*leash, *spec.command]


def stop_all(children: list[Child], is_hurried: Callable[[], bool] = lambda: False) -> None:
    """Asks all at once, waits for each within its bound, then kills; nothing of them is left."""
    for child in children:
        child.ask_to_stop()
    start = time.monotonic()
    for child in children:
        while child.exit_code is None and time.monotonic() - start < child.spec.stop_timeout_s and not is_hurried():
            time.sleep(POLL_S)
        child.end_group()
