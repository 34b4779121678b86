"""What a request handler reaches: the venue, its clock and the request's parameters."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from flask import current_app, g, request

from simulator.calls import Calls, Limiter
from simulator.engine import Engine, now_ms
from simulator.faults import Faults
from simulator.params import Params
from simulator.prices import Prices
from simulator.signing import authenticated, check_timestamp
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


def params() -> Params:
    return cast(Params, request.values.to_dict())


def signed_account() -> str:
    """The account that signed this request, at the time of processing it."""
    query, body = request.query_string.decode("latin-1"), request.get_data(as_text=True)
    key = request.headers.get("X-MBX-APIKEY")
    account = authenticated(key, query, body, params(), venue().store.secret)
    check_timestamp(params(), venue_ms())
    return account


def text(number: Decimal) -> str:
    """As the venue writes numbers: eight decimals."""
    return f"{number:.8f}"
