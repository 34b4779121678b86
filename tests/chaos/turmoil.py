"""Whole processes killed, drained and frozen at random, while the fleet trades on an exchange that lies."""

import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import psycopg2

from tests.chaos.fleet import Fleet
from tests.chaos.runs import Record, Say, checked
from tests.e2e.stack import until

RESTED_S = 35.0  # What dies younger is started again with growing delays.
CHECK_EVERY = 20
SLEEP_S = 8.0  # Longer than a lease, and than a signature lives.
BACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Blow:
    name: str
    is_child: bool
    number: signal.Signals

    def __str__(self) -> str:
        return f"{self.number.name} {self.name}{' child' if self.is_child else ''}"


@dataclass
class Turmoil:
    """What was done, and how long it took until a candle that closed afterwards was decided."""

    record: Record = field(default_factory=Record)
    recovered_s: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, seconds: float) -> None:
        self.recovered_s.setdefault(what, []).append(seconds)
        self.record.recovered_s.append(seconds)

    @property
    def count(self) -> int:
        return len(self.record.recovered_s)


def blows(fleet: Fleet) -> list[Blow]:
    """SIGKILL for each process, and for a child of each that works in children; a drain for what can be drained."""
    names = [name for name in fleet.names() if name not in {"simulator", "migrate"}]
    drained = [name for name in names if name not in {"redis", "postgres"}]
    return [
        *(Blow(name, False, signal.SIGKILL) for name in names),
        *(Blow(name, True, signal.SIGKILL) for name in (*fleet.worker_names(), "api", "postgres")),
        *(Blow(name, False, signal.SIGTERM) for name in drained),
        *(Blow(name, False, signal.SIGSTOP) for name in (*fleet.worker_names(), "beat-1", "beat-2")),
    ]


def random_blows(fleet: Fleet, count: int, seed: int, say: Say) -> Turmoil:
    chance, turmoil = random.Random(seed), Turmoil()
    struck_at: dict[str, float] = {}
    for number in range(count):
        if number % CHECK_EVERY == 0:
            fleet.trade()
            fleet.spoil()
        blow = _rested(chance, blows(fleet), struck_at)
        struck_at[blow.name] = time.monotonic()
        turmoil.note(str(blow), _struck(fleet, blow, chance))
        say(f"{number + 1:4d}  {blow!s:28s} {turmoil.record.recovered_s[-1]:5.1f} s")
        if (number + 1) % CHECK_EVERY == 0 or number + 1 == count:
            checked(fleet, turmoil.record)
            say(f"      {turmoil.record.violations or 'no violations'}")
    return turmoil


def _rested(chance: random.Random, choices: list[Blow], struck_at: dict[str, float]) -> Blow:
    """A blow at something that runs well since its last; waits for one where all are young."""

    def rested() -> list[Blow]:
        return [b for b in choices if time.monotonic() - struck_at.get(b.name, float("-inf")) > RESTED_S]

    return chance.choice(until(rested, 2 * RESTED_S, "a process that has run for a while"))


def _struck(fleet: Fleet, blow: Blow, chance: random.Random) -> float:
    """Seconds from the blow to the first decided candle that closed after it."""
    time.sleep(chance.uniform(0, 1))
    at = time.time()
    if blow.number is signal.SIGSTOP:
        with frozen(fleet, blow.name):
            time.sleep(SLEEP_S)
    else:
        fleet.kill(blow.name, is_child=blow.is_child, number=blow.number)
    until(lambda: _decided_after(fleet, at), BACK_S, f"a candle to be decided after {blow}")
    return time.time() - at


def _decided_after(fleet: Fleet, at: float) -> bool:
    try:
        return fleet.last_evaluated_ms() > at * 1000
    except psycopg2.Error:
        return False


@contextmanager
def frozen(fleet: Fleet, name: str) -> Iterator[None]:
    """The process called `name` and all below it neither work nor die."""
    processes = fleet.tree(name)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            if process.is_running():
                process.resume()


def api_killed_during_calls(fleet: Fleet, count: int, seed: int, say: Say) -> Turmoil:
    """Pauses and resumes, each cut off by the death of the API's processes, and repeated until it is answered."""
    chance, turmoil = random.Random(seed), Turmoil()
    for number in range(count):
        path, state = ("bot/pause", "paused") if number % 2 == 0 else ("bot/resume", "running")
        at = time.time()
        _cut_off(fleet, path, chance.uniform(0, 0.15))
        until(lambda path=path: _is_answered(fleet, path), BACK_S, f"{path} to be answered")  # type: ignore[misc]
        turmoil.note(path, time.time() - at)
        assert fleet.get("bot/status").body["state"] == state
        say(f"{number + 1:4d}  {path:12s} {turmoil.record.recovered_s[-1]:5.1f} s")
    checked(fleet, turmoil.record)
    return turmoil


def _cut_off(fleet: Fleet, path: str, after_s: float) -> None:
    call = threading.Thread(target=_is_answered, args=(fleet, path))
    call.start()
    time.sleep(after_s)
    for process in fleet.tree("api")[1:]:
        _killed(process)
    call.join()


def _killed(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _is_answered(fleet: Fleet, path: str) -> bool:
    try:
        return fleet.post(path).status == 200
    except (OSError, ValueError):
        return False
