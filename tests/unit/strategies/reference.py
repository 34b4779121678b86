"""Indicators in plain Python, written from their textbook formulas: what `ta` is held against."""

import math
from collections.abc import Sequence
from itertools import pairwise


def ema(values: Sequence[float], alpha: float) -> list[float]:
    averages = [values[0]]
    for value in values[1:]:
        averages.append(averages[-1] + alpha * (value - averages[-1]))
    return averages


def wilder_rsi(closes: Sequence[float], period: int) -> list[float | None]:
    """As its inventor defines it: the first average is a simple one, later ones are smoothed."""
    gains = [max(b - a, 0.0) for a, b in pairwise(closes)]
    losses = [max(a - b, 0.0) for a, b in pairwise(closes)]
    gain, loss = sum(gains[:period]) / period, sum(losses[:period]) / period
    values: list[float | None] = [None] * period + [_strength(gain, loss)]
    for up, down in zip(gains[period:], losses[period:], strict=True):
        gain, loss = (gain * (period - 1) + up) / period, (loss * (period - 1) + down) / period
        values.append(_strength(gain, loss))
    return values


def macd(closes: Sequence[float], fast: int, slow: int, signal: int) -> tuple[list[float], list[float]]:
    quick, calm = ema(closes, 2 / (fast + 1)), ema(closes, 2 / (slow + 1))
    line = [a - b for a, b in zip(quick, calm, strict=True)]
    return line, ema(line, 2 / (signal + 1))


def bollinger(closes: Sequence[float], period: int, deviations: float) -> tuple[float, float]:
    """The bands at the last close."""
    window = closes[-period:]
    middle = math.fsum(window) / period
    deviation = math.sqrt(math.fsum((close - middle) ** 2 for close in window) / period)
    return middle - deviations * deviation, middle + deviations * deviation


def _strength(gain: float, loss: float) -> float:
    return 100.0 if loss == 0 else 100 - 100 / (1 + gain / loss)
