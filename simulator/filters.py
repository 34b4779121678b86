"""What a symbol takes: the same rules in every dialect. Pure."""

from decimal import Decimal
from enum import StrEnum

from simulator.orders import NewOrder, OrderType
from simulator.symbols import Symbol

MAX_PRICE_FACTOR = Decimal(5)
MIN_PRICE_FACTOR = Decimal("0.2")


class Filter(StrEnum):
    PRICE = "a price above zero"
    TICK = "a price on the grid"
    BAND = "a price near the market's"
    QUANTITY = "a quantity above zero"
    MIN_QUANTITY = "a quantity of at least the least"
    LOT = "a quantity on the grid, at most the most"
    MARKET_LOT = "a quantity that a market order may have"
    NOTIONAL = "a worth of at least the least"


def failed(order: NewOrder, mark: Decimal) -> Filter | None:
    """The first filter that `order` fails, `mark` being the current price."""
    return _failed_price(order, mark) or _failed_quantity(order) or _failed_notional(order, mark)


def _failed_price(order: NewOrder, mark: Decimal) -> Filter | None:
    if order.price is None:
        return None
    if order.price <= 0:
        return Filter.PRICE
    if order.price % order.symbol.tick:
        return Filter.TICK
    is_near = mark * MIN_PRICE_FACTOR <= order.price <= mark * MAX_PRICE_FACTOR
    return None if is_near else Filter.BAND


def _failed_quantity(order: NewOrder) -> Filter | None:
    if order.quantity is None:
        return None
    if order.quantity <= 0:
        return Filter.QUANTITY
    return _failed_lot(order.quantity, order.symbol, order.type)


def _failed_lot(quantity: Decimal, symbol: Symbol, kind: OrderType) -> Filter | None:
    if quantity < symbol.min_qty:
        return Filter.MIN_QUANTITY
    if quantity % symbol.step or quantity > symbol.max_qty:
        return Filter.LOT
    return Filter.MARKET_LOT if kind is OrderType.MARKET and quantity > symbol.max_market_qty else None


def _failed_notional(order: NewOrder, mark: Decimal) -> Filter | None:
    worth = order.quote_quantity
    if worth is None:
        worth = (order.quantity or Decimal(0)) * (order.price or mark)
    return Filter.NOTIONAL if worth < order.symbol.min_notional else None
