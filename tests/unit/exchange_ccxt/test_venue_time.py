"""The venue's clock between measurements, and without them."""

import pytest

from shared.adapters.exchange_ccxt.venue_time import FRESH_S, USABLE_S, VenueTime
from shared.domain.errors import ExchangeDown, Throttled


class Scene:
    """A venue `ahead_ms` ahead of a monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.second = 1_000.0
        self.ahead_ms = 500_000.0
        self.error: Exception | None = None
        self.asked = 0
        self.time = VenueTime(self._measure, lambda: self.second)

    def _measure(self) -> tuple[float, float]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.second * 1000 + self.ahead_ms, self.second


def test_it_goes_on_by_itself_between_measurements() -> None:
    scene = Scene()
    first = scene.time.now_ms()
    scene.second += FRESH_S
    assert scene.time.now_ms() - first == FRESH_S * 1000
    assert scene.asked == 1


def test_it_is_measured_again_once_it_is_old() -> None:
    # Given
    scene = Scene()
    scene.time.now_ms()
    # When
    scene.second += FRESH_S + 1
    scene.ahead_ms -= 30_000
    # Then
    assert scene.time.now_ms() == scene.second * 1000 + scene.ahead_ms
    assert scene.asked == 2


@pytest.mark.parametrize("error", [ExchangeDown("away"), Throttled("full")])
def test_an_old_measurement_will_do_while_the_venue_cannot_be_asked(error: Exception) -> None:
    # Given
    scene = Scene()
    scene.time.now_ms()
    scene.error = error
    # When / Then
    scene.second += USABLE_S
    assert scene.time.now_ms() == scene.second * 1000 + scene.ahead_ms
    scene.second += 1
    with pytest.raises(type(error)):
        scene.time.now_ms()


def test_a_venue_that_gave_no_time_is_not_asked_again_at_once() -> None:
    # Given an old measurement, and a venue that lets each question time out
    scene = Scene()
    scene.time.now_ms()
    scene.error = ExchangeDown("no answer")
    scene.second += FRESH_S + 1
    # When every order of a tick asks for the time
    for _ in range(20):
        scene.time.now_ms()
    # Then
    assert scene.asked == 2
    scene.second += FRESH_S + 1
    scene.time.now_ms()
    assert scene.asked == 3


def test_without_any_measurement_there_is_no_time() -> None:
    scene = Scene()
    scene.error = ExchangeDown("away")
    with pytest.raises(ExchangeDown):
        scene.time.now_ms()


def test_a_time_that_was_refused_is_not_used_again() -> None:
    # Given
    scene = Scene()
    scene.time.now_ms()
    scene.time.forget()
    scene.error = ExchangeDown("away")
    # When / Then
    with pytest.raises(ExchangeDown):
        scene.time.now_ms()
