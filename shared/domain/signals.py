"""What a strategy says of one closed candle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.values import Side


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"

    @property
    def side(self) -> Side | None:
        return None if self is Action.HOLD else Side(self.value)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One strategy and parameter set on one closed candle.

    `lots` counts grid levels crossed (1 for every other strategy, 0 on HOLD). `reason` is a sentence that answers
    "why was nothing done?" or says what was seen. `indicators` are the values it was decided on, warm-up masked.
    """

    candle_open_ms: int
    action: Action
    lots: int = 0
    close: float = 0.0
    reason: str = ""
    indicators: Mapping[str, float | None] = field(default_factory=dict)
