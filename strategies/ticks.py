"""Exact comparison of window sums: decimals that users see as equal are equal.

In floats the average of 0.1, 0.2 and 0.3 can differ from that of 0.3, 0.2 and 0.1 in the last bit, and a crossing
tips either way. In whole ticks it can't, whatever window of history the sum was taken from.
"""

from decimal import Context, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.base import FloatArray

# int64, or Python integers (dtype object) where 64 bits don't hold them.
Whole = NDArray[Any]

_FEW_DIGITS = (2, 4, 6, 8, 12)
_EXACT_BELOW = 10.0**15  # Fifteen decimal digits survive the way through a float.
_ROOM = 2**62
_WIDE = Context(prec=1200)


def ticks(values: FloatArray) -> Whole:
    """`values` * 10^p as integers, exactly what their shortest decimal form says; p is the same for all."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    largest = float(np.abs(values).max())
    for digits in _FEW_DIGITS:
        scale = 10.0**digits
        if largest * scale >= _EXACT_BELOW:
            break
        scaled = np.rint(values * scale)
        if np.array_equal(scaled / scale, values):
            return scaled.astype(np.int64)
    return _python_ticks(values)


def with_room(whole: Whole, factor: int) -> Whole:
    """`whole`, as Python integers if a multiple of up to `factor` could overflow 64 bits."""
    if whole.dtype == object or not len(whole) or int(np.abs(whole).max()) * factor < _ROOM:
        return whole
    return whole.astype(object)


def window_sums(whole: Whole, window: int) -> Whole:
    """The sum of the `window` values that end at each place; 0 where there are fewer."""
    sums = np.zeros(len(whole), dtype=whole.dtype)
    if len(whole) < window:
        return sums
    running = np.cumsum(whole, dtype=whole.dtype)
    sums[window - 1 :] = running[window - 1 :]
    sums[window:] -= running[:-window]
    return sums


def _python_ticks(values: FloatArray) -> Whole:
    decimals = [Decimal(repr(value)) for value in values.tolist()]
    exponent = min(int(value.as_tuple().exponent) for value in decimals)
    whole = np.empty(len(decimals), dtype=object)
    whole[:] = [int(_WIDE.scaleb(value, -exponent)) for value in decimals]
    return whole
