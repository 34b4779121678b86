"""Runs: a schedule of endings on one fleet, healed and checked again and again while it goes on."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.crashing import LIVE_ONLY, POINTS
from tests.chaos.endings import Ending, How
from tests.chaos.evidence import gathered
from tests.chaos.fleet import Fleet
from tests.chaos.invariants import violations
from tests.e2e.books import contradictions

ARMED_AT_ONCE = 4
PAUSE_S = 0.3  # Between two endings, for the next to meet a system that works.
UNREACHED_S = 180.0
# Longer than a lease, than the signature's window, and than it takes to prove that nothing was placed.
FROZEN_S = 14.0
CHECK_EVERY = 60
MAIN_EVERY = 6

Say = Callable[[str], None]


@dataclass
class Record:
    """What a run did and found."""

    endings: list[Ending] = field(default_factory=list)
    recovered_s: list[float] = field(default_factory=list)
    resolved_s: list[float] = field(default_factory=list)
    unreached: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    checks: int = 0
    orders: int = 0

    @property
    def counts(self) -> Counter[str]:
        return Counter(ending.point for ending in self.endings)

    def ticks_after(self, *, is_main: bool) -> list[float]:
        """Seconds to the next tick: of children, or of whole workers, which are to be started first."""
        both = zip(self.endings, self.recovered_s, strict=True)
        return [seconds for ending, seconds in both if (ending.how is How.MAIN) is is_main]

    def summary(self) -> str:
        children, mains = self.ticks_after(is_main=False), self.ticks_after(is_main=True)
        return (
            f"{len(self.violations)} violations in {self.orders} orders and {self.checks} checks; next tick after "
            f"{_most(children)} s at most, of {len(mains)} whole workers {_most(mains)} s; "
            f"nothing in doubt {_most(self.resolved_s)} s after healing at most"
        )


def points_of(fleet: Fleet) -> list[str]:
    return [point for point in POINTS if fleet.is_live or point not in LIVE_ONLY]


def checked(fleet: Fleet, record: Record, silences: Sequence[tuple[float, float]] = ()) -> None:
    """Heal, stop, wait until nothing is unfinished, and compare everything; then trade on."""
    record.resolved_s.append(fleet.settled())
    found = violations(evidence := gathered(fleet, silences))
    found += [f"books: {what}: {rows[:3]}" for what, rows in contradictions(fleet).items()]
    # What is in the books stays there: it is one violation, however often it is seen.
    record.violations += [line for line in found if line not in record.violations]
    record.checks += 1
    record.orders = len(evidence.orders)


def ended_at_points(
    fleet: Fleet, schedule: Iterable[tuple[str, How]], record: Record, say: Say, at_once: int = ARMED_AT_ONCE
) -> None:
    """Arm a few points at a time, until each of the schedule was reached or waited for in vain."""
    waiting = list(schedule)
    armed: dict[str, float] = {}
    known = len(fleet.endings.seen())
    while waiting or armed:
        _arm_some(fleet, waiting, armed, at_once)
        time.sleep(0.05)
        for ending in fleet.endings.seen()[known:]:
            known += 1
            armed.pop(ending.point, None)
            _followed(fleet, ending, record)
            say(f"{len(record.endings):4d}  {ending.point:22s} {ending.how:7s} {record.recovered_s[-1]:5.2f} s")
            time.sleep(PAUSE_S)
        _give_up(fleet, armed, record)


def _arm_some(fleet: Fleet, waiting: list[tuple[str, How]], armed: dict[str, float], at_once: int) -> None:
    for entry in list(waiting):
        if len(armed) >= at_once:
            return
        point, how = entry
        if point not in armed:
            waiting.remove(entry)
            armed[point] = time.monotonic()
            fleet.endings.arm(point, how)


def _followed(fleet: Fleet, ending: Ending, record: Record) -> None:
    record.endings.append(ending)
    since = ending.at
    if ending.how is How.FROZEN:
        since = max(time.time(), ending.at + FROZEN_S)
        time.sleep(since - time.time())
        fleet.wake(ending.pid)
    record.recovered_s.append(fleet.recovered_s(ending.worker, since))


def _give_up(fleet: Fleet, armed: dict[str, float], record: Record) -> None:
    for point, since in list(armed.items()):
        if time.monotonic() - since > UNREACHED_S:
            fleet.endings.disarm(point)
            del armed[point]
            record.unreached[point] += 1


def schedule_of(points: Sequence[str], count: int, seed: int) -> list[tuple[str, How]]:
    """Each point `count` times, shuffled; every sixth ending takes the worker's main process with it."""
    found = [
        (point, How.STEADY if number % MAIN_EVERY == 3 else How.CHILD) for point in points for number in range(count)
    ]
    random.Random(seed).shuffle(found)
    return found


def crash_campaign(fleet: Fleet, count: int, seed: int, say: Say) -> Record:
    """Each point `count` times under 35 % of faulty answers, everything checked after every sixty endings."""
    record = Record()
    schedule = schedule_of(points_of(fleet), count, seed)
    for start in range(0, len(schedule), CHECK_EVERY):
        fleet.trade()
        fleet.spoil()
        ended_at_points(fleet, schedule[start : start + CHECK_EVERY], record, say)
        checked(fleet, record)
        say(f"{len(record.endings):4d}  {record.summary()}")
        for line in record.violations:
            say(f"      VIOLATION {line}")
    return record


def _most(seconds: Sequence[float]) -> str:
    return f"{max(seconds):.1f}" if seconds else "-"
