"""What a strategy is: a pure function over a whole series of candles.

Live takes the last value and a backtest takes them all, so the two can't differ.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.domain.candles import COLUMNS, HISTORY, Candles

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Floats closer than this part of the price are equal: rounding errs by far less, and no tick is as small.
TOLERANCE = 1e-9
# A recursive average is warm when its first value weighs no more than this.
_SEED_WEIGHT = 1e-4


@dataclass(frozen=True, slots=True)
class Series:
    """Candles as numpy arrays. Only finite values: a broken row repeats the one before, and is a break."""

    opens_ms: IntArray
    breaks: BoolArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.opens_ms)

    @classmethod
    def of(cls, candles: Candles) -> "Series":
        opens_ms = np.frombuffer(candles.opens_ms, dtype=np.int64)
        columns = np.array([np.frombuffer(getattr(candles, name)) for name in COLUMNS])
        breaks = np.zeros(len(opens_ms), dtype=np.bool_)
        breaks[1:] = np.diff(opens_ms) != candles.timeframe.ms
        finite: BoolArray = np.isfinite(columns).all(axis=0)
        if not finite.all():
            breaks |= ~finite
            breaks[1:] |= ~finite[:-1]
            columns = _repeated(columns, finite)
        return cls(opens_ms, breaks, *columns)

    def usable(self, warm_up: int) -> BoolArray:
        """Where a decision may be made: enough candles, and no break within the live window that ends there."""
        index = np.arange(len(self))
        enough = index + 1 >= warm_up
        if not self.breaks.any():
            return enough
        window = max(HISTORY, warm_up)
        newest = np.maximum.accumulate(np.where(self.breaks, index, -window))
        unbroken: BoolArray = enough & (index - newest + 1 >= window)
        return unbroken


@dataclass(frozen=True, slots=True)
class Signals:
    """One value per candle. `lots`: +n buy, -n sell, 0 hold. Indicators are NaN where they can't be known."""

    lots: IntArray
    indicators: Mapping[str, FloatArray]


class Strategy(Protocol):
    """A strategy with its parameters. Its signals at a candle depend on no later candle."""

    @property
    def warm_up(self) -> int:
        """Candles needed before the last of them can be decided."""

    def signals(self, series: Series) -> Signals:
        """Warm-up and breaks are not its business: whoever calls masks them."""

    def reason(self, close: float, lots: int, at: Mapping[str, float | None]) -> str:
        """A sentence on one decided candle with these indicator values."""


def as_lots(buy: BoolArray, sell: BoolArray) -> IntArray:
    """+1, -1 or 0; a candle that says both says nothing."""
    return buy.astype(np.int64) - sell.astype(np.int64)


def crossings(sign: NDArray[Any]) -> tuple[BoolArray, BoolArray]:
    """Where `sign` (of a difference) was ≤ 0 and is now > 0, and the reverse."""
    up, down = np.zeros(len(sign), dtype=np.bool_), np.zeros(len(sign), dtype=np.bool_)
    up[1:] = (sign[:-1] <= 0) & (sign[1:] > 0)
    down[1:] = (sign[:-1] >= 0) & (sign[1:] < 0)
    return up, down


def signs(difference: NDArray[Any], tolerance: FloatArray | float = 0.0) -> IntArray:
    """+1, -1, or 0 within `tolerance`, which takes floats that should be equal as equal."""
    return as_lots(difference > tolerance, difference < -tolerance)


def previous(values: FloatArray) -> FloatArray:
    """Each candle's value of the candle before."""
    shifted = np.full(len(values), np.nan)
    shifted[1:] = values[:-1]
    return shifted


def forgetting(alpha: float) -> int:
    """Candles after which a recursive average that weighs the newest by `alpha` has forgotten where it began."""
    return math.ceil(math.log(_SEED_WEIGHT) / math.log1p(-alpha))


def shown(value: float | None, digits: int = 8) -> str:
    """A number for a sentence: significant digits, never an exponent."""
    if value is None:
        return "unknown"
    return np.format_float_positional(value, precision=digits, fractional=False, trim="-")


def _repeated(columns: FloatArray, finite: BoolArray) -> FloatArray:
    """`columns` with each broken row replaced by the last good one (0 before the first)."""
    newest = np.maximum.accumulate(np.where(finite, np.arange(len(finite)), 0))
    return np.nan_to_num(columns[:, newest], nan=0.0, posinf=0.0, neginf=0.0)
