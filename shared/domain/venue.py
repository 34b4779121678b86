"""What a venue lists of an account, ours or not: orders and trades as it names them. Pure values."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.orders import OrderState
from shared.domain.values import Side

# Symbol and number: a venue numbers its orders market by market.
OrderRef = tuple[str, str]


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """`client_order_id` is empty where it was placed without one; `type` is the venue's word, such as `stop_limit`."""

    exchange_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    type: str
    quantity: Decimal
    price: Decimal | None
    filled: Decimal
    state: OrderState
    at: datetime

    @property
    def ref(self) -> OrderRef:
        return self.symbol, self.exchange_order_id


@dataclass(frozen=True, slots=True)
class VenueTrade:
    """`trade_id` is unique in its symbol; `fee` is in `fee_currency`. Whose it is, its order tells."""

    symbol: str
    trade_id: str
    exchange_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime

    @property
    def ref(self) -> tuple[str, str]:
        return self.symbol, self.trade_id

    @property
    def order_ref(self) -> OrderRef:
        return self.symbol, self.exchange_order_id


def assets_of(symbol: str) -> tuple[str, str]:
    """Base and quote of a spot symbol."""
    base, quote = symbol.split("/")
    return base, quote


def moves(trade: VenueTrade) -> list[tuple[str, Decimal]]:
    """What a trade adds to the account, asset by asset."""
    base, quote = assets_of(trade.symbol)
    sign = 1 if trade.side is Side.BUY else -1
    return [
        (base, sign * trade.quantity),
        (quote, -sign * trade.quantity * trade.price),
        (trade.fee_currency, -trade.fee),
    ]
