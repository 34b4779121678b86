"""Relative strength index."""

from collections.abc import Mapping
from dataclasses import dataclass

from strategies import indicators
from strategies.base import Series, Signals, as_lots, forgetting, shown


@dataclass(frozen=True, slots=True)
class RSIStrategy:
    """Signals on the level, not on crossing it: every candle below `oversold` says buy."""

    rsi_period: int
    oversold: float
    overbought: float

    @property
    def warm_up(self) -> int:
        return forgetting(1 / self.rsi_period) + 1

    def signals(self, series: Series) -> Signals:
        rsi = indicators.rsi(series.close, self.rsi_period)
        return Signals(as_lots(rsi < self.oversold, rsi > self.overbought), {"rsi": rsi})

    def reason(self, close: float, lots: int, at: Mapping[str, float | None]) -> str:
        rsi = at["rsi"]
        if rsi is None:
            return f"prices are flat: the last {self.rsi_period + 1} closes are {shown(close)}"
        if lots > 0:
            return f"RSI {shown(rsi, 4)} is below {shown(self.oversold)}"
        if lots < 0:
            return f"RSI {shown(rsi, 4)} is above {shown(self.overbought)}"
        return f"RSI {shown(rsi, 4)} is between {shown(self.oversold)} and {shown(self.overbought)}"
