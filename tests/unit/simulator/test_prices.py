"""Pins and scripts over the generated series."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.market_data import MINUTE_MS, Generator
from simulator.prices import Candle, Overlay, Prices, pinned, released, scripted
from simulator.symbols import SYMBOLS

BTC = SYMBOLS["BTCUSDT"]
T = 1_790_000_040_000  # The start of a minute.
GENERATOR = Generator(7)


def prices(*overlays: Overlay) -> Prices:
    made = Prices(GENERATOR)
    made.overlays = {"BTCUSDT": overlays}
    return made


def aggregate(candles: list[Candle]) -> tuple[Decimal, ...]:
    return (
        candles[0].open,
        max(candle.high for candle in candles),
        min(candle.low for candle in candles),
        candles[-1].close,
        sum((candle.volume for candle in candles), Decimal(0)),
    )


overlays = st.lists(st.integers(-90_000, 200_000), min_size=1, max_size=8, unique=True).map(sorted)


@settings(max_examples=30, deadline=None)
@given(edges=overlays, price=st.integers(4_000_000, 9_000_000), now=st.integers(0, 240_000))
def test_pinned_candles_agree_between_timeframes(edges: list[int], price: int, now: int) -> None:
    # Given: pins with gaps between them, the last one open
    pins = [
        Overlay("BTCUSDT", T + start, T + end, ((T + start, price), (T + end, price + 5_000)))
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]
    if len(edges) % 2:
        pins.append(Overlay("BTCUSDT", T + edges[-1], None, ((T + edges[-1], price),)))
    market = prices(*pins)
    # When
    minutes = market.candles(BTC, MINUTE_MS, T, 5, T + now)
    seconds = market.candles(BTC, 1_000, T, 300, T + now)
    # Then
    for number, minute in enumerate(minutes):
        inside = seconds[number * 60 : number * 60 + 60]
        assert aggregate(inside) == aggregate([minute])


def test_a_pin_holds_from_its_moment_until_it_is_released() -> None:
    [pin] = released((pinned(BTC, Decimal("50000.004"), T + 500),), T + 2_500)
    market = prices(pin)
    assert market.at(BTC, T + 499) == GENERATOR.price(BTC, T + 499)
    assert [market.at(BTC, T + ms) for ms in (500, 2_499)] == [5_000_000, 5_000_000]
    assert market.at(BTC, T + 2_500) == GENERATOR.price(BTC, T + 2_500)


def test_a_whole_candle_under_a_pin_is_flat_with_the_generated_volume() -> None:
    pinned_candle = prices(pinned(BTC, Decimal(50_000), T)).candles(BTC, 1_000, T, 1, T + 5_000)[0]
    free_candle = prices().candles(BTC, 1_000, T, 1, T + 5_000)[0]
    assert set(aggregate([pinned_candle])[:4]) == {Decimal(50_000)}
    assert pinned_candle.volume == free_candle.volume > 0


def test_the_forming_candle_knows_nothing_of_the_future() -> None:
    now = T + 90_000
    forming = prices().candles(BTC, MINUTE_MS, T, 10, now)[-1]
    whole = prices().candles(BTC, MINUTE_MS, T, 2, T + 120_000)[-1]
    assert (forming.open_ms, forming.is_closed, whole.is_closed) == (T + 60_000, False, True)
    assert forming.close == BTC.price(GENERATOR.price(BTC, now))
    assert forming.open == whole.open
    assert forming.volume < whole.volume
    assert whole.low <= forming.low <= forming.high <= whole.high


def test_no_candle_opens_in_the_future() -> None:
    assert [candle.open_ms for candle in prices().candles(BTC, MINUTE_MS, T, 10, T)] == [T]
    assert prices().candles(BTC, MINUTE_MS, T + MINUTE_MS, 10, T) == []


@pytest.mark.parametrize(
    ("ms", "ticks"), [(0, 100), (1_000, 150), (2_000, 200), (2_500, 150), (3_000, 100), (9_000, 100)]
)
def test_a_script_runs_straight_between_its_points(ms: int, ticks: int) -> None:
    script = scripted(BTC, [(2.0, Decimal("2.00")), (3.0, Decimal("1.00"))], T, current=100)
    assert script.at(T + ms) == ticks


def test_a_later_pin_ends_an_earlier_one() -> None:
    first = pinned(BTC, Decimal(1), T)
    assert released((first,), T + 1_000) == (first.ended(T + 1_000),)
    assert released((first,), T) == ()
