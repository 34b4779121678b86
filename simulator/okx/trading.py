"""Accounts and orders: the signed part of /api/v5."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request

from simulator.context import venue, venue_ms
from simulator.engine import now_ms
from simulator.errors import Reason, Refused
from simulator.okx import params as read
from simulator.okx.answers import acknowledged, ok, plain
from simulator.okx.errors import OkxError, no_order, of, too_late
from simulator.okx.order_request import BASE, KINDS, QUOTE, amended, check_filters, new_order
from simulator.okx.params import Params
from simulator.okx.request import body, query, signed_account
from simulator.orders import ZERO, NewOrder, Order, OrderType, Side, Status, TimeInForce, Trade

trading = Blueprint("okx_trading", __name__, url_prefix="/api/v5")

T = TypeVar("T")

PAGE = 100
BATCH = 20
STATES = {
    Status.NEW: "live",
    Status.PARTIALLY_FILLED: "partially_filled",
    Status.FILLED: "filled",
    Status.CANCELED: "canceled",
    Status.EXPIRED: "canceled",
}
BY_USER, INCOMPLETE_FOK, INCOMPLETE_IOC = "1", "13", "14"
# What was cancelled without a fill is forgotten after this.
FORGOTTEN_MS = 2 * 3_600_000
# A bill has a number of its own, unlike its trade's: what pages by one can't do so by the other.
FIRST_BILL = 600_000_000_000_000_000


@trading.get("/account/balance")
def balance() -> Response:
    key = signed_account()
    venue().engine.settle()
    wanted = set(query()["ccy"].split(",")) if query().get("ccy") else None
    found = venue().store.balances(key).items()
    now = str(now_ms())
    details = [
        {
            "ccy": asset,
            "eq": plain(free + locked),
            "cashBal": plain(free + locked),
            "availBal": plain(free),
            "frozenBal": plain(locked),
            "ordFrozen": plain(locked),
            "availEq": "",
            "uTime": now,
        }
        for asset, (free, locked) in found
        if (free or locked) and (wanted is None or asset in wanted)
    ]
    return ok([{"adjEq": "", "totalEq": "", "uTime": now, "details": details}])


@trading.get("/account/trade-fee")
def trade_fee() -> Response:
    signed_account()
    read.spot_only(query())
    fees = venue().engine.fees
    return ok([{"instType": "SPOT", "maker": plain(-fees.maker), "taker": plain(-fees.taker), "ts": str(now_ms())}])


# --- one order --------------------------------------------------------------------------------------------------


@trading.post("/trade/order")
def place_order() -> Response:
    key, given = signed_account(), body()
    if not isinstance(given, dict):
        raise OkxError("50002", "JSON syntax error", 400)
    return acknowledged([_result(given, _placing(key, given))])


@trading.post("/trade/batch-orders")
def place_orders() -> Response:
    return acknowledged([_result(each, _placing(key, each)) for key, each in _batch()])


@trading.post("/trade/cancel-order")
def cancel_order() -> Response:
    key, given = signed_account(), body()
    if not isinstance(given, dict):
        raise OkxError("50002", "JSON syntax error", 400)
    return acknowledged([_result(given, _cancelling(key, given))])


@trading.post("/trade/cancel-batch-orders")
def cancel_orders() -> Response:
    return acknowledged([_result(each, _cancelling(key, each)) for key, each in _batch()])


def _batch() -> list[tuple[str, Params]]:
    key, given = signed_account(), body()
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given) or len(given) > BATCH:
        raise OkxError("50002", "JSON syntax error", 400)
    return [(key, each) for each in given]


def _result(given: Params, act: Callable[[], Order]) -> dict[str, str]:
    """What became of one order: its ids, or the reason why not."""
    told = {"tag": str(given.get("tag", "")), "ts": str(now_ms())}
    ids = {"clOrdId": str(given.get("clOrdId", "")), "ordId": str(given.get("ordId", ""))}
    try:
        order = act()
    except Refused as refusal:
        error = of(refusal.reason)
    except OkxError as refusal:
        error = refusal
    else:
        return {"clOrdId": order.client_order_id, "ordId": str(order.order_id), "sCode": "0", "sMsg": "", **told}
    return {**ids, "sCode": error.code, "sMsg": error.msg, **told}


def _placing(key: str, given: Params) -> Callable[[], Order]:
    def place() -> Order:
        deadline = request.headers.get("expTime")
        if deadline is not None and (not deadline.isdigit() or venue_ms() > int(deadline)):
            raise too_late()
        return venue().engine.place(key, _requested(key, given), g.received_ms).order

    return place


def _requested(key: str, given: Params) -> NewOrder:
    engine, now = venue().engine, now_ms()
    order = new_order(given, uuid.uuid4().hex)
    check_filters(order, engine.mark(order.symbol, now))
    book = engine.book(order.symbol, now)
    return replace(order, quantity=amended(order, given, book, lambda asset: venue().store.free(key, asset)))


def _cancelling(key: str, given: Params) -> Callable[[], Order]:
    def cancel() -> Order:
        order = _named(key, given)
        if order is None:
            raise Refused(Reason.NOT_OPEN)
        return venue().engine.cancel(key, order.order_id)

    return cancel


def _named(key: str, given: Params) -> Order | None:
    """By ordId, else by clOrdId: the newest, where several had it."""
    symbol, number, client_id = read.instrument(given), read.whole(given, "ordId"), read.client_order_id(given)
    if number is not None:
        order = venue().store.order(key, number)
    elif client_id is not None:
        order = venue().store.order_by_client_id(key, client_id)
    else:
        raise OkxError("51003", "Either client order ID or order ID is required.")
    return order if order and order.symbol == symbol.name else None


@trading.get("/trade/order")
def query_order() -> Response:
    key = signed_account()
    venue().engine.settle()
    order = _named(key, query())
    if order is None or _is_forgotten(order):
        raise no_order()
    return ok([_order(order)])


def _is_forgotten(order: Order) -> bool:
    return not order.status.is_open and not order.executed_qty and now_ms() - order.updated_ms > FORGOTTEN_MS


def _order(order: Order) -> dict[str, Any]:
    trades = venue().store.trades(order.account, order.symbol, order.order_id)
    last = trades[-1] if trades else None
    return {
        **_ids(order),
        **_terms(order),
        "state": STATES[order.status],
        "cancelSource": _cancel_source(order),
        "cancelSourceReason": "",
        "accFillSz": plain(order.executed_qty),
        "avgPx": f"{order.quote_qty / order.executed_qty:.10f}".rstrip("0").rstrip(".") if trades else "",
        "fillPx": plain(last.price) if last else "",
        "fillSz": plain(last.qty) if last else "0",
        "fillTime": str(last.at_ms) if last else "",
        "tradeId": str(last.trade_id) if last else "",
        "fee": plain(-sum((trade.commission for trade in trades), ZERO)) if trades else "0",
        "feeCcy": last.commission_asset if last else "",
        "rebate": "0",
        "rebateCcy": "",
        "pnl": "0",
        "cTime": str(order.processed_ms),
        "uTime": str(order.updated_ms),
    }


def _ids(order: Order) -> dict[str, str]:
    return {
        "instType": "SPOT",
        "instId": read.inst_id(order.symbol),
        "ordId": str(order.order_id),
        "clOrdId": order.client_order_id,
        "tag": "",
        "algoId": "",
    }


def _terms(order: Order) -> dict[str, str]:
    is_market, is_in_quote = order.type is OrderType.MARKET, order.orig_quote_qty > 0
    return {
        "side": order.side.lower(),
        "ordType": _kind(order),
        "tdMode": "cash",
        "posSide": "net",
        "sz": plain(order.orig_quote_qty if is_in_quote else order.orig_qty),
        "tgtCcy": "" if not is_market else QUOTE if is_in_quote else BASE,
        "px": "" if is_market else plain(order.price),
        "category": "normal",
        "reduceOnly": "false",
    }


def _kind(order: Order) -> str:
    if order.type is OrderType.LIMIT_MAKER:
        return "post_only"
    return next(name for name, kind in KINDS.items() if kind == (order.type, order.time_in_force))


def _cancel_source(order: Order) -> str:
    if order.status is Status.CANCELED:
        return BY_USER
    if order.status is not Status.EXPIRED:
        return ""
    return INCOMPLETE_FOK if order.time_in_force is TimeInForce.FOK else INCOMPLETE_IOC


# --- lists ------------------------------------------------------------------------------------------------------


@trading.get("/trade/orders-pending")
def orders_pending() -> Response:
    return ok(map(_order, _page([o for o in _orders() if o.status.is_open], _number)))


@trading.get("/trade/orders-history")
@trading.get("/trade/orders-history-archive")
def orders_history() -> Response:
    """What has ended, less what was cancelled without a fill and is forgotten."""
    read.spot_only(query())
    return ok(map(_order, _page([o for o in _orders() if not o.status.is_open and not _is_forgotten(o)], _number)))


def _orders() -> Iterable[Order]:
    """Those that the query's filters let through, oldest first."""
    key, symbol = signed_account(), read.optional_instrument(query())
    venue().engine.settle()
    kinds, state = query().get("ordType"), query().get("state")
    return [
        order
        for order in venue().store.orders(key, symbol.name if symbol else None)
        if (not kinds or _kind(order) in kinds.split(","))
        and (not state or STATES[order.status] == state)
        and _is_within(order.processed_ms)
    ]


def _number(order: Order) -> int:
    return order.order_id


@trading.get("/trade/fills")
@trading.get("/trade/fills-history")
def fills() -> Response:
    key, symbol = signed_account(), read.optional_instrument(query())
    if request.path.endswith("fills-history"):
        read.spot_only(query())
    venue().engine.settle()
    trades = venue().store.trades(key, symbol.name if symbol else None, read.whole(query(), "ordId"))
    page = _page([trade for trade in trades if _is_within(trade.at_ms)], _bill)
    client_ids = {trade.order_id: venue().store.order(key, trade.order_id) for trade in page}
    return ok(_fill(trade, client_ids[trade.order_id]) for trade in page)


def _bill(trade: Trade) -> int:
    return FIRST_BILL + trade.trade_id


def _fill(trade: Trade, order: Order | None) -> dict[str, str]:
    return {
        "instType": "SPOT",
        "instId": read.inst_id(trade.symbol),
        "tradeId": str(trade.trade_id),
        "ordId": str(trade.order_id),
        "clOrdId": order.client_order_id if order else "",
        "billId": str(_bill(trade)),
        "subType": "1" if trade.side is Side.BUY else "2",
        "tag": "",
        "fillPx": plain(trade.price),
        "fillSz": plain(trade.qty),
        "side": trade.side.lower(),
        "posSide": "net",
        "execType": "M" if trade.is_maker else "T",
        "feeCcy": trade.commission_asset,
        "fee": plain(-trade.commission),
        "fillTime": str(trade.at_ms),
        "ts": str(trade.at_ms),
    }


def _is_within(at_ms: int) -> bool:
    begin, end = read.whole(query(), "begin"), read.whole(query(), "end")
    return (begin is None or at_ms >= begin) and (end is None or at_ms <= end)


def _page(rows: list[T], number: Callable[[T], int]) -> list[T]:
    """Newest first: those older than `after`, those newer than `before`, at most `limit`."""
    after, before = read.whole(query(), "after"), read.whole(query(), "before")
    inside = [
        row
        for row in reversed(rows)
        if (after is None or number(row) < after) and (before is None or number(row) > before)
    ]
    return inside[: read.limit(query(), PAGE, PAGE)]
