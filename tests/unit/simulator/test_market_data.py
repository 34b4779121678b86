"""Generated prices: pure, exact on every timeframe, bounded."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.market_data import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Bar, Generator, merged
from simulator.symbols import SYMBOLS, Symbol

TIMEFRAMES = [
    *(n * MINUTE_MS for n in (1, 3, 5, 15, 30)),
    *(n * HOUR_MS for n in (1, 2, 4, 6, 8, 12)),
    DAY_MS,
]
symbols = st.sampled_from(list(SYMBOLS.values()))
times = st.integers(1_500_000_000_000, 2_100_000_000_000)
BTC = SYMBOLS["BTCUSDT"]


@cache
def generator(seed: int = 7) -> Generator:
    return Generator(seed)


def candle(symbol: Symbol, timeframe_ms: int, open_ms: int) -> Bar:
    row = generator().candles(symbol, timeframe_ms, open_ms, 1)
    return Bar(*(int(column[0]) for column in row))


@settings(max_examples=40, deadline=None)
@given(symbol=symbols, timeframe_ms=st.sampled_from(TIMEFRAMES), at_ms=times, finer=st.data())
def test_a_candle_is_the_aggregate_of_any_finer_candles(
    symbol: Symbol, timeframe_ms: int, at_ms: int, finer: st.DataObject
) -> None:
    choices = [each for each in (SECOND_MS, *TIMEFRAMES) if timeframe_ms % each == 0 and timeframe_ms // each <= 3600]
    finer_ms = finer.draw(st.sampled_from(choices))
    open_ms = at_ms // timeframe_ms * timeframe_ms
    rows = generator().candles(symbol, finer_ms, open_ms, timeframe_ms // finer_ms)
    parts = [Bar(*row) for row in zip(*(column.tolist() for column in rows), strict=True)]
    assert merged(parts) == candle(symbol, timeframe_ms, open_ms)


@settings(max_examples=40, deadline=None)
@given(symbol=symbols, timeframe_ms=st.sampled_from([SECOND_MS, *TIMEFRAMES]), at_ms=times)
def test_candles_are_possible_and_join(symbol: Symbol, timeframe_ms: int, at_ms: int) -> None:
    rows = generator().candles(symbol, timeframe_ms, at_ms // timeframe_ms * timeframe_ms, 120)
    assert (rows.low >= 1).all()
    assert (rows.high >= np.maximum(rows.open, rows.close)).all()
    assert (rows.low <= np.minimum(rows.open, rows.close)).all()
    assert (rows.volume > 0).all()
    assert (rows.open[1:] == rows.close[:-1]).all()


@settings(max_examples=40, deadline=None)
@given(symbol=symbols, from_ms=times, first=st.integers(0, 200_000), second=st.integers(0, 200_000))
def test_a_bar_is_additive_over_adjoining_spans(symbol: Symbol, from_ms: int, first: int, second: int) -> None:
    middle, to_ms = from_ms + first + 1, from_ms + first + second + 2
    left, right = generator().bar(symbol, from_ms, middle), generator().bar(symbol, middle, to_ms)
    assert merged([left, right]) == generator().bar(symbol, from_ms, to_ms)


@settings(max_examples=40, deadline=None)
@given(symbol=symbols, at_ms=times)
def test_the_price_at_a_moment_lies_in_its_second(symbol: Symbol, at_ms: int) -> None:
    second = candle(symbol, SECOND_MS, at_ms // 1000 * 1000)
    assert second.low <= generator().price(symbol, at_ms) <= second.high
    assert generator().price(symbol, at_ms // 1000 * 1000) == second.open


@settings(max_examples=20, deadline=None)
@given(symbol=symbols, at_ms=times, seed=st.integers(0, 2**31))
def test_prices_are_a_pure_function_of_seed_symbol_and_time(symbol: Symbol, at_ms: int, seed: int) -> None:
    # Given: generators that were asked different things before
    one, other = Generator(seed), Generator(seed)
    other.bar(SYMBOLS["ETHUSDT"], at_ms - DAY_MS, at_ms)
    other.candles(symbol, MINUTE_MS, at_ms // DAY_MS * DAY_MS, 100)
    # Then
    assert one.bar(symbol, at_ms - HOUR_MS, at_ms) == other.bar(symbol, at_ms - HOUR_MS, at_ms)
    assert one.price(symbol, at_ms) == other.price(symbol, at_ms)


GOLDEN = [
    [6044978, 6042738, 6041033],
    [6073326, 6056198, 6053108],
    [6035894, 5924185, 5945258],
    [6042738, 6041033, 6038086],
    [472250, 701887, 538482],
]


def test_these_prices_have_not_changed_since_they_were_written_down() -> None:
    known = generator().candles(BTC, MINUTE_MS, 1_790_000_040_000, 3)
    assert [row.tolist() for row in known] == GOLDEN


def test_seeds_and_symbols_differ() -> None:
    at_ms = 1_790_000_000_123
    assert len({Generator(seed).price(BTC, at_ms) for seed in range(5)}) == 5
    shapes = {generator().price(symbol, at_ms) / float(symbol.anchor / symbol.tick) for symbol in SYMBOLS.values()}
    assert len(shapes) == len(SYMBOLS)


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_forty_years_of_prices_stay_near_the_anchor(symbol: Symbol) -> None:
    rows = generator().candles(symbol, DAY_MS, 0, 365 * 80)
    anchor = float(symbol.anchor / symbol.tick)
    assert rows.low.min() > anchor * 0.5
    assert rows.high.max() < anchor * 2
    assert rows.close[:10_000].std() > anchor * 0.05


def test_volume_has_bursts() -> None:
    rows = generator().candles(BTC, MINUTE_MS, 1_790_000_040_000, 1000)
    usual = np.median(rows.volume)
    assert 0.02 < (rows.volume > 3 * usual).mean() < 0.5
