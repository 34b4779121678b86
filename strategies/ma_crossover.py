"""Moving average crossover."""

from collections.abc import Mapping
from dataclasses import dataclass

from strategies import indicators
from strategies.base import TOLERANCE, IntArray, Series, Signals, as_lots, crossings, forgetting, shown, signs
from strategies.ticks import ticks, window_sums, with_room


@dataclass(frozen=True, slots=True)
class MACrossoverStrategy:
    """Simple averages are compared exactly; exponential ones are equal within `TOLERANCE` of the slow one."""

    fast_period: int
    slow_period: int
    ma_type: str

    @property
    def warm_up(self) -> int:
        needed = self.slow_period if self.ma_type == "sma" else forgetting(2 / (self.slow_period + 1))
        return needed + 1

    def signals(self, series: Series) -> Signals:
        average = indicators.sma if self.ma_type == "sma" else indicators.ema
        fast, slow = average(series.close, self.fast_period, self.slow_period)
        sign = self._exact_signs(series) if self.ma_type == "sma" else signs(fast - slow, slow * TOLERANCE)
        return Signals(as_lots(*crossings(sign)), {"fast": fast, "slow": slow})

    def reason(self, close: float, lots: int, at: Mapping[str, float | None]) -> str:
        fast, slow = at["fast"] or 0.0, at["slow"] or 0.0
        if lots:
            return f"fast {shown(fast)} crossed {'above' if lots > 0 else 'below'} slow {shown(slow)}"
        if abs(fast - slow) <= slow * TOLERANCE:
            return f"fast and slow are equal at {shown(fast)}"
        return f"fast {shown(fast)} is {'above' if fast > slow else 'below'} slow {shown(slow)} and did not cross"

    def _exact_signs(self, series: Series) -> IntArray:
        """Signs of fast - slow: sums of ticks, each multiplied by the other's period."""
        room = max(len(series), self.fast_period * self.slow_period)
        whole = with_room(ticks(series.close), room)
        fast, slow = window_sums(whole, self.fast_period), window_sums(whole, self.slow_period)
        return signs(fast * self.slow_period - slow * self.fast_period, 0)
