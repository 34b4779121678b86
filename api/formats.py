"""How values are written in JSON: money as plain decimal strings, times with their offset."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import overload

PERCENT_STEP = Decimal("0.0001")


@overload
def plain(value: Decimal) -> str: ...
@overload
def plain(value: None) -> None: ...
@overload
def plain(value: Decimal | None) -> str | None: ...
def plain(value: Decimal | None) -> str | None:
    """Every digit, no exponent, no trailing zeros: `10000`, `0.00001`."""
    if value is None:
        return None
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def percent(frac: Decimal | None) -> str | None:
    """A fraction as percent, four decimals at most."""
    if frac is None:
        return None
    return plain((frac * 100).quantize(PERCENT_STEP, ROUND_HALF_EVEN))


def iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def finite(value: float | None) -> float | None:
    """JSON has no NaN: an indicator without a value is null."""
    return value if value is not None and math.isfinite(value) else None


def finite_values(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: finite(value) for name, value in values.items()}
