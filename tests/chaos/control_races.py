"""Pause and stop, asked by several clients at once of a fleet that trades: what their answers promise, and when."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.fleet import Fleet
from tests.e2e.stack import until

RACERS = 5
JITTER_S = 0.08
QUIET_S = (0.3, 0.9)
HUSHES = ("bot/pause", "bot/stop")
STOPS = 0.2  # A start lets entries wait for the account's reconciliation, a resume does not.
SENT = "SELECT count(*) FROM orders WHERE purpose = 'entry' AND attempt > 0"


@dataclass(frozen=True, slots=True)
class ControlCall:
    """One call, its times in ms. `is_hush`: pause or stop; the others let the bot trade."""

    is_hush: bool
    sent_ms: float
    answered_ms: float
    status: int


def silences(calls: Sequence[ControlCall]) -> list[tuple[float, float]]:
    """(from, until): after each acknowledged pause or stop, until somebody next asks the bot to trade.

    A call that lets it trade and was under way at the same time may have come second: then nothing was promised.
    """
    found = []
    for hush in acknowledged(calls):
        later = [call.sent_ms for call in calls if not call.is_hush and call.answered_ms > hush.sent_ms]
        until_ms = min(later, default=float("inf"))
        if until_ms > hush.answered_ms:
            found.append((hush.answered_ms, until_ms))
    return found


def raced(fleet: Fleet, wanted: int, seed: int, say: Callable[[str], None]) -> list[ControlCall]:
    """Every call that was made, until `wanted` pauses and stops were acknowledged.

    In each round all racers pause or stop at once, sometimes while another resumes; then the bot runs until it buys.
    """
    chance, calls = random.Random(seed), list[ControlCall]()
    while len(acknowledged(calls)) < wanted:
        _until_entries_leave(fleet, chance)
        calls += _round(fleet, chance)
        time.sleep(chance.uniform(*QUIET_S))
        calls.append(_called(fleet, is_hush=False, ask=lambda: _run(fleet)))
        say(f"{len(acknowledged(calls)):4d} acknowledged, {len(silences(calls))} silences promised")
    return calls


def acknowledged(calls: Sequence[ControlCall]) -> list[ControlCall]:
    return [call for call in calls if call.is_hush and call.status == 200]


def _until_entries_leave(fleet: Fleet, chance: random.Random) -> None:
    """Until one has left, then into the part of a second in which the last candle's orders are on their way."""
    before = fleet.sql(SENT)
    until(lambda: fleet.sql(SENT) != before, 180, "an entry to be sent")
    time.sleep(1 - time.time() % 1 + chance.uniform(0.2, 0.7))


def _round(fleet: Fleet, chance: random.Random) -> list[ControlCall]:
    calls: list[ControlCall] = []

    def race(path: str, delay_s: float) -> None:
        time.sleep(delay_s)
        calls.append(_called(fleet, is_hush=path in HUSHES, ask=lambda: fleet.post(path).status))

    with_stops = chance.random() < STOPS
    paths = [chance.choice(HUSHES) if with_stops else "bot/pause" for _ in range(RACERS)]
    if chance.random() < 0.2:
        paths.append("bot/resume")
    racers = [threading.Thread(target=race, args=(path, chance.uniform(0, JITTER_S))) for path in paths]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return calls


def _run(fleet: Fleet) -> int:
    fleet.running()
    return 200


def _called(fleet: Fleet, *, is_hush: bool, ask: Callable[[], int]) -> ControlCall:
    sent_ms = time.time() * 1000
    try:
        status = ask()
    except OSError:
        status = 0  # Nobody knows whether it took effect.
    return ControlCall(is_hush, sent_ms, time.time() * 1000, status)
