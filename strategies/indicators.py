"""Indicators, computed by `ta`; nothing else imports it.

NaN stands wherever a value can't be known: `ta` writes numbers there for some (RSI 100 on prices that never moved).
"""

from typing import Any

import numpy as np
import pandas as pd
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator, SMAIndicator
from ta.volatility import BollingerBands, DonchianChannel

from strategies.base import BoolArray, FloatArray


def sma(values: FloatArray, *windows: int) -> list[FloatArray]:
    """Simple averages of the same values, one for each window."""
    series = _series(values)
    return [_array(SMAIndicator(series, window).sma_indicator()) for window in windows]


def ema(values: FloatArray, *windows: int) -> list[FloatArray]:
    """Exponential averages, seeded with the first value."""
    series = _series(values)
    return [_array(EMAIndicator(series, window).ema_indicator()) for window in windows]


def rsi(close: FloatArray, window: int) -> FloatArray:
    """Wilder's RSI, 0 to 100; NaN after `window` candles without a change, where gain over loss is 0 / 0 or an echo."""
    values = _array(RSIIndicator(_series(close), window).rsi())
    return np.where(_unchanged(close, window), np.nan, values)


def macd(close: FloatArray, fast: int, slow: int, signal: int) -> tuple[FloatArray, FloatArray]:
    """The MACD and its signal line, in units of price."""
    indicator = MACD(_series(close), window_slow=slow, window_fast=fast, window_sign=signal)
    return _array(indicator.macd()), _array(indicator.macd_signal())


def bollinger(close: FloatArray, window: int, deviations: float) -> tuple[FloatArray, FloatArray]:
    """The lower and upper band; deviations of the population, not of a sample."""
    indicator = BollingerBands(_series(close), window, deviations)
    return _array(indicator.bollinger_lband()), _array(indicator.bollinger_hband())


def channel(high: FloatArray, low: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """The lowest low and the highest high of the `window` candles that end at each."""
    highs = _series(high)
    indicator = DonchianChannel(highs, _series(low), highs, window)  # It takes closes too, and never reads them.
    return _array(indicator.donchian_channel_lband()), _array(indicator.donchian_channel_hband())


def _unchanged(close: FloatArray, window: int) -> BoolArray:
    """Where the last `window` changes are all zero."""
    index = np.arange(len(close))
    changed = np.zeros(len(close), dtype=np.bool_)
    changed[1:] = close[1:] != close[:-1]
    unchanged: BoolArray = index - np.maximum.accumulate(np.where(changed, index, 0)) >= window
    return unchanged


def _series(values: FloatArray) -> "pd.Series[float]":
    return pd.Series(values, copy=False)


def _array(values: Any) -> FloatArray:
    # A Series converts itself at ten times the price of handing out the array it holds.
    return np.asarray(values.values, dtype=np.float64)
