"""From a request's parameters to an order that passed the symbol's filters. Pure."""

from decimal import Decimal

from simulator import filters
from simulator.binance import params as read
from simulator.binance.errors import VenueError, filter_failure, missing_parameter
from simulator.binance.params import Params
from simulator.orders import NewOrder, OrderType, Side, TimeInForce


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


def check_filters(order: NewOrder, mark: Decimal) -> None:
    """Raises -1013 with the first filter that the order fails, in the venue's order."""
    failed = filters.failed(order, mark)
    if failed is not None:
        raise filter_failure(failed)


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
