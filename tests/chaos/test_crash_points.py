"""Workers killed at each named point of the order protocol, on an exchange that lies: one effect, whatever dies."""

import pytest

from tests.chaos.crashing import LIVE_ONLY, POINTS
from tests.chaos.figures import Figures
from tests.chaos.fleet import RECOVERED_S, STARTED_S, UNRESOLVED_S, Fleet
from tests.chaos.runs import Record, checked, crash_campaign, ended_at_points, points_of, schedule_of


@pytest.mark.chaos
@pytest.mark.slow
def test_a_worker_killed_once_at_each_point_leaves_nothing_undone_or_done_twice(fleet: Fleet, seed: int) -> None:
    # Given a fleet that trades, on an exchange 35 % of whose answers are wrong
    record = Record()
    fleet.trade()
    fleet.spoil()

    # When its workers are killed, once at each point
    ended_at_points(fleet, schedule_of(points_of(fleet), 1, seed), record, print, at_once=8)

    # Then every point was reached, and nothing contradicts the exchange, the ledger or the events
    checked(fleet, record)
    assert (record.violations, record.unreached) == ([], {})
    assert set(record.counts) == set(POINTS)
    assert max(record.resolved_s) <= UNRESOLVED_S


@pytest.mark.chaos
@pytest.mark.long_chaos
@pytest.mark.parametrize("name", ["fleet", "large_fleet", "paper_fleet"])
def test_workers_killed_at_each_point_again_and_again(
    name: str, request: pytest.FixtureRequest, figures: Figures, count: int, seed: int
) -> None:
    """COUNT kills at each point; every sixth takes the whole worker with it, where it is old enough."""
    fleet: Fleet = request.getfixturevalue(name)
    # On paper the venue is our own, and its faults are the database's: a quarter will do.
    count = count if fleet.is_live else max(count // 4, 1)

    record = crash_campaign(fleet, count, seed, print)

    mode = f"{'live' if fleet.is_live else 'paper'}, {fleet.pairs} pair(s) of workers, seed {seed}"
    figures.add(f"worker killed at {len(record.counts)} points, 35 % faulty answers; {mode}", *_result(record))
    assert record.violations == []
    assert set(record.counts) == set(POINTS) - (set() if fleet.is_live else LIVE_ONLY)
    assert max(record.ticks_after(is_main=False)) <= RECOVERED_S
    assert max(record.ticks_after(is_main=True), default=0) <= STARTED_S
    assert max(record.resolved_s) <= UNRESOLVED_S


def _result(record: Record) -> tuple[int, str]:
    return len(record.endings), record.summary()
