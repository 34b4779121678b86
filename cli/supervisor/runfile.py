"""DATA_DIR/run.json: what runs here, for other commands and for the next start; and the lock that admits one."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import psutil

from cli.supervisor.account import remove_scratch
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.folders import write_privately

RUN_FILE = "run.json"
LOCK_FILE = "supervisor.lock"
INSTANCE_VARIABLE = "ORCHESTRATOR_INSTANCE"
STOP_TIMEOUT_S = 5.0
SAME_START_S = 1.0


@dataclass(frozen=True, slots=True)
class Process:
    """Number and start together name a process: numbers are used again."""

    name: str
    pid: int
    created: float

    @classmethod
    def of(cls, name: str, pid: int) -> Self:
        try:
            return cls(name, pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return cls(name, pid, 0.0)

    def running(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.created) < SAME_START_S
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@dataclass(frozen=True, slots=True)
class Run:
    supervisor: Process
    api_url: str = ""
    urls: dict[str, str] = field(default_factory=dict)
    redis_url: str = field(default="", repr=False)
    database_url: str = field(default="", repr=False)
    scratch: str | None = None
    processes: tuple[Process, ...] = ()

    @property
    def is_alive(self) -> bool:
        return self.supervisor.running() is not None


def read_run(data_dir: Path) -> Run | None:
    """The last run in `data_dir`, over or not (see `is_alive`); None if there was none or it can't be read."""
    try:
        kept = json.loads((data_dir / RUN_FILE).read_text())
        supervisor = Process(**kept.pop("supervisor"))
        processes = tuple(Process(**process) for process in kept.pop("processes"))
        return Run(supervisor=supervisor, processes=processes, **kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_run(data_dir: Path, run: Run) -> None:
    write_privately(data_dir / RUN_FILE, json.dumps(asdict(run), indent=2) + "\n")


def forget_run(data_dir: Path) -> None:
    (data_dir / RUN_FILE).unlink(missing_ok=True)


@contextmanager
def sole_user_of(data_dir: Path) -> Iterator[None]:
    """Holds `data_dir` alone; the kernel lets go of it however this process ends. Raises StartError."""
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        why = f"DATA_DIR: {error.filename}: {error.strerror}; correct it or set another DATA_DIR"
        raise StartError(ExitCode.DATA_FOLDER, why) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        run = read_run(data_dir)
        who = f" (pid {run.supervisor.pid})" if run else ""
        todo = "stop it, or set another DATA_DIR, API_PORT, FLOWER_PORT and SIMULATOR_PORT for a second instance"
        raise StartError(
            ExitCode.ALREADY_RUNNING, f"{data_dir} is in use by a running orchestrator{who}; {todo}"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def reclaim(data_dir: Path) -> list[str]:
    """Ends what a killed supervisor left running here and returns the names. Call it under `sole_user_of`."""
    run = read_run(data_dir)
    recorded = [(process.name, process.running()) for process in run.processes] if run else []
    left = [(name, process) for name, process in recorded if process is not None]
    known = {process.pid for _, process in left}
    left += [(process.name(), process) for process in _marked(data_dir) if process.pid not in known]
    _end([process for _, process in left])
    if run and run.scratch and Path(run.scratch).is_dir():
        remove_scratch(Path(run.scratch))
    return [name for name, _ in left]


def _marked(data_dir: Path) -> list[psutil.Process]:
    """Processes whose environment says that a supervisor of `data_dir` started them."""
    marked = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        is_ours = environment.get("DATA_DIR") == str(data_dir) and INSTANCE_VARIABLE in environment
        if is_ours and process.pid != os.getpid():
            marked.append(process)
    return marked


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        _signal(process, signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs(processes, STOP_TIMEOUT_S)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, STOP_TIMEOUT_S)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        todo = "stop it as its user"
        raise StartError(ExitCode.ALREADY_RUNNING, f"pid {process.pid} of an earlier run still runs; {todo}") from None
