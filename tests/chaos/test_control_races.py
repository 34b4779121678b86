"""Pause and stop against a fleet that trades: once they are answered, no entry reaches the exchange."""

import pytest

from tests.chaos.control_races import RACERS, SENT, ControlCall, acknowledged, raced, silences
from tests.chaos.figures import Figures
from tests.chaos.fleet import SYMBOLS, Fleet
from tests.chaos.runs import Record, checked

RACES = 50  # For each of COUNT: 1,000 by default.


@pytest.mark.chaos
@pytest.mark.slow
def test_no_entry_follows_an_acknowledged_pause_or_stop(fleet: Fleet, seed: int) -> None:
    record = Record()
    fleet.trade(SYMBOLS[:4])

    calls = raced(fleet, 9, seed, print)

    checked(fleet, record, silences(calls))
    assert silences(calls)
    assert record.violations == []


@pytest.mark.chaos
@pytest.mark.long_chaos
@pytest.mark.parametrize("is_spoilt", [False, True])
def test_no_entry_follows_any_of_a_thousand(
    fleet: Fleet, is_spoilt: bool, figures: Figures, count: int, seed: int
) -> None:
    record = Record()
    fleet.trade(SYMBOLS[:4])
    if is_spoilt:
        fleet.spoil()

    before = fleet.sql(SENT)[0][0]
    calls = raced(fleet, count * RACES // 2, seed, print)

    checked(fleet, record, silences(calls))
    answered = acknowledged(calls)
    venue = "35 % faulty answers" if is_spoilt else "a healthy exchange"
    promised = f"{len(silences(calls))} silences promised, {len(record.violations)} violations"
    sent = fleet.sql(SENT)[0][0] - before
    result = f"{promised}; {sent} entries sent in between, slowest answer {_slowest(answered):.1f} s"
    figures.add(f"pause and stop raced by {RACERS} clients, {venue}", len(answered), result)
    assert record.violations == []


def test_a_pause_promises_silence_from_its_answer_until_a_resume_is_asked_for() -> None:
    pause, resume = ControlCall(True, 10, 20, 200), ControlCall(False, 50, 60, 200)

    assert silences([pause, resume]) == [(20, 50)]


def test_a_pause_that_was_not_acknowledged_promises_nothing() -> None:
    assert silences([ControlCall(True, 10, 20, 503)]) == []


def test_a_resume_under_way_at_the_same_time_leaves_no_promise() -> None:
    assert silences([ControlCall(True, 10, 20, 200), ControlCall(False, 5, 15, 200)]) == []


def test_a_resume_that_was_answered_before_changes_nothing() -> None:
    assert silences([ControlCall(False, 1, 5, 200), ControlCall(True, 10, 20, 200)]) == [(20, float("inf"))]


def _slowest(calls: list[ControlCall]) -> float:
    return max((call.answered_ms - call.sent_ms) / 1000 for call in calls)
