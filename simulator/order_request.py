"""From a request's parameters to an order that passed the symbol's filters. Pure."""

from decimal import Decimal

from simulator import params as read
from simulator.errors import VenueError, filter_failure, missing_parameter
from simulator.orders import NewOrder, OrderType, Side, TimeInForce
from simulator.params import Params
from simulator.symbols import Symbol

MAX_PRICE_FACTOR = Decimal(5)
MIN_PRICE_FACTOR = Decimal("0.2")


def new_order(params: Params, mark: Decimal, generated_id: str) -> NewOrder:
    """`mark` is the current price; `generated_id` names the order if the client doesn't."""
    symbol = read.symbol(params)
    kind = read.choice(params, "type", OrderType, -1116, "Invalid orderType.")
    order = NewOrder(
        symbol=symbol,
        side=read.choice(params, "side", Side, -1117, "Invalid side."),
        type=kind,
        time_in_force=_time_in_force(params, kind),
        client_order_id=read.client_order_id(params, "newClientOrderId") or generated_id,
        quantity=read.decimal(params, "quantity"),
        quote_quantity=read.decimal(params, "quoteOrderQty"),
        price=read.decimal(params, "price"),
    )
    _check_presence(order)
    check_filters(order, mark)
    return order


def _time_in_force(params: Params, kind: OrderType) -> TimeInForce:
    if kind is OrderType.LIMIT:
        return read.choice(params, "timeInForce", TimeInForce, -1115, "Invalid timeInForce.")
    if "timeInForce" in params:
        raise _not_required("timeInForce")
    return TimeInForce.GTC


def _not_required(name: str) -> VenueError:
    return VenueError(-1106, f"Parameter '{name}' sent when not required.")


def _check_presence(order: NewOrder) -> None:
    if order.type is OrderType.MARKET:
        if order.price is not None:
            raise _not_required("price")
        if order.quantity is not None and order.quote_quantity is not None:
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        if order.quantity is None and order.quote_quantity is None:
            raise missing_parameter("quantity")
        return
    if order.quote_quantity is not None:
        raise _not_required("quoteOrderQty")
    if order.quantity is None:
        raise missing_parameter("quantity")
    if order.price is None:
        raise missing_parameter("price")


def check_filters(order: NewOrder, mark: Decimal) -> None:
    """Raises -1013 with the first filter that the order fails, in the venue's order."""
    symbol = order.symbol
    if order.price is not None:
        _check_price(symbol, order.price, mark)
    if order.quantity is not None:
        _check_quantity(symbol, order.quantity, order.type)
    notional = order.quote_quantity
    if notional is None:
        notional = (order.quantity or Decimal(0)) * (order.price or mark)
    if notional < symbol.min_notional:
        raise filter_failure("NOTIONAL")


def _check_price(symbol: Symbol, price: Decimal, mark: Decimal) -> None:
    if price <= 0:
        raise VenueError(-1013, "Invalid price.")
    if price % symbol.tick:
        raise filter_failure("PRICE_FILTER")
    if not mark * MIN_PRICE_FACTOR <= price <= mark * MAX_PRICE_FACTOR:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_quantity(symbol: Symbol, quantity: Decimal, kind: OrderType) -> None:
    if quantity <= 0:
        raise VenueError(-1013, "Invalid quantity.")
    if quantity % symbol.step or not symbol.min_qty <= quantity <= symbol.max_qty:
        raise filter_failure("LOT_SIZE")
    if kind is OrderType.MARKET and quantity > symbol.max_market_qty:
        raise filter_failure("MARKET_LOT_SIZE")
