"""The dead man's switch, on a record in memory and cycles that are only counted."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.errors import Unavailable
from shared.domain.liveness import STANDBY
from tests.fakes import World
from worker.standby import Standby

INTERVALS = {"position": 10.0, "resolve": 5.0}
NAME = "standby-8000@here"


class Fleet:
    """A worker that ticks until it is told not to, and a standby that looks every second."""

    def __init__(self) -> None:
        self.world = World()
        self.ran: list[str] = []
        self.failing: dict[str, Exception] = {}
        worker: Any = type("Worker", (), {"services": self.world})()
        self.standby = Standby(worker, NAME, INTERVALS, {name: self.cycle(name) for name in INTERVALS})
        self.tick()

    def cycle(self, name: str) -> Callable[[Any], None]:
        def run(_worker: object) -> None:
            self.ran.append(name)
            if name in self.failing:
                raise self.failing[name]

        return run

    def tick(self) -> None:
        for name in INTERVALS:
            self.world.liveness.record("orders-8000@here", "orders", name)

    def pass_(self, seconds: int, is_ticking: bool = False) -> None:
        for _ in range(seconds):
            self.world.clock.advance(1)
            if is_ticking:
                self.tick()
            self.standby.look()

    def ran_of(self, name: str) -> int:
        return self.ran.count(name)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def test_nothing_is_done_while_workers_tick(fleet: Fleet) -> None:
    fleet.pass_(300, is_ticking=True)

    assert fleet.ran == []


def test_without_ticks_for_two_intervals_positions_are_watched_here(fleet: Fleet) -> None:
    fleet.pass_(19)
    assert fleet.ran_of("position") == 0

    fleet.pass_(1)
    assert fleet.ran_of("position") == 1


def test_it_keeps_to_the_intervals(fleet: Fleet) -> None:
    fleet.pass_(60)

    assert fleet.ran_of("position") == 5  # At 20, 30 … 60 s.
    assert fleet.ran_of("resolve") == 11  # At 10, 15 … 60 s.


def test_the_first_tick_of_a_worker_relieves_it(fleet: Fleet) -> None:
    fleet.pass_(25)
    before = len(fleet.ran)

    fleet.tick()
    fleet.pass_(9)

    assert len(fleet.ran) == before


def test_a_second_standby_stays_out_of_it(fleet: Fleet) -> None:
    with fleet.world.liveness.sole_standby():
        fleet.pass_(60)

    assert fleet.ran == []


def test_a_cycle_that_fails_stops_neither_the_other_nor_the_next(fleet: Fleet) -> None:
    fleet.failing["position"] = ZeroDivisionError()

    fleet.pass_(40)

    assert fleet.ran_of("position") == 3
    assert fleet.ran_of("resolve") == 7


def test_a_record_that_is_away_is_survived(fleet: Fleet) -> None:
    fleet.pass_(30)
    fleet.world.record.is_away = True
    before = len(fleet.ran)
    fleet.pass_(30)
    assert len(fleet.ran) == before

    fleet.world.record.is_away = False
    fleet.pass_(1)
    assert len(fleet.ran) == before + 2


def test_a_cycle_that_loses_the_record_is_run_again_at_its_interval(fleet: Fleet) -> None:
    fleet.failing["resolve"] = Unavailable("the database is away")

    fleet.pass_(30)

    assert fleet.ran_of("resolve") == 5


def test_its_ticks_are_recorded_as_a_standbys(fleet: Fleet) -> None:
    fleet.pass_(20)

    mine = {each.tick: each for each in fleet.world.liveness.ticks() if each.worker == NAME}
    assert set(mine) == {"spare", "position", "resolve"}
    assert {each.queue for each in mine.values()} == {STANDBY}
