"""What a worker signs with, and how often."""

import pytest

from shared.domain.errors import Unavailable
from tests.fakes import World
from worker.life import SIGN_EVERY_S, LifeSign


class Signing:
    """One process's sign, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now, self.world = 0.0, World()
        self._sign = LifeSign(lambda: self.now)

    def executed(self, *ticks: str) -> None:
        for tick in ticks:
            self._sign(self.world.liveness, "orders-8000@here", "orders", tick)

    def ages(self) -> dict[str, float]:
        return {each.tick: each.age_s for each in self.world.liveness.ticks()}


def test_a_tick_is_signed_with_the_workers_name_and_queue() -> None:
    signing = Signing()

    signing.executed("position")

    (only,) = signing.world.liveness.ticks()
    assert (only.worker, only.queue, only.tick) == ("orders-8000@here", "orders", "position")


def test_each_kind_is_signed_once_a_second_at_most() -> None:
    signing = Signing()
    signing.executed("relay", "position")

    signing.world.clock.advance(5)
    signing.now = SIGN_EVERY_S - 0.1
    signing.executed("relay", "resolve")
    assert signing.ages() == {"relay": 5, "position": 5, "resolve": 0}

    signing.now = SIGN_EVERY_S
    signing.executed("relay")
    assert signing.ages() == {"relay": 0, "position": 5, "resolve": 0}


def test_a_sign_that_was_not_written_is_due_again() -> None:
    signing = Signing()
    signing.world.record.is_away = True
    with pytest.raises(Unavailable):
        signing.executed("relay")

    signing.world.record.is_away = False
    signing.executed("relay")

    assert set(signing.ages()) == {"relay"}
