"""MACD crossovers at the edge of the Bollinger bands."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from strategies import indicators
from strategies.base import TOLERANCE, BoolArray, Series, Signals, as_lots, crossings, forgetting, shown, signs


@dataclass(frozen=True, slots=True)
class MACDBollingerStrategy:
    """MACD and signal line are equal within `TOLERANCE` of the price, and so are a low or high and its band."""

    macd_fast: int
    macd_slow: int
    macd_signal: int
    bb_period: int
    bb_std: float
    touch_lookback: int

    @property
    def warm_up(self) -> int:
        macd = forgetting(2 / (self.macd_slow + 1)) + forgetting(2 / (self.macd_signal + 1)) + 1
        return max(macd, self.bb_period + self.touch_lookback - 1)

    def signals(self, series: Series) -> Signals:
        macd, line = indicators.macd(series.close, self.macd_fast, self.macd_slow, self.macd_signal)
        lower, upper = indicators.bollinger(series.close, self.bb_period, self.bb_std)
        slack = series.close * TOLERANCE
        up, down = crossings(signs(macd - line, slack))
        touched_lower = recently(series.low <= lower + slack, self.touch_lookback)
        touched_upper = recently(series.high >= upper - slack, self.touch_lookback)
        return Signals(
            as_lots(up & touched_lower, down & touched_upper),
            {"macd": macd, "macd_signal": line, "bb_lower": lower, "bb_upper": upper},
        )

    def reason(self, close: float, lots: int, at: Mapping[str, float | None]) -> str:
        macd, line = at["macd"] or 0.0, at["macd_signal"] or 0.0
        if lots:
            way, band = ("above", "lower") if lots > 0 else ("below", "upper")
            return f"MACD {shown(macd, 4)} crossed {way} its signal {shown(line, 4)} and the {band} band was touched"
        side = "above" if macd > line else "below" if macd < line else "equal to"
        return f"MACD {shown(macd, 4)} is {side} its signal {shown(line, 4)} and did not cross near a touched band"


def recently(happened: BoolArray, candles: int) -> BoolArray:
    """Where it happened within the last `candles`, this one included."""
    index = np.arange(len(happened))
    within: BoolArray = index - np.maximum.accumulate(np.where(happened, index, -candles)) < candles
    return within
