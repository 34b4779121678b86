"""Prices by seed: a walk with falls that hit stops and rises that hit targets, and still at the end."""

from decimal import Decimal
from random import Random

from tests.faults.process import EPOCH_S

START = {"BTC/USDT": 20_000.0, "ETH/USDT": 1_000.0}


class Prices:
    STEP_S = 5.0

    def __init__(self, random: Random, until_s: float, still_from_s: float) -> None:
        self.symbols = tuple(START)
        self._paths = {symbol: _path(random, START[symbol], until_s, still_from_s) for symbol in START}

    def last(self, symbol: str, at_ms: int) -> Decimal:
        path = self._paths[symbol]
        step = int((at_ms / 1000 - EPOCH_S) / self.STEP_S)
        return path[min(max(step, 0), len(path) - 1)]

    def closes(self, symbol: str, opens_ms: list[int], timeframe_ms: int) -> list[float]:
        return [float(self.last(symbol, open_ms + timeframe_ms)) for open_ms in opens_ms]


def _path(random: Random, start: float, until_s: float, still_from_s: float) -> list[Decimal]:
    price, path = start, []
    for step in range(int(until_s / Prices.STEP_S) + 1):
        if step * Prices.STEP_S < still_from_s:
            price *= 1 + random.gauss(0, 0.001) + _jump(random)
        path.append(Decimal(round(price * 100)) / 100)
    return path


def _jump(random: Random) -> float:
    return random.choice((-0.035, -0.02, 0.02, 0.035)) if random.random() < 0.06 else 0.0
