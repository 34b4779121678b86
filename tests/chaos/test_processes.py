"""Whole processes that die, drain or sleep at any moment: trading goes on, and nothing is undone or done twice."""

import pytest

from tests.chaos.endings import How
from tests.chaos.figures import Figures
from tests.chaos.fleet import UNRESOLVED_S, Fleet
from tests.chaos.runs import Record, checked, ended_at_points
from tests.chaos.turmoil import Turmoil, api_killed_during_calls, random_blows

# Asleep here for longer than a lease, a signature and the proof that nothing was placed.
SLEEPS = (
    "after_plan_commit",
    "order_taken",
    "permitted",
    "before_sending_commit",
    "after_sending_commit",
    "bytes_sent",
    "reply_received",
    "resolve_queried",
    "cancel_sent",
    "after_pubseq_commit",
)


@pytest.mark.chaos
@pytest.mark.long_chaos
def test_workers_that_sleep_at_each_point_send_nothing_twice(fleet: Fleet, figures: Figures, count: int) -> None:
    record = Record()
    for _ in range(max(count // 5, 1)):
        fleet.trade()
        fleet.spoil()
        ended_at_points(fleet, [(point, How.FROZEN) for point in SLEEPS], record, print)
        checked(fleet, record)

    figures.add("worker asleep for 14 s at 10 points, 35 % faulty answers", len(record.endings), record.summary())
    assert record.violations == []
    assert max(record.resolved_s) <= UNRESOLVED_S


@pytest.mark.chaos
@pytest.mark.long_chaos
def test_any_process_may_die_drain_or_sleep_at_any_moment(
    large_fleet: Fleet, figures: Figures, count: int, seed: int
) -> None:
    turmoil = random_blows(large_fleet, 3 * count, seed, print)

    for what, seconds in sorted(turmoil.recovered_s.items()):
        figures.add(what, len(seconds), f"next candle decided after {max(seconds):.1f} s at most")
    figures.add("of these together, 35 % faulty answers", turmoil.count, _result(turmoil))
    assert turmoil.record.violations == []


@pytest.mark.chaos
@pytest.mark.long_chaos
def test_a_control_call_that_is_cut_off_can_be_repeated(fleet: Fleet, figures: Figures, count: int, seed: int) -> None:
    fleet.trade()

    turmoil = api_killed_during_calls(fleet, 2 * count, seed, print)

    figures.add("API killed during a pause or a resume, which is then repeated", turmoil.count, _result(turmoil))
    assert turmoil.record.violations == []


def _result(turmoil: Turmoil) -> str:
    record, most = turmoil.record, max(turmoil.record.recovered_s)
    return f"{len(record.violations)} violations, {record.orders} orders, {record.checks} checks; {most:.1f} s at most"
