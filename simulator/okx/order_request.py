"""From a request's parameters to an order that passed the instrument's filters. Pure."""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from simulator import filters
from simulator.book import Book
from simulator.matching import take_quote
from simulator.okx import params as read
from simulator.okx.errors import FILTERS, OkxError, empty, wrong
from simulator.okx.params import Params
from simulator.orders import NewOrder, OrderType, Side, TimeInForce

# What the engine makes of each; `post_only`, which OKX cancels where Binance refuses it, is not on offer.
KINDS = {
    "market": (OrderType.MARKET, TimeInForce.GTC),
    "limit": (OrderType.LIMIT, TimeInForce.GTC),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "fok": (OrderType.LIMIT, TimeInForce.FOK),
}
QUOTE, BASE = "quote_ccy", "base_ccy"


def new_order(params: Params, generated_id: str) -> NewOrder:
    """`generated_id` names the order if the client doesn't."""
    symbol = read.instrument(params)
    read.choice(params, "tdMode", ("cash",))
    side = Side(read.choice(params, "side", ("buy", "sell")).upper())
    kind, time_in_force = KINDS[read.choice(params, "ordType", tuple(KINDS))]
    size = read.decimal(params, "sz")
    if size is None:
        raise empty("sz")
    is_in_quote = kind is OrderType.MARKET and _unit(params, side) == QUOTE
    return NewOrder(
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=time_in_force,
        client_order_id=read.client_order_id(params) or generated_id,
        quantity=None if is_in_quote else size,
        quote_quantity=size if is_in_quote else None,
        price=None if kind is OrderType.MARKET else _price(params),
    )


def _unit(params: Params, side: Side) -> str:
    """What a market order's size counts: unless it says so, a buy is what to spend and a sell what to give."""
    if not params.get("tgtCcy"):
        return QUOTE if side is Side.BUY else BASE
    return read.choice(params, "tgtCcy", (QUOTE, BASE))


def _price(params: Params) -> Decimal:
    price = read.decimal(params, "px")
    if price is None:
        raise empty("px")
    return price


def check_filters(order: NewOrder, mark: Decimal) -> None:
    failed = filters.failed(order, mark)
    if failed is not None and failed in FILTERS:
        raise OkxError(*FILTERS[failed])


def amended(order: NewOrder, params: Params, book: Book, free: Callable[[str], Decimal]) -> Decimal | None:
    """The quantity that OKX makes of a market buy in base which the account can't pay, unless `banAmend` forbids it."""
    ban = params.get("banAmend", False)
    if not isinstance(ban, bool):
        raise wrong("banAmend")
    if ban or order.type is not OrderType.MARKET or order.side is not Side.BUY or order.quantity is None:
        return order.quantity
    fills, _ = take_quote(book.asks, free(order.symbol.quote), order.symbol.step)
    affordable = sum((fill.qty for fill in fills), Decimal(0))
    whole = (min(order.quantity, affordable) / order.symbol.step).to_integral_value(ROUND_DOWN) * order.symbol.step
    return whole or order.quantity
