"""What holds for every strategy on any candles."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.domain.candles import HISTORY, Candles
from shared.domain.signals import Action, Evaluation
from strategies import registry
from tests.unit.strategies.series import candles, walk, without

# Short periods, so that a few hundred candles hold many signals. Names repeat where a parameter changes the arithmetic.
EXACT: list[tuple[str, dict[str, Any]]] = [
    ("MACrossoverStrategy", {"fast_period": 2, "slow_period": 5}),
    ("GridTradingStrategy", {"grid_spacing_pct": 0.3, "anchor_price": 100}),
    ("MomentumStrategy", {"lookback_period": 4, "volume_threshold": 1.1}),
]
RECURSIVE: list[tuple[str, dict[str, Any]]] = [
    ("MACrossoverStrategy", {"fast_period": 2, "slow_period": 5, "ma_type": "ema"}),
    ("RSIStrategy", {"rsi_period": 5}),
    ("MACDBollingerStrategy", {"macd_fast": 3, "macd_slow": 8, "macd_signal": 4, "bb_period": 10, "bb_std": 1}),
]
EVERY = EXACT + RECURSIVE
SEEDS = st.integers(0, 10**6)
# Ticks as coarse as 1 % of the price make ties and flat stretches common; 14 digits are more than 64 bits hold.
DIGITS = st.sampled_from([0, 1, 2, 14])
# Where a series is cut and where it has a gap, as parts of its length.
CUTS = st.tuples(st.floats(0, 1), st.none() | st.floats(0, 1))


def signed(evaluation: Evaluation) -> int:
    return -evaluation.lots if evaluation.action is Action.SELL else evaluation.lots


@pytest.mark.parametrize(("name", "params"), [*EVERY, ("GridTradingStrategy", {})])
@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, digits=DIGITS, count=st.integers(1, 400), cuts=CUTS)
def test_signals_of_a_prefix_are_the_prefix_of_the_signals(
    name: str, params: dict[str, Any], seed: int, digits: int, count: int, cuts: tuple[float, float | None]
) -> None:
    cut, gap = cuts
    whole = walk(seed, count, digits=digits)
    whole = whole if gap is None else without(whole, int(gap * count))
    length = int(cut * len(whole))

    early, all_of_them = registry.signals(name, params, whole[:length]), registry.signals(name, params, whole)

    assert early.lots.tolist() == all_of_them.lots[:length].tolist()
    for each, values in early.indicators.items():
        np.testing.assert_array_equal(values, all_of_them.indicators[each][:length])


@pytest.mark.parametrize(("name", "params"), EVERY)
def test_the_walks_of_these_tests_hold_many_signals_both_ways(name: str, params: dict[str, Any]) -> None:
    found = np.concatenate([registry.signals(name, params, walk(seed, 700)).lots for seed in range(10)])

    assert (found > 0).sum() > 30
    assert (found < 0).sum() > 30


@pytest.mark.parametrize(("name", "params"), EXACT)
@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, digits=DIGITS, at=st.integers(HISTORY, 699))
def test_a_live_window_decides_exactly_like_the_whole_series(
    name: str, params: dict[str, Any], seed: int, digits: int, at: int
) -> None:
    whole = walk(seed, 700, digits=digits)

    live = registry.evaluate(name, params, whole[at + 1 - HISTORY : at + 1])

    assert signed(live) == registry.signals(name, params, whole).lots[at]


@pytest.mark.parametrize(("name", "params"), RECURSIVE)
@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, digits=DIGITS, at=st.integers(HISTORY, 699))
def test_a_live_window_decides_like_the_whole_series_unless_nearly_tied(
    name: str, params: dict[str, Any], seed: int, digits: int, at: int
) -> None:
    whole = walk(seed, 700, digits=digits)
    found = registry.signals(name, params, whole)
    assume(margin(name, found.indicators, whole, at) > 1e-8)

    live = registry.evaluate(name, params, whole[at + 1 - HISTORY : at + 1])

    assert signed(live) == found.lots[at]
    for each, value in live.indicators.items():
        expected = found.indicators[each][at]
        assert math.isnan(expected) if value is None else value == pytest.approx(expected, rel=1e-7, abs=1e-7)


def margin(name: str, known: Any, whole: Candles, at: int) -> float:
    """How far, in parts of the price (or of 100 for RSI), the nearest comparison of this candle is from a tie."""
    if name == "RSIStrategy":
        rsi = known["rsi"][at]
        return 1.0 if math.isnan(rsi) else min(abs(rsi - 30), abs(rsi - 70)) / 100
    price = whole.close[at]
    if name == "MACrossoverStrategy":
        return float(np.abs(known["fast"] - known["slow"])[at - 1 : at + 1].min()) / price
    recent = slice(at - 2, at + 1)
    lows, highs = np.array(whole.low[recent]), np.array(whole.high[recent])
    gaps = [
        np.abs(known["macd"] - known["macd_signal"])[at - 1 : at + 1],
        np.abs(known["bb_lower"][recent] - lows),
        np.abs(known["bb_upper"][recent] - highs),
    ]
    return float(np.concatenate(gaps).min()) / price


@pytest.mark.parametrize(("name", "params"), EXACT)
@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, gap=st.integers(250, 500), after=st.integers(-5, 320))
def test_live_and_whole_agree_on_when_a_gap_is_over(
    name: str, params: dict[str, Any], seed: int, gap: int, after: int
) -> None:
    whole = without(walk(seed, 900), gap)
    at = max(gap + after, HISTORY)

    live = registry.evaluate(name, params, whole[at + 1 - HISTORY : at + 1])

    assert signed(live) == registry.signals(name, params, whole).lots[at]


@pytest.mark.parametrize(("name", "params"), EVERY)
@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, gap=st.integers(1, HISTORY - 1))
def test_a_gap_anywhere_in_the_live_window_means_hold(name: str, params: dict[str, Any], seed: int, gap: int) -> None:
    window = without(walk(seed, HISTORY + 1), gap)

    evaluation = registry.evaluate(name, params, window)

    assert evaluation.action is Action.HOLD
    assert evaluation.reason.startswith("a candle is missing before 2026-01-01T")


@pytest.mark.parametrize(("name", "params"), EVERY)
@settings(deadline=None, max_examples=25)
@given(
    price=st.floats(1e-8, 1e8),
    volumes=st.lists(st.floats(0, 1e6), min_size=120, max_size=120),
)
def test_flat_prices_mean_hold_whatever_the_volume(
    name: str, params: dict[str, Any], price: float, volumes: list[float]
) -> None:
    evaluation = registry.evaluate(name, params, candles([price] * 120, volumes=volumes))

    assert (evaluation.action, evaluation.lots) == (Action.HOLD, 0)
    assert "warming" not in evaluation.reason


@pytest.mark.parametrize(("name", "params"), [*EVERY, ("GridTradingStrategy", {})])
@settings(deadline=None, max_examples=60)
@given(
    closes=st.lists(st.floats() | st.floats(0, 1e6) | st.sampled_from([0.0, 1.0, 2.0]), max_size=60),
    repeats=st.integers(1, 3),
)
def test_an_evaluation_is_always_a_sentence_and_finite_numbers(
    name: str, params: dict[str, Any], closes: list[float], repeats: int
) -> None:
    evaluation = registry.evaluate(name, params, candles(closes * repeats, volumes=closes * repeats))

    json.dumps({"close": evaluation.close, **evaluation.indicators}, allow_nan=False)
    assert evaluation.reason
    assert "nan" not in evaluation.reason
    assert (evaluation.action is Action.HOLD) == (evaluation.lots == 0)
