"""Starts processes in order of readiness, restarts what dies, and stops all in reverse order."""

import time
from collections.abc import Callable, Sequence

from cli.supervisor.backoff import failures_after_exit, restart_delay_s
from cli.supervisor.child import Child, stop_all
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.specs import ProcessSpec, startable, stop_order

POLL_S = 0.05
EAGER_S = 1.0
PATIENT_POLL_S = 0.25
PROGRESS_S = 2.0
START_TIMEOUT_S = 180.0
START_FAILURES = 3  # A process that dies this often before the system was ready won't get better by itself.


Write = Callable[[str, str], None]
Note = Callable[[str], None]
Silence = Callable[[str], float]  # A worker's name: seconds since its last tick, 0 where that is not known. At once.


class Supervisor:
    """Drive it from one thread: `start` until all are ready, then `watch`, and `stop` in any case."""

    def __init__(
        self, specs: Sequence[ProcessSpec], write: Write, note: Note, silence_s: Silence = lambda _worker: 0.0
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._write = write
        self._note = note
        self._silence_s = silence_s
        self._began = time.monotonic()
        self._children: dict[str, Child] = {}
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._look_at: dict[str, float] = {}
        self._has_been_ready: set[str] = set()
        self._ready: set[str] = set()
        self.generation = 0  # Rises with every process started.

    @property
    def pids(self) -> dict[str, int]:
        return {name: child.pid for name, child in self._children.items()}

    def start(self, is_stopping: Callable[[], bool], on_change: Callable[[], None]) -> bool:
        """True once all are ready, false if asked to stop before. Raises StartError when it can't succeed."""
        next_progress = self._began + PROGRESS_S
        while not is_stopping():
            self._step(on_change)
            waiting = [name for name in self._specs if name not in self._ready]
            if not waiting:
                return True
            self._give_up_if_hopeless(waiting)
            if time.monotonic() >= next_progress:
                self._note(f"{self._age()} waiting for {', '.join(waiting)}")
                next_progress += PROGRESS_S
            time.sleep(POLL_S)
        return False

    def watch(self, is_stopping: Callable[[], bool], on_change: Callable[[], None]) -> None:
        """Until asked to stop."""
        while not is_stopping():
            self._step(on_change)
            time.sleep(POLL_S)

    def stop(self, is_hurried: Callable[[], bool]) -> None:
        """Nothing that was started is left."""
        for group in stop_order(self._specs.values()):
            names = [spec.name for spec in group if spec.name in self._children]
            if names:
                self._note(f"stopping {', '.join(names)}")
                stop_all([self._children.pop(name) for name in names], is_hurried)

    def _step(self, on_change: Callable[[], None]) -> None:
        before = self.generation
        now = time.monotonic()
        for child in list(self._children.values()):
            if child.exit_code is not None:
                self._handle_exit(child, now, f"stopped ({_ending(child.exit_code)})")
            elif (silent_s := self._silent_s(child, now)) > child.spec.longest_silence_s:
                self._handle_exit(child, now, f"has executed no tick for {silent_s:.0f} s and was ended")
        due = [self._specs[name] for name, at in self._due.items() if at <= now]
        started = {*self._children, *self._due, *self._has_been_ready}
        for spec in [*due, *startable(self._specs.values(), started, self._has_been_ready)]:
            self._launch(spec)
        if self.generation != before:
            on_change()
        for name, child in self._children.items():
            if name not in self._ready and now >= self._look_at.get(name, 0.0):
                self._look(name, child)

    def _look(self, name: str, child: Child) -> None:
        if _is_ready(child):
            self._mark_ready(name)
        # Asking an API that is not ready costs it the time that it needs to become so.
        now = time.monotonic()
        self._look_at[name] = now + (POLL_S if now - child.started_at < EAGER_S else PATIENT_POLL_S)

    def _launch(self, spec: ProcessSpec) -> None:
        self._due.pop(spec.name, None)
        self._children[spec.name] = Child(spec, self._write)
        self.generation += 1

    def _mark_ready(self, name: str) -> None:
        self._ready.add(name)
        self._has_been_ready.add(name)
        if self._specs[name].probe is not None:
            self._note(f"{self._age()} {name} is ready")

    def _silent_s(self, child: Child, now: float) -> float:
        """What ran before it says nothing of it."""
        if child.spec.worker is None:
            return 0.0
        return min(now - child.started_at, self._silence_s(child.spec.worker))

    def _handle_exit(self, child: Child, now: float, what: str) -> None:
        """Of one that has ended, or has to: whatever is left of it is killed."""
        spec, code = child.spec, child.exit_code
        child.end_group()
        del self._children[spec.name]
        if spec.is_oneshot and code == 0:
            self._mark_ready(spec.name)
            return
        self._ready.discard(spec.name)
        self._failures[spec.name] = failures_after_exit(self._failures.get(spec.name, 0), now - child.started_at)
        failures = self._failures[spec.name]
        if not self._ever_ready and (spec.is_oneshot or failures >= START_FAILURES):
            raise StartError(ExitCode.NOT_READY, f"{spec.name} failed ({_ending(code)}): {child.last_words}")
        delay = restart_delay_s(failures)
        self._due[spec.name] = now + delay
        self._note(f"{spec.name} {what}; starting it again in {delay:.1f} s")

    @property
    def _ever_ready(self) -> bool:
        return self._has_been_ready.issuperset(self._specs)

    def _give_up_if_hopeless(self, waiting: list[str]) -> None:
        if time.monotonic() - self._began < START_TIMEOUT_S:
            return
        first = waiting[0]
        said = self._children[first].last_words if first in self._children else "it is not running"
        names = ", ".join(waiting)
        raise StartError(ExitCode.NOT_READY, f"not ready after {START_TIMEOUT_S:.0f} s: {names}; {first}: {said}")

    def _age(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s "


def _is_ready(child: Child) -> bool:
    if child.spec.is_oneshot:
        return False
    return child.spec.probe is None or child.spec.probe()


def _ending(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
