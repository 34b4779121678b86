"""A worker that executes nothing is ended with all that it started, and another takes its place."""

import sys
import time
from collections.abc import Callable

import psutil

from cli.supervisor.specs import ProcessSpec
from cli.supervisor.supervisor import Supervisor

# A worker and its pool, as deaf as a process that is frozen.
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("child", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""


class Scene:
    """One worker under a supervisor that is told how silent it is."""

    def __init__(self, worker: str | None = "orders-8000") -> None:
        self.silence_s = 0.0
        self.said: list[str] = []
        self.notes: list[str] = []
        spec = ProcessSpec(name="orders", command=(sys.executable, "-c", DEAF), worker=worker, longest_silence_s=1.0)
        asked = {"orders-8000": lambda: self.silence_s}
        self.supervisor = Supervisor(
            [spec], lambda _name, line: self.said.append(line), self.notes.append, lambda name: asked[name]()
        )

    def run(self, is_over: Callable[[], bool], at_most_s: float = 15.0) -> bool:
        """False if it was not over in time."""
        deadline = time.monotonic() + at_most_s
        self.supervisor.watch(lambda: is_over() or time.monotonic() > deadline, lambda: None)
        return is_over()

    def children(self) -> list[int]:
        return [int(line.split()[1]) for line in self.said if line.startswith("child")]

    def __enter__(self) -> "Scene":
        self.supervisor.start(lambda: False, lambda: None)
        assert self.run(lambda: len(self.children()) == 1)
        return self

    def __exit__(self, *error: object) -> None:
        self.supervisor.stop(lambda: True)


def test_a_silent_worker_is_replaced_and_nothing_of_it_is_left() -> None:
    with Scene() as scene:
        first = scene.supervisor.pids["orders"]
        scene.silence_s = 61.0

        assert scene.run(lambda: len(scene.children()) == 2)

        assert not psutil.pid_exists(first)
        assert not _lives(scene.children()[0])
        (note,) = scene.notes
        assert note.startswith("orders has executed no tick for ")
        assert note.endswith(" s and was ended; starting it again in 0.2 s")


def test_a_worker_that_has_just_started_is_given_its_time() -> None:
    with Scene() as scene:
        scene.silence_s = 86_400.0

        # What was silent so long ran before this one: it is ended once it has been up that long itself.
        assert not scene.run(lambda: len(scene.children()) == 2, at_most_s=0.3)
        assert scene.run(lambda: len(scene.children()) == 2)


def test_a_worker_that_ticks_and_a_process_that_is_none_are_left_alone() -> None:
    with Scene() as ticking, Scene(worker=None) as other:
        ticking.silence_s = 0.9
        other.silence_s = 86_400.0

        assert not ticking.run(lambda: bool(ticking.notes), at_most_s=1.5)
        assert not other.run(lambda: bool(other.notes), at_most_s=1.5)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
