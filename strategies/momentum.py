"""Momentum breakout."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from strategies import indicators
from strategies.base import BoolArray, FloatArray, Series, Signals, as_lots, previous, shown
from strategies.ticks import ticks, window_sums, with_room


@dataclass(frozen=True, slots=True)
class MomentumStrategy:
    """The candle that breaks out is not part of the range or of the mean volume that it is held against."""

    lookback_period: int
    volume_threshold: float

    @property
    def warm_up(self) -> int:
        return self.lookback_period + 1

    def signals(self, series: Series) -> Signals:
        lowest, highest = indicators.channel(series.high, series.low, self.lookback_period)
        support, resistance = previous(lowest), previous(highest)
        (mean_volume,) = indicators.sma(series.volume, self.lookback_period)
        is_loud = self._is_loud(series.volume)
        return Signals(
            as_lots((series.close > resistance) & is_loud, (series.close < support) & is_loud),
            {
                "resistance": resistance,
                "support": support,
                "volume": series.volume,
                "mean_volume": previous(mean_volume),
            },
        )

    def reason(self, close: float, lots: int, at: Mapping[str, float | None]) -> str:
        resistance, support = at["resistance"] or 0.0, at["support"] or 0.0
        volume, needed = at["volume"] or 0.0, self.volume_threshold * (at["mean_volume"] or 0.0)
        if close > resistance:
            place = f"close {shown(close)} is above the high of {shown(resistance)}"
        elif close < support:
            place = f"close {shown(close)} is below the low of {shown(support)}"
        else:
            return f"close {shown(close)} is between the low of {shown(support)} and the high of {shown(resistance)}"
        if lots:
            return f"{place} with volume {shown(volume, 6)}, more than {shown(needed, 6)}"
        return f"{place}, but volume {shown(volume, 6)} is not more than {shown(needed, 6)}"

    def _is_loud(self, volume: FloatArray) -> BoolArray:
        """Where volume > threshold * mean of the previous candles, in whole numbers: a tie is a tie."""
        above, below = Decimal(repr(self.volume_threshold)).as_integer_ratio()
        room = max(len(volume), self.lookback_period * max(above, below))
        whole = with_room(ticks(volume), room)
        loud = np.zeros(len(volume), dtype=np.bool_)
        sums = window_sums(whole, self.lookback_period)
        loud[1:] = whole[1:] * (self.lookback_period * below) > sums[:-1] * above
        return loud
