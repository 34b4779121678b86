"""Orders and fills: one state machine, held as data.

    planned → sending → acked → partially_filled → filled
       ↑         │        └──────────┴→ canceled / expired
       │         ├→ rejected        refused by the venue, for certain
       │         └→ unknown         never resent, always looked up
       └ not_placed ←┘              proved absent; planned again, or expired

A fill may still arrive after a cancel: it counts, and the state stays what it was. What nobody can tell for a quarter
of an hour is `quarantined`: proof, or a person, settles it.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.values import ZERO, OrderType, Side


class OrderState(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    ACKED = "acked"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"
    UNKNOWN = "unknown"
    NOT_PLACED = "not_placed"
    QUARANTINED = "quarantined"


_S = OrderState
_ON_THE_VENUE = frozenset({_S.ACKED, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.EXPIRED})

TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.DENIED, _S.EXPIRED}),
    _S.SENDING: _ON_THE_VENUE | {_S.REJECTED, _S.UNKNOWN, _S.NOT_PLACED, _S.PLANNED, _S.QUARANTINED},
    _S.UNKNOWN: _ON_THE_VENUE | {_S.REJECTED, _S.NOT_PLACED, _S.QUARANTINED},
    _S.NOT_PLACED: frozenset({_S.PLANNED, _S.EXPIRED}),
    _S.ACKED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.EXPIRED, _S.QUARANTINED}),
    _S.PARTIALLY_FILLED: frozenset({_S.FILLED, _S.CANCELED, _S.EXPIRED, _S.QUARANTINED}),
    _S.QUARANTINED: _ON_THE_VENUE | {_S.NOT_PLACED},
    _S.FILLED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.DENIED: frozenset(),
}

TERMINAL = frozenset(state for state, after in TRANSITIONS.items() if not after)
IN_FLIGHT = frozenset({_S.SENDING, _S.UNKNOWN})
RESTING = frozenset({_S.ACKED, _S.PARTIALLY_FILLED})
# Out, and without an end: may fill yet, for all that is known.
MAY_FILL = IN_FLIGHT | RESTING | {_S.QUARANTINED}


class IllegalTransition(Exception):
    """The state machine has no such edge: a defect of ours, or a venue contradicting itself."""


class Purpose(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Order:
    """One intent and what became of it. Money and quantities as the venue takes them: already rounded.

    `reserved` is the quote held back from free cash while the order lives. `attempt` counts transmissions.
    `expires_at`: an entry not sent by then is not worth sending; a limit exit that rests beyond it goes to market.
    `position_version` makes an exit unique: however many want it, a position has one exit at a version.
    `owner` may send it until `lease_until`; whoever takes it over raises `epoch`, and the old owner's write is refused.
    `doubt_since`: the first time that the venue could not, or would not, say what it is; None once it has.
    `failure`: why its last transmission did not go well, in the venue's words.
    """

    client_order_id: str
    bot_id: str
    exchange: str
    account: str
    strategy_id: str
    symbol: str
    side: Side
    type: OrderType
    purpose: Purpose
    quantity: Decimal
    state: OrderState
    created_at: datetime
    updated_at: datetime
    price: Decimal | None = None
    lots: int = 1
    reason: str = ""
    decision_id: int | None = None
    position_id: str | None = None
    position_version: int | None = None
    exchange_order_id: str | None = None
    attempt: int = 0
    reserved: Decimal = ZERO
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    fee: Decimal = ZERO
    fee_currency: str | None = None
    valid_until: datetime | None = None
    expires_at: datetime | None = None
    not_found_count: int = 0
    not_found_at: datetime | None = None
    doubt_since: datetime | None = None
    owner: str = ""
    epoch: int = 1
    lease_until: datetime | None = None
    failure: str | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of the venue. Unique by (account, symbol, trade_id); `fee` is in `fee_currency`."""

    account: str
    symbol: str
    trade_id: str
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What a venue says of an order. `fills` is None where the answer did not carry them: ask for them."""

    client_order_id: str
    exchange_order_id: str
    state: OrderState
    filled: Decimal
    average_price: Decimal | None
    fills: tuple[Fill, ...] | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to transmit one order once: budget taken, breaker passed, timestamp fixed (exchange time, ms).

    After `valid_until_ms` the venue itself refuses the request: that, not a lock, is the fence.
    """

    signed_at_ms: int
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class Placement:
    """What a venue lets us know of an order in doubt.

    `has_window`: a request is refused once its signature is too old, so that "not there" proves absence for ever.
    `finds_by_client_id`: it can be asked for an order by our id. A venue without either gets an order at most once.
    """

    has_window: bool = True
    finds_by_client_id: bool = True

    @property
    def can_prove_absence(self) -> bool:
        return self.has_window and self.finds_by_client_id


def client_order_id(account: str, intent: str, side: Side, leg: int = 0) -> str:
    """26 lower-case alphanumerics, a pure function of the intent; fits Binance's 36, OKX's 32, Gate's 28."""
    digest = hashlib.sha256(f"v1|{account}|{intent}|{side}|{leg}".encode()).digest()
    return "b" + base64.b32encode(digest).decode().lower()[:25]


def checked_transition(current: OrderState, new: OrderState) -> OrderState:
    """`new`, or IllegalTransition. Staying in a state is always allowed: answers repeat."""
    if new is not current and new not in TRANSITIONS[current]:
        raise IllegalTransition(f"{current} → {new}")
    return new
