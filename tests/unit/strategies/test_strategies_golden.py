"""Examples small enough to check by hand, and `ta` against formulas written out in plain Python."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shared.domain.candles import HISTORY, Candles, Timeframe
from shared.domain.signals import Action
from strategies import indicators, registry
from strategies.base import Series, as_lots
from strategies.ticks import ticks, window_sums, with_room
from tests.unit.strategies import reference
from tests.unit.strategies.series import STEP_MS, candles, walk, without


def lots(name: str, params: dict[str, Any], series: Candles) -> list[int]:
    return [int(each) for each in registry.signals(name, params, series).lots]


SMALL_MA = {"fast_period": 2, "slow_period": 3}
FLAT = [100.0] * 30
DIP = {"macd_fast": 2, "macd_slow": 3, "macd_signal": 2, "bb_period": 3, "bb_std": 1, "touch_lookback": 2}
GRID = {"grid_levels": 4, "grid_spacing_pct": 1, "anchor_price": 100}  # 98, 99, 101, 102


def test_averages_that_cross_give_one_signal_each_way() -> None:
    # fast: ., 10, 10, 11.5, 13.5, 9; slow: ., ., 10, 11, 12.33, 10.67
    closes = [10, 10, 10, 13, 14, 4]

    assert lots("MACrossoverStrategy", SMALL_MA, candles(closes)) == [0, 0, 0, 1, 0, -1]


def test_averages_that_meet_without_crossing_give_no_signal() -> None:
    # fast: 12.5, 13, 13; slow: 11.33, 12.67, 13: equal at the end, not below.
    closes = [10, 10, 12, 13, 13, 13]

    assert lots("MACrossoverStrategy", SMALL_MA, candles(closes)) == [0, 0, 0, 0, 0, 0]


def test_averages_equal_in_decimals_do_not_cross_by_a_float_bit() -> None:
    # Given averages of two and three that are both 0.2 but differ as floats, and prices below before
    closes = [0.4, 0.2, 0.1, 0.3]
    assert (0.1 + 0.3) / 2 != (0.2 + 0.1 + 0.3) / 3

    evaluation = registry.evaluate("MACrossoverStrategy", SMALL_MA, candles(closes))

    assert evaluation.action is Action.HOLD
    assert evaluation.reason == "fast and slow are equal at 0.2"


def test_averages_that_part_after_meeting_have_crossed_either_way() -> None:
    # Flat prices hold both at 10: leaving that upward or downward is a crossing.
    assert lots("MACrossoverStrategy", SMALL_MA, candles([10, 10, 10, 10, 11]))[-1] == 1
    assert lots("MACrossoverStrategy", SMALL_MA, candles([10, 10, 10, 10, 9]))[-1] == -1


def test_the_smallest_crossing_of_a_large_price_counts() -> None:
    # The averages part by 1.7e-5 of a million, less than floats are trusted with.
    series = candles([1_000_000.0] * 4 + [1_000_000.0001])

    assert lots("MACrossoverStrategy", SMALL_MA, series)[-1] == 1


def test_exponential_averages_that_meet_do_not_cross_by_a_float_bit() -> None:
    # 6 up, then 1: ema2 is 91.7 + 6 * 2/9 + 2/3, ema3 is 91.7 + 6 / 4 + 1/2, both 93.7, but not in floats.
    series = candles([91.7] * 30 + [97.7, 92.7])
    fast, slow = indicators.ema(Series.of(series).close, 2, 3)
    assert fast[-1] < slow[-1]

    evaluation = registry.evaluate("MACrossoverStrategy", SMALL_MA | {"ma_type": "ema"}, series)

    assert evaluation.reason == "fast and slow are equal at 93.7"
    assert evaluation.action is Action.HOLD


def test_prices_too_long_for_64_bits_become_whole_ticks_too() -> None:
    closes = np.array([4e15, 1e-7, 0.5])

    assert window_sums(ticks(closes), 2).tolist() == [0, 4 * 10**22 + 1, 5 * 10**6 + 1]


def test_sums_that_could_overflow_64_bits_are_python_integers() -> None:
    narrow = ticks(np.array([46_319.5, 46_320.0]))

    assert with_room(narrow, 200).dtype == np.int64
    assert with_room(narrow, 10**13).dtype == object


@pytest.mark.parametrize("close", [0.00001234, 0.1 + 0.2, 123_456.789, 1e-300, 7.0])
def test_ticks_say_what_the_shortest_decimal_says(close: float) -> None:
    one_and_it = ticks(np.array([1.0, close])).tolist()

    assert Fraction(one_and_it[1], one_and_it[0]) == Fraction(repr(close))


def test_exponential_averages_cross_like_simple_ones() -> None:
    # ema2 after the jump: 100 + 2/3 * 9 = 106; ema3: 100 + 1/2 * 9 = 104.5
    evaluation = registry.evaluate("MACrossoverStrategy", SMALL_MA | {"ma_type": "ema"}, candles([*FLAT, 109]))

    assert evaluation.action is Action.BUY
    assert evaluation.indicators == {"fast": pytest.approx(106), "slow": pytest.approx(104.5)}
    assert evaluation.reason == "fast 106 crossed above slow 104.5"


def test_rsi_of_a_price_that_alternates_is_two_thirds_and_one_third() -> None:
    # Wilder's averages over two candles: after a rise gain 2/3 and loss 1/3, after a fall the reverse.
    series = candles([100.0, 101.0] * 20)
    params = {"rsi_period": 2, "oversold": 34, "overbought": 66}

    found = registry.signals("RSIStrategy", params, series)

    assert found.indicators["rsi"][-2:] == pytest.approx([100 / 3, 200 / 3], abs=1e-6)
    assert found.lots[-2:].tolist() == [1, -1]


def test_rsi_signals_on_the_level_and_not_on_the_crossing() -> None:
    falling = candles([100.0 - i for i in range(40)])

    assert lots("RSIStrategy", {"rsi_period": 2}, falling)[-3:] == [1, 1, 1]


@pytest.mark.parametrize("closes", [[100.0, 101.0], [100.0, 99.0, 98.0, 97.0]])
def test_rsi_on_its_threshold_is_no_signal(closes: list[float]) -> None:
    series = candles((closes * 20)[:40])
    seen = registry.evaluate("RSIStrategy", {"rsi_period": 2}, series).indicators["rsi"]
    assert seen is not None

    at_it = {"rsi_period": 2, "oversold": seen, "overbought": 99}
    assert registry.evaluate("RSIStrategy", at_it, series).action is Action.HOLD
    assert registry.evaluate("RSIStrategy", at_it | {"oversold": 1, "overbought": seen}, series).action is Action.HOLD


def test_flat_prices_give_no_rsi() -> None:
    evaluation = registry.evaluate("RSIStrategy", {"rsi_period": 2}, candles(FLAT))

    assert (evaluation.action, evaluation.indicators) == (Action.HOLD, {"rsi": None})
    assert evaluation.reason == "prices are flat: the last 3 closes are 100"


@pytest.mark.parametrize("last", [90.0, 110.0])
def test_prices_flat_after_a_move_give_no_rsi_either(last: float) -> None:
    series = candles([*FLAT, last, last, last])

    found = registry.signals("RSIStrategy", {"rsi_period": 2}, series)

    assert [math.isnan(value) for value in found.indicators["rsi"][-3:]] == [False, False, True]
    assert found.lots[-1] == 0


def test_a_grid_counts_lower_levels_fallen_through_and_any_risen_through() -> None:
    closes = [100, 99, 97.9, 98, 99.5, 102, 98.5]

    found = lots("GridTradingStrategy", GRID, candles(closes))

    # 99 is reached: +1; 98: +1; back on 98: -1; 99: -1; 101 and 102: -2; 102, 101 and 99 fallen, one of them lower: +1.
    assert found == [0, 1, 1, -1, -1, -2, 1]


def test_leaving_a_grid_level_the_way_it_was_reached_does_not_count_again() -> None:
    assert lots("GridTradingStrategy", GRID, candles([100, 99, 99.5, 99, 100])) == [0, 1, 0, 1, 0]


def test_a_grid_falls_through_several_levels_in_one_candle() -> None:
    evaluation = registry.evaluate("GridTradingStrategy", GRID, candles([100, 90]))

    assert (evaluation.action, evaluation.lots) == (Action.BUY, 2)
    assert evaluation.reason == "close 90 fell through 2 levels"
    assert evaluation.indicators == {"anchor": 100, "next_below": None, "next_above": 98}


def test_a_grid_without_anchor_is_centred_on_the_first_close() -> None:
    evaluation = registry.evaluate("GridTradingStrategy", {}, candles([46_319.5, 46_400]))

    assert evaluation.indicators == {"anchor": 46_319.5, "next_below": 45_856.305, "next_above": 46_782.695}


def test_a_close_written_like_a_grid_level_is_on_it() -> None:
    # In floats 100.2 less one percent is a bit above 99.198, and leaving it upward would count as rising through it.
    assert 100.2 * (1 - 1 / 100) > 99.198
    series = candles([100.2, 99.198, 99.5])

    assert lots("GridTradingStrategy", {"anchor_price": 100.2}, series) == [0, 1, 0]


MOMENTUM = {"lookback_period": 3, "volume_threshold": 2}


def breakout(close: float, volume: float) -> Candles:
    """After three candles from 9 to 12 with a mean volume of 20."""
    return candles([10, 11, 10, close], highs=[12, 11, 11, 15], lows=[10, 9, 9, 5], volumes=[10, 20, 30, volume])


@pytest.mark.parametrize(
    ("close", "volume", "expected"),
    [(12.01, 40.1, 1), (12, 41, 0), (12.01, 40, 0), (8.99, 40.1, -1), (9, 41, 0), (8.99, 40, 0)],
)
def test_momentum_needs_a_close_beyond_the_previous_range_and_more_volume(
    close: float, volume: float, expected: int
) -> None:
    assert lots("MomentumStrategy", MOMENTUM, breakout(close, volume)) == [0, 0, 0, expected]


def test_momentum_says_what_was_missing() -> None:
    quiet = registry.evaluate("MomentumStrategy", MOMENTUM, breakout(12.5, 40))

    assert quiet.reason == "close 12.5 is above the high of 12, but volume 40 is not more than 40"
    assert quiet.indicators == {"resistance": 12, "support": 9, "volume": 40, "mean_volume": 20}


def test_volumes_equal_in_decimals_are_not_loud_by_a_float_bit() -> None:
    # The mean of 0.1, 0.4 and 0.1 is 0.2, but less in floats.
    assert (0.1 + 0.4 + 0.1) / 3 < 0.2
    series = candles([10, 11, 10, 20], volumes=[0.1, 0.4, 0.1, 0.2])

    assert lots("MomentumStrategy", MOMENTUM | {"volume_threshold": 1}, series)[-1] == 0


def test_macd_crosses_up_after_the_lower_band_was_touched() -> None:
    # At 90: ema2 93.33, ema3 95, macd -1.67, line -1.11, bands of 100, 100, 90: 96.67 -+ 4.71, touched.
    # At 100: ema2 97.78, ema3 97.5, macd 0.28, line -0.19: crossed.
    evaluation = registry.evaluate("MACDBollingerStrategy", DIP, candles([*FLAT, 90, 100]))

    assert evaluation.action is Action.BUY
    assert evaluation.indicators == {
        "macd": pytest.approx(5 / 18),
        "macd_signal": pytest.approx(-5 / 27),
        "bb_lower": pytest.approx(96.666667 - 4.714045),
        "bb_upper": pytest.approx(96.666667 + 4.714045),
    }


def test_macd_crosses_down_after_the_upper_band_was_touched() -> None:
    assert lots("MACDBollingerStrategy", DIP, candles([*FLAT, 110, 100]))[-1] == -1


def test_a_touch_of_the_band_is_forgotten_after_its_candles() -> None:
    assert lots("MACDBollingerStrategy", DIP | {"touch_lookback": 1}, candles([*FLAT, 90, 100]))[-1] == 0


def test_a_macd_that_meets_its_signal_does_not_cross_by_a_float_bit() -> None:
    # 6 down, then 5: macd -6/6 and line -6/9, then both -6/9, but not in floats.
    series = candles([46_319.5] * 30 + [46_313.5, 46_314.5])
    macd, line = indicators.macd(Series.of(series).close, 2, 3, 2)
    assert macd[-1] > line[-1]

    assert lots("MACDBollingerStrategy", DIP, series)[-1] == 0


def test_buy_and_sell_on_one_candle_is_nothing() -> None:
    both = as_lots(np.array([True, True, False]), np.array([True, False, True]))

    assert both.tolist() == [0, 1, -1]


def test_warming_up_is_said_with_both_numbers() -> None:
    evaluation = registry.evaluate("MACrossoverStrategy", {}, walk(1, 12))

    assert (evaluation.action, evaluation.reason) == (Action.HOLD, "warming up: 12 of 31 candles")
    assert evaluation.indicators == {"fast": None, "slow": None}


@pytest.mark.parametrize("name", ["MACrossoverStrategy", "GridTradingStrategy", "MACDBollingerStrategy"])
def test_no_candles_at_all_is_warming_up(name: str) -> None:
    evaluation = registry.evaluate(name, {}, candles([]))

    assert evaluation.reason.startswith("warming up: 0 of ")
    assert registry.signals(name, {}, candles([])).lots.tolist() == []


def test_a_missing_candle_is_named_by_the_one_after_it() -> None:
    evaluation = registry.evaluate("MACrossoverStrategy", {}, without(walk(1, 200), 60))

    assert evaluation.action is Action.HOLD
    assert evaluation.reason == "a candle is missing before 2026-01-01T01:01:00+00:00"


def test_a_gap_is_over_once_the_live_window_has_passed_it() -> None:
    gapped = Series.of(without(walk(1, 700), 200))

    usable = gapped.usable(31)

    assert usable[30:200].all()
    assert not usable[200:499].any()
    assert usable[499:].all()


def test_a_row_that_is_not_a_number_counts_as_missing() -> None:
    rows = walk(1, 60).rows()
    rows[40] = (rows[40][0], 1.0, 1.0, 1.0, math.nan, 1.0)

    evaluation = registry.evaluate("MACrossoverStrategy", {}, Candles.from_rows(Timeframe.M1, rows))

    assert (evaluation.action, evaluation.indicators) == (Action.HOLD, {"fast": None, "slow": None})
    assert "missing" in evaluation.reason


def test_a_row_that_is_not_a_number_counts_as_missing_up_to_the_start_of_the_window() -> None:
    rows = walk(1, HISTORY + 1).rows()
    rows[0] = (rows[0][0], math.inf, math.inf, math.inf, math.inf, 1.0)
    series = Candles.from_rows(Timeframe.M1, rows)

    assert "missing" in registry.evaluate("MACrossoverStrategy", {}, series[:HISTORY]).reason
    assert "missing" not in registry.evaluate("MACrossoverStrategy", {}, series).reason


def test_an_evaluation_names_the_last_candle_and_its_close() -> None:
    series = walk(3, 250)

    evaluation = registry.evaluate("RSIStrategy", {}, series)

    assert (evaluation.candle_open_ms, evaluation.close) == (series.opens_ms[-1], series.close[-1])
    assert evaluation.candle_open_ms == series.opens_ms[0] + 249 * STEP_MS


def test_rsi_agrees_with_its_inventors_formula_once_warm() -> None:
    series = walk(5, 400)

    found = registry.signals("RSIStrategy", {}, series).indicators["rsi"]

    expected = reference.wilder_rsi(series.close, 14)
    warm = registry.warm_up("RSIStrategy", {})
    assert found[warm:] == pytest.approx([value for value in expected[warm:] if value is not None], abs=0.02)
    assert found[300:] == pytest.approx([value for value in expected[300:] if value is not None], abs=1e-6)


def test_macd_agrees_with_its_formula_once_warm() -> None:
    series = walk(6, 400)

    found = registry.signals("MACDBollingerStrategy", {}, series).indicators

    line, signal = reference.macd(series.close, 12, 26, 9)
    assert found["macd"][300:] == pytest.approx(line[300:], abs=1e-8)
    assert found["macd_signal"][300:] == pytest.approx(signal[300:], abs=1e-8)


def test_bollinger_bands_agree_with_their_formula() -> None:
    series = walk(7, 300)

    found = registry.evaluate("MACDBollingerStrategy", {}, series).indicators

    lower, upper = reference.bollinger(series.close, 20, 2)
    assert found["bb_lower"] == pytest.approx(lower)
    assert found["bb_upper"] == pytest.approx(upper)


def test_indicators_are_unknown_while_they_warm_up() -> None:
    close = Series.of(walk(8, 30)).close

    assert [int(math.isnan(value)) for value in indicators.sma(close, 10)[0]] == [1] * 9 + [0] * 21
    assert [int(math.isnan(value)) for value in indicators.rsi(close[:5], 14)] == [1] * 5
