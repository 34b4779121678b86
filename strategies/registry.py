"""The strategies by name: the one entrance for workers and backtests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from shared.domain.candles import Candles
from shared.domain.signals import Action, Evaluation
from strategies.base import BoolArray, FloatArray, Series, Signals, Strategy
from strategies.catalogue import EXIT_NAMES, validated
from strategies.grid import GridTradingStrategy
from strategies.ma_crossover import MACrossoverStrategy
from strategies.macd_bollinger import MACDBollingerStrategy
from strategies.momentum import MomentumStrategy
from strategies.rsi import RSIStrategy

_STRATEGIES: Mapping[str, Callable[..., Strategy]] = {
    each.__name__: each
    for each in (MACrossoverStrategy, RSIStrategy, GridTradingStrategy, MomentumStrategy, MACDBollingerStrategy)
}


def build(name: str, params: Mapping[str, Any]) -> Strategy:
    """The strategy with its parameters, defaults filled in; raises InvalidField as the catalogue does."""
    values = validated(name, params)
    return _STRATEGIES[name](**{each: value for each, value in values.items() if each not in EXIT_NAMES})


def warm_up(name: str, params: Mapping[str, Any]) -> int:
    """Candles needed for one decision, at most 1,000. It may exceed the usual history: keep the larger of the two."""
    return build(name, params).warm_up


def signals(name: str, params: Mapping[str, Any], candles: Candles) -> Signals:
    """A decision for every candle, each as it would have been made live when that candle closed.

    Nothing (0 lots, NaN indicators) during warm-up and while a missing candle is within the live window.
    """
    strategy, series = build(name, params), Series.of(candles)
    return _masked(strategy.signals(series), series.usable(strategy.warm_up))


def evaluate(name: str, params: Mapping[str, Any], candles: Candles) -> Evaluation:
    """The last of the `signals`, with its reason. Its indicators are finite or None."""
    strategy, series = build(name, params), Series.of(candles)
    if not len(series):
        return Evaluation(0, Action.HOLD, reason=f"warming up: 0 of {strategy.warm_up} candles")
    raw = strategy.signals(series)
    is_usable = bool(series.usable(strategy.warm_up)[-1])
    lots = int(raw.lots[-1]) if is_usable else 0
    at = {each: _known(values, is_usable) for each, values in raw.indicators.items()}
    close = float(series.close[-1])
    return Evaluation(
        candle_open_ms=int(series.opens_ms[-1]),
        action=Action.BUY if lots > 0 else Action.SELL if lots < 0 else Action.HOLD,
        lots=abs(lots),
        close=close,
        reason=strategy.reason(close, lots, at) if is_usable else _why_unusable(series, strategy.warm_up),
        indicators=at,
    )


def _masked(raw: Signals, usable: BoolArray) -> Signals:
    known = {name: np.where(usable, values, np.nan) for name, values in raw.indicators.items()}
    return Signals(np.where(usable, raw.lots, 0), known)


def _known(values: FloatArray, is_usable: bool) -> float | None:
    last = float(values[-1])
    return last if is_usable and np.isfinite(last) else None


def _why_unusable(series: Series, warm_up: int) -> str:
    if len(series) < warm_up:
        return f"warming up: {len(series)} of {warm_up} candles"
    newest_break = int(series.opens_ms[np.flatnonzero(series.breaks)[-1]])
    at = datetime.fromtimestamp(newest_break / 1000, UTC)
    return f"a candle is missing before {at.isoformat()}"
