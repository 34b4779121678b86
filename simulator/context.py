"""What a request handler reaches: the venue and its clock."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from flask import current_app, g

from simulator.calls import Calls, Limiter
from simulator.engine import Engine, now_ms
from simulator.faults import Faults
from simulator.prices import Prices
from simulator.store import Store


@dataclass(frozen=True, slots=True)
class Venue:
    """Everything that one simulated exchange consists of."""

    engine: Engine
    faults: Faults
    calls: Calls = field(default_factory=Calls)
    limiter: Limiter = field(default_factory=Limiter)

    @property
    def store(self) -> Store:
        return self.engine.store

    @property
    def prices(self) -> Prices:
        return self.engine.prices


def venue() -> Venue:
    return cast(Venue, current_app.extensions["simulator"])


def venue_ms() -> int:
    """The clock that this call sees; a clock_skew fault shifts it."""
    return now_ms() + int(g.get("skew_ms", 0))


def text(number: Decimal) -> str:
    """With eight decimals, as Binance and the control surface write numbers."""
    return f"{number:.8f}"
