"""How values are written in JSON: money as plain decimal strings, times with their offset."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from shared.domain.values import plain

PERCENT_STEP = Decimal("0.0001")


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
