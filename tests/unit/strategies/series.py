"""Candles for the tests of strategies."""

import random
from collections.abc import Sequence

from shared.domain.candles import Candles, Timeframe

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
STEP_MS = 60_000


def candles(
    closes: Sequence[float],
    highs: Sequence[float] | None = None,
    lows: Sequence[float] | None = None,
    volumes: Sequence[float] | None = None,
) -> Candles:
    """One-minute candles; a high or low that isn't given is the close, a volume 1."""
    count = len(closes)
    columns = zip(closes, highs or closes, lows or closes, volumes or [1.0] * count, strict=True)
    return Candles.from_rows(
        Timeframe.M1,
        [
            (START_MS + i * STEP_MS, close, high, low, close, volume)
            for i, (close, high, low, volume) in enumerate(columns)
        ],
    )


def walk(seed: int, count: int, start: float = 100.0, step: float = 0.004, digits: int = 2) -> Candles:
    """A random walk on ticks of 10^-digits, with spreads, and volumes that now and then jump."""
    chance = random.Random(seed)
    closes = [start]
    while len(closes) < count:
        closes.append(round(max(closes[-1] * (1 + chance.gauss(0, step)), 10.0**-digits), digits))
    return candles(
        closes,
        [round(close * (1 + abs(chance.gauss(0, step / 3))), digits) for close in closes],
        [round(close * (1 - abs(chance.gauss(0, step / 3))), digits) for close in closes],
        [round(chance.uniform(1, 10) * chance.choice((1, 1, 1, 5)), 3) for _ in closes],
    )


def without(series: Candles, index: int) -> Candles:
    rows = series.rows()
    return Candles.from_rows(series.timeframe, rows[:index] + rows[index + 1 :])
