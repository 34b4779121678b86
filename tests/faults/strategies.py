"""Strategies by script: what a group says of a candle follows from the seed alone."""

from collections.abc import Mapping
from random import Random
from typing import Any

from shared.domain.candles import Candles
from shared.domain.signals import Action, Evaluation

BUYS, SELLS = 0.5, 0.25


class ScriptedStrategies:
    """A registry, as a worker has one. `params["script"]` tells one group from another."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def warm_up(self, name: str, params: Mapping[str, Any]) -> int:
        return 2

    def evaluate(self, name: str, params: Mapping[str, Any], candles: Candles) -> Evaluation:
        open_ms = candles.opens_ms[-1]
        action, lots = self.said(str(params["script"]), open_ms)
        return Evaluation(open_ms, action, lots, candles.close[-1], "by script")

    def said(self, script: str, open_ms: int) -> tuple[Action, int]:
        chance = Random(f"{self._seed}|{script}|{open_ms}").random()
        if chance < BUYS:
            return Action.BUY, 1 + int(chance * 20) % 2
        return (Action.SELL, 1 + int(chance * 30) % 2) if chance < BUYS + SELLS else (Action.HOLD, 0)
