"""Accounts and orders: the signed part of /api/v3."""

import uuid
from typing import Any

from flask import Blueprint, Response, g, jsonify

from simulator.binance import params as read
from simulator.binance.errors import missing_parameter, order_does_not_exist
from simulator.binance.order_request import new_order
from simulator.binance.params import Params
from simulator.binance.request import params, signed_account
from simulator.context import text, venue
from simulator.engine import Placed, now_ms
from simulator.errors import Reason, Refused
from simulator.orders import ZERO, NewOrder, Order, Side, Trade
from simulator.symbols import Symbol

trading = Blueprint("trading", __name__, url_prefix="/api/v3")


@trading.get("/account")
def account() -> Response:
    key = signed_account()
    venue().engine.settle()
    fees = venue().engine.fees
    hide_zero = params().get("omitZeroBalances") == "true"
    return jsonify(
        {
            "makerCommission": int(fees.maker * 10_000),
            "takerCommission": int(fees.taker * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": text(fees.maker), "taker": text(fees.taker), "buyer": "0", "seller": "0"},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "updateTime": now_ms(),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": text(free), "locked": text(locked)}
                for asset, (free, locked) in venue().store.balances(key).items()
                if free or locked or not hide_zero
            ],
            "permissions": ["SPOT"],
        }
    )


# --- one order --------------------------------------------------------------------------------------------------


@trading.post("/order")
def place_order() -> Response:
    key = signed_account()
    placed = venue().engine.place(key, _requested(), g.received_ms)
    return jsonify(_placed(placed, params().get("newOrderRespType", "FULL")))


@trading.post("/order/test")
def check_order() -> Response:
    signed_account()
    _requested()
    return jsonify({})


def _requested() -> NewOrder:
    mark = venue().engine.mark(read.symbol(params()), now_ms())
    return new_order(params(), mark, uuid.uuid4().hex[:22])


def _placed(placed: Placed, kind: str) -> dict[str, Any]:
    order = placed.order
    ack = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.processed_ms,
    }
    if kind == "ACK":
        return ack
    result = {**ack, **_state(order), "workingTime": order.processed_ms, "selfTradePreventionMode": "NONE"}
    return result if kind == "RESULT" else {**result, "fills": [_fill(trade) for trade in placed.trades]}


def _fill(trade: Trade) -> dict[str, Any]:
    return {
        "price": text(trade.price),
        "qty": text(trade.qty),
        "commission": text(trade.commission),
        "commissionAsset": trade.commission_asset,
        "tradeId": trade.trade_id,
    }


def _state(order: Order) -> dict[str, Any]:
    return {
        "price": text(order.price),
        "origQty": text(order.orig_qty),
        "executedQty": text(order.executed_qty),
        "origQuoteOrderQty": text(order.orig_quote_qty),
        "cummulativeQuoteQty": text(order.quote_qty),  # The venue's own spelling.
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def order_json(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **_state(order),
        "stopPrice": text(ZERO),
        "icebergQty": text(ZERO),
        "time": order.processed_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.processed_ms,
        "selfTradePreventionMode": "NONE",
    }


@trading.get("/order")
def query_order() -> Response:
    key = signed_account()
    symbol, query = read.symbol(params()), params()
    venue().engine.settle()
    order = _named(key, symbol, query)
    if order is None:
        raise order_does_not_exist()
    return jsonify(order_json(order))


def _named(key: str, symbol: Symbol, query: Params) -> Order | None:
    """By orderId, else by origClientOrderId."""
    number, client_id = read.long(query, "orderId"), read.client_order_id(query, "origClientOrderId")
    if number is not None:
        order = venue().store.order(key, number)
    elif client_id is not None:
        order = venue().store.order_by_client_id(key, client_id)
    else:
        raise missing_parameter("orderId")
    return order if order and order.symbol == symbol.name else None


@trading.delete("/order")
def cancel_order() -> Response:
    key = signed_account()
    order = _named(key, read.symbol(params()), params())
    if order is None:
        raise Refused(Reason.NOT_OPEN)
    return jsonify(_cancelled(venue().engine.cancel(key, order.order_id)))


def _cancelled(order: Order) -> dict[str, Any]:
    given = read.client_order_id(params(), "newClientOrderId")
    return {
        **order_json(order),
        "origClientOrderId": order.client_order_id,
        "clientOrderId": given or uuid.uuid4().hex[:22],
        "transactTime": order.updated_ms,
    }


# --- lists ------------------------------------------------------------------------------------------------------


@trading.get("/openOrders")
def open_orders() -> Response:
    key = signed_account()
    symbol = read.optional_symbol(params())
    venue().engine.settle()
    return jsonify([order_json(order) for order in venue().store.open_orders(key, symbol.name if symbol else None)])


@trading.delete("/openOrders")
def cancel_open_orders() -> Response:
    key = signed_account()
    found = venue().store.open_orders(key, read.symbol(params()).name)
    if not found:
        raise Refused(Reason.NOT_OPEN)
    return jsonify([_cancelled(venue().engine.cancel(key, order.order_id)) for order in found])


@trading.get("/allOrders")
def all_orders() -> Response:
    key = signed_account()
    query, symbol = params(), read.symbol(params())
    venue().engine.settle()
    found = venue().store.orders(key, symbol.name)
    first = read.long(query, "orderId")
    chosen = [o for o in found if first is None or o.order_id >= first]
    page = _page(chosen, query, [o.processed_ms for o in chosen], from_start=first is not None)
    return jsonify([order_json(order) for order in page])


@trading.get("/myTrades")
def my_trades() -> Response:
    key = signed_account()
    query, symbol = params(), read.symbol(params())
    venue().engine.settle()
    found = venue().store.trades(key, symbol.name, read.long(query, "orderId"))
    first = read.long(query, "fromId")
    chosen = [t for t in found if first is None or t.trade_id >= first]
    page = _page(chosen, query, [t.at_ms for t in chosen], from_start=first is not None)
    return jsonify([trade_json(trade) for trade in page])


def _page(rows: list[Any], query: Params, times: list[int], *, from_start: bool) -> list[Any]:
    """Rows within startTime and endTime: the first `limit` of those asked from a point on, else the newest."""
    start, end = read.long(query, "startTime"), read.long(query, "endTime")
    inside = [
        row
        for row, at_ms in zip(rows, times, strict=True)
        if (start is None or at_ms >= start) and (end is None or at_ms <= end)
    ]
    count = read.limit(query, 500, 1000)
    return inside[:count] if from_start or start is not None else inside[-count:]


def trade_json(trade: Trade) -> dict[str, Any]:
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": text(trade.price),
        "qty": text(trade.qty),
        "quoteQty": text(trade.quote_qty),
        "commission": text(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.at_ms,
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }
