"""How a process is told to end at a named point: a file that a test writes and that exactly one process takes."""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import psutil

# A process that dies younger than 30 s is started again with growing delays: that is the supervisor's, not recovery.
STEADY_S = 31.0


class How(StrEnum):
    CHILD = "child"  # The process that runs the task.
    MAIN = "main"  # And the worker's main process with it.
    STEADY = "steady"  # Both, where the main process has run long enough to be started again at once; else the child.
    FROZEN = "frozen"  # It sleeps at the point until it is told to go on.


@dataclass(frozen=True, slots=True)
class Ending:
    """What happened to whom; `order` is the client id in hand, `at` this machine's second."""

    point: str
    how: How
    worker: str
    pid: int
    order: str
    at: float


class Endings:
    """`arm` and `seen` are the test's side, `reach` is the process's. The folder is all that they share."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._seen, self._ticks = (folder / name for name in ("armed", "seen", "ticks"))
        for each in (self._armed, self._seen, self._ticks):
            each.mkdir(parents=True, exist_ok=True)
        self.worker = ""

    def arm(self, point: str, how: How) -> None:
        written = self._seen.parent / f"arming-{point}"
        written.write_text(how)
        written.rename(self._armed / point)

    def disarm(self, point: str) -> None:
        (self._armed / point).unlink(missing_ok=True)

    def armed(self) -> set[str]:
        return {path.name for path in self._armed.iterdir()}

    def seen(self) -> list[Ending]:
        """All so far, oldest first."""
        found = [json.loads(path.read_text()) for path in self._seen.glob("*.json")]
        return sorted((Ending(**{**each, "how": How(each["how"])}) for each in found), key=lambda each: each.at)

    def last_tick_s(self, worker: str) -> float:
        """When the worker last finished a task; 0 where it never has."""
        try:
            return (self._ticks / worker).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def ticked(self) -> None:
        (self._ticks / self.worker).touch()

    def reach(self, point: str, order: str = "") -> None:
        """Die here, or sleep, if this point is armed and nobody else was quicker."""
        armed = self._armed / point
        if not armed.exists():
            return
        mine = self._seen / f"{point}-{os.getpid()}-{time.monotonic_ns()}.taken"
        try:
            how = How(armed.read_text())
            armed.rename(mine)
        except FileNotFoundError:
            return
        self._end(point, _settled(how), order, mine)

    def _end(self, point: str, how: How, order: str, mine: Path) -> None:
        ending = Ending(point, how, self.worker, os.getpid(), order, time.time())
        mine.write_text(json.dumps(asdict(ending)))
        mine.rename(mine.with_suffix(".json"))
        for pid, number in _signals(how):
            os.kill(pid, number)


def _settled(how: How) -> How:
    if how is not How.STEADY:
        return how
    age_s = time.time() - psutil.Process(os.getppid()).create_time()
    return How.MAIN if age_s > STEADY_S else How.CHILD


def _signals(how: How) -> Iterator[tuple[int, signal.Signals]]:
    if how is How.MAIN:
        yield os.getppid(), signal.SIGKILL
    yield os.getpid(), signal.SIGSTOP if how is How.FROZEN else signal.SIGKILL
