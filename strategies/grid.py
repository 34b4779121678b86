"""Grid trading."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from strategies.base import FloatArray, IntArray, Series, Signals, shown


@dataclass(frozen=True, slots=True)
class GridTradingStrategy:
    """Says how many levels a close fell or rose through; which of them are free is the bot's own record.

    Spacing is arithmetic: every level is the same amount of quote from the next, so each lot of a round trip earns the
    same and a user can check the levels in their head: five times 1 % is 5 % from the anchor, geometrically it isn't.
    A close exactly on a level has gone through it, and leaving it the way it came does not count again.
    """

    grid_levels: int
    grid_spacing_pct: float
    anchor_price: float | None

    @property
    def warm_up(self) -> int:
        return 2

    def signals(self, series: Series) -> Signals:
        close = series.close
        if not len(close):
            return Signals(np.zeros(0, dtype=np.int64), {})
        anchor = float(close[0]) if self.anchor_price is None else self.anchor_price
        lower, upper = self._levels(anchor)
        levels = np.concatenate([lower, upper])
        below, above = _neighbours(close, levels)
        known = {"anchor": np.full(len(close), anchor), "next_below": below, "next_above": above}
        return Signals(_fallen(close, lower) - _risen(close, levels), known)

    def reason(self, close: float, lots: int, at: Mapping[str, float | None]) -> str:
        if lots:
            way = "fell" if lots > 0 else "rose"
            return f"close {shown(close)} {way} through {abs(lots)} level{'s' if abs(lots) > 1 else ''}"
        below, above = at["next_below"], at["next_above"]
        ends = [f"the next below is {shown(below)}"] if below is not None else []
        ends += [f"the next above is {shown(above)}"] if above is not None else []
        return f"close {shown(close)} crossed no level; {' and '.join(ends)}"

    def _levels(self, anchor: float) -> tuple[FloatArray, FloatArray]:
        """Lower and upper levels, ascending. Decimal, so that a close written like a level equals it."""
        middle = Decimal(repr(anchor))
        step = middle * Decimal(repr(self.grid_spacing_pct)) / 100
        steps = range(1, self.grid_levels // 2 + 1)
        return (
            np.array([float(middle - step * k) for k in reversed(steps)]),
            np.array([float(middle + step * k) for k in steps]),
        )


def _fallen(close: FloatArray, levels: FloatArray) -> IntArray:
    """How many levels lie below the previous close and not below this one."""
    below = np.searchsorted(levels, close, side="left")
    return np.maximum(-np.diff(below, prepend=below[0]), 0).astype(np.int64)


def _risen(close: FloatArray, levels: FloatArray) -> IntArray:
    """How many levels lie above the previous close and not above this one."""
    reached = np.searchsorted(levels, close, side="right")
    return np.maximum(np.diff(reached, prepend=reached[0]), 0).astype(np.int64)


def _neighbours(close: FloatArray, levels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The nearest level below and above each close; NaN beyond the ends of the grid."""
    fenced = np.concatenate([[np.nan], levels, [np.nan]])
    return fenced[np.searchsorted(levels, close, side="left")], fenced[np.searchsorted(levels, close, side="right") + 1]
