"""Orders, trades and their states, as the venue keeps them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from simulator.symbols import Symbol

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Status(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"

    @property
    def is_open(self) -> bool:
        return self in (Status.NEW, Status.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request that passed the filters. A market order has `quantity` or `quote_quantity`; others have a price."""

    symbol: Symbol
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    client_order_id: str
    quantity: Decimal | None
    quote_quantity: Decimal | None
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Order:
    """`received_ms` is when the request arrived, `processed_ms` when the engine took it: they differ if it was late."""

    order_id: int
    account: str
    symbol: str
    client_order_id: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    orig_qty: Decimal
    orig_quote_qty: Decimal
    executed_qty: Decimal
    quote_qty: Decimal
    status: Status
    updated_ms: int
    received_ms: int
    processed_ms: int

    @property
    def remaining(self) -> Decimal:
        return self.orig_qty - self.executed_qty


@dataclass(frozen=True, slots=True)
class Trade:
    trade_id: int
    order_id: int
    account: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    at_ms: int

    @property
    def quote_qty(self) -> Decimal:
        return self.price * self.qty
