"""What an order would get from a book: pure. The book is not used up by it: other orders see the same levels."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.orders import OrderState
from shared.domain.values import ZERO, Market, OrderType, Side, round_down

Level = tuple[Decimal, Decimal]  # (price, quantity)


@dataclass(frozen=True, slots=True)
class Book:
    """Both sides, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def facing(self, side: Side) -> tuple[Level, ...]:
        return self.asks if side is Side.BUY else self.bids


@dataclass(frozen=True, slots=True)
class Trade:
    price: Decimal
    quantity: Decimal


def taken(side: Side, quantity: Decimal, price: Decimal | None, book: Book) -> list[Trade]:
    """The trades of an order that arrives: level after level, each at its own price, none worse than `price`."""
    trades: list[Trade] = []
    left = quantity
    for level_price, available in book.facing(side):
        if left <= 0 or not _is_acceptable(side, level_price, price):
            break
        amount = min(left, available)
        if amount > 0:
            trades.append(Trade(level_price, amount))
            left -= amount
    return trades


def reached(side: Side, quantity: Decimal, price: Decimal, book: Book) -> list[Trade]:
    """The trade of an order that rests: at its own price, as much as the other side now offers at that or better."""
    offered = sum((amount for at, amount in book.facing(side) if _is_acceptable(side, at, price)), ZERO)
    amount = min(quantity, offered)
    return [Trade(price, amount)] if amount > 0 else []


def _is_acceptable(side: Side, at: Decimal, limit: Decimal | None) -> bool:
    if limit is None:
        return True
    return at <= limit if side is Side.BUY else at >= limit


def state_after(type_: OrderType, quantity: Decimal, filled: Decimal) -> OrderState:
    if filled >= quantity:
        return OrderState.FILLED
    if type_ is OrderType.MARKET:
        return OrderState.EXPIRED
    return OrderState.PARTIALLY_FILLED if filled else OrderState.ACKED


def fee(side: Side, trade: Trade, market: Market, is_maker: bool) -> tuple[Decimal, str]:
    """(amount, asset): taken from what is received, as Binance does where no discount asset is held."""
    frac = market.maker_fee_frac if is_maker else market.taker_fee_frac
    if side is Side.BUY:
        return trade.quantity * frac, market.base
    return trade.quantity * trade.price * frac, market.quote


def broken_filter(quantity: Decimal, price: Decimal | None, best: Decimal, market: Market) -> str | None:
    """The venue's filter that refuses the order, if one does. `best`: the price a market order is valued at."""
    if quantity < market.min_quantity or round_down(quantity, market.lot_step) != quantity:
        return "LOT_SIZE"
    if price is not None and (price <= 0 or round_down(price, market.price_tick) != price):
        return "PRICE_FILTER"
    return "NOTIONAL" if quantity * (price or best) < market.min_notional else None


def value(trades: Iterable[Trade]) -> Decimal:
    return sum((trade.price * trade.quantity for trade in trades), ZERO)
