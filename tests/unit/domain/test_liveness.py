"""Who lives, and who has to step in."""

import pytest

from shared.domain.liveness import SPARE, STANDBY, LastTick, living_workers, orphaned, silences

INTERVALS = {"position": 10.0, "resolve": 5.0}


def ticks(**ages: float) -> list[LastTick]:
    """Of one worker: tick=age."""
    return [LastTick("orders@a", "orders", tick, age_s) for tick, age_s in ages.items()]


def stood_in(**ages: float) -> list[LastTick]:
    return [LastTick("standby@a", STANDBY, tick, age_s) for tick, age_s in ages.items()]


@pytest.mark.parametrize(
    ("executed", "due"),
    [
        (ticks(position=19.9, resolve=9.9), []),
        (ticks(position=20.0, resolve=9.9), ["position"]),
        (ticks(position=1.0, resolve=10.0), ["resolve"]),
        (ticks(position=300.0, resolve=300.0), ["position", "resolve"]),
        ([], ["position", "resolve"]),
        (ticks(relay=0.1), ["position", "resolve"]),
    ],
)
def test_a_standby_steps_in_once_two_intervals_have_passed(executed: list[LastTick], due: list[str]) -> None:
    assert orphaned(executed, INTERVALS) == due


def test_one_worker_that_ticks_is_enough() -> None:
    dead = [LastTick("orders@b", "orders", tick, 9000.0) for tick in INTERVALS]

    assert orphaned([*dead, *ticks(position=5, resolve=5)], INTERVALS) == []


@pytest.mark.parametrize(("age_s", "due"), [(9.9, []), (10.0, ["position"])])
def test_a_standby_keeps_to_the_interval_itself(age_s: float, due: list[str]) -> None:
    assert orphaned([*ticks(position=40), *stood_in(position=age_s)], {"position": 10.0}) == due


def test_short_intervals_leave_a_worker_time_for_one_slow_tick() -> None:
    assert orphaned(ticks(position=9.0), {"position": 1.0}) == []
    assert orphaned(ticks(position=10.0), {"position": 1.0}) == ["position"]


def test_a_standbys_ticks_are_no_sign_of_a_worker() -> None:
    assert living_workers(stood_in(position=1)) == []
    assert orphaned(stood_in(position=30), {"position": 10.0}) == ["position"]


def test_a_worker_lives_by_any_tick_and_by_one_that_another_had_executed() -> None:
    executed = [
        LastTick("a", "orders", "position", 400.0),
        LastTick("a", "orders", "relay", 14.9),
        LastTick("b", "strategy", SPARE, 2.0),
        LastTick("c", "strategy", "strategy", 15.0),
    ]

    assert living_workers(executed) == ["a", "b"]
    assert silences(executed) == {"a": 14.9, "b": 2.0, "c": 15.0}
