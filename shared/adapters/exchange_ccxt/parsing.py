"""ccxt's structures into ours. Numbers arrive as strings; what is missing raises Unreadable, never a guess."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.domain.candles import Candles, Timeframe
from shared.domain.orders import Fill, Order, OrderReport, OrderState
from shared.domain.values import ZERO, Market, OrderType, Side, Ticker
from shared.domain.venue import VenueOrder, VenueTrade
from shared.ports import Balance

Raw = Mapping[str, Any]
Levels = tuple[tuple[Decimal, Decimal], ...]  # (price, quantity), best first

STATES = {
    "open": OrderState.ACKED,
    "canceling": OrderState.ACKED,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}


def open_status(status: str | None) -> str:
    """Of an order that the venue lists among those that rest: `open` where it is called by a word that nobody knows.

    Binance's PENDING_NEW is one: an order that waits for another of its list.
    """
    return status if status in STATES else "open"


class Unreadable(ValueError):
    """The venue's answer lacks what we asked for."""


def decimal(value: object, name: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(f"{name}: {value!r} is no number") from None
    if not number.is_finite():
        raise Unreadable(f"{name}: {value!r} is no number")
    return number


def markets(raw: Mapping[str, Raw], exchange: str) -> dict[str, Market]:
    """Every spot market that says what it takes; an incomplete one can't be traded and is left out."""
    found = {}
    for each in raw.values():
        try:
            if each["spot"]:
                found[each["symbol"]] = _market(each, exchange)
        except Unreadable:
            continue
    return found


def _market(raw: Raw, exchange: str) -> Market:
    limits = raw["limits"]
    lot_step = decimal(raw["precision"]["amount"], "amount step")
    price_tick = decimal(raw["precision"]["price"], "price step")
    if lot_step <= 0 or price_tick <= 0:
        raise Unreadable(f"{raw['symbol']}: a step of zero")
    return Market(
        exchange=exchange,
        symbol=raw["symbol"],
        base=raw["base"],
        quote=raw["quote"],
        lot_step=lot_step,
        price_tick=price_tick,
        min_quantity=decimal(limits["amount"]["min"] or lot_step, "minimum amount"),
        min_notional=decimal(limits["cost"]["min"] or ZERO, "minimum cost"),
        maker_fee_frac=decimal(raw["maker"], "maker fee"),
        taker_fee_frac=decimal(raw["taker"], "taker fee"),
        is_active=bool(raw["active"]),
    )


def candles(rows: object, timeframe: Timeframe) -> Candles:
    if not isinstance(rows, list):
        raise Unreadable(f"candles: {type(rows).__name__} instead of a list")
    return Candles.from_rows(timeframe, [[float(decimal(cell, "candle")) for cell in row] for row in rows])


def tickers(raw: Mapping[str, Raw], symbols: Iterable[str], now_ms: int) -> dict[str, Ticker]:
    """Those that can be sold: with a bid and a last price. One that nobody offers has an ask of zero.

    Raises Unreadable only where no quote can be read: one that can't is not to hide the others from their stops.
    """
    found, unreadable = {}, None
    for symbol in symbols:
        try:
            quoted = _ticker(raw.get(symbol), symbol, now_ms)
        except Unreadable as error:
            unreadable = error
        else:
            found.update({symbol: quoted} if quoted else {})
    if unreadable is not None and not found:
        raise unreadable
    return found


def _ticker(raw: Raw | None, symbol: str, now_ms: int) -> Ticker | None:
    if raw is None:
        return None
    bid, ask, last = (decimal(raw.get(name) or ZERO, symbol) for name in ("bid", "ask", "last"))
    # Without an ask nothing can be bought, which is no reason to leave a stop unwatched.
    return Ticker(symbol, bid, ask, last, raw.get("timestamp") or now_ms) if bid > 0 and last > 0 else None


def acknowledged(raw: Raw, order: Order) -> OrderReport:
    """Of an answer that has the order's ids and nothing else: the venue took it. Raises Unreadable on any other."""
    _check_names(raw, order)
    return OrderReport(
        client_order_id=order.client_order_id,
        exchange_order_id=str(raw["id"]),
        state=OrderState.ACKED,
        filled=ZERO,
        average_price=None,
        raw=json.dumps(raw.get("info")),
    )


def _check_names(raw: Raw, order: Order) -> None:
    # A cancel's answer carries a new client id, and the order's own beside it.
    ours = raw.get("info", {}).get("origClientOrderId") or raw.get("clientOrderId")
    if raw.get("id") is None or ours != order.client_order_id:
        raise Unreadable(f"no answer about {order.client_order_id}: it names {ours}, id {raw.get('id')}")


def order_report(raw: Raw, status: str | None, order: Order, account: str, quote: str) -> OrderReport:
    """`status` in ccxt's words. Raises Unreadable on an answer that names no order, or another one."""
    _check_names(raw, order)
    state = STATES.get(status or "")
    if state is None:
        raise Unreadable(f"{order.client_order_id} has a status that nobody knows: {status}")
    filled = decimal(raw.get("filled"), "filled")
    if state is OrderState.ACKED and filled > 0:
        state = OrderState.PARTIALLY_FILLED
    trades = fills(raw.get("trades") or [], order, account, quote, raw.get("timestamp"))
    return OrderReport(
        client_order_id=order.client_order_id,
        exchange_order_id=str(raw["id"]),
        state=state,
        filled=filled,
        average_price=decimal(raw.get("cost"), "cost") / filled if filled else None,
        fills=trades if sum((fill.quantity for fill in trades), ZERO) == filled else None,
        raw=json.dumps(raw.get("info")),
    )


def fills(raw: Iterable[Raw], order: Order, account: str, quote: str, at_ms: int | None = None) -> tuple[Fill, ...]:
    """Oldest first. `at_ms` is the time of trades that carry none: those in the answer to a submit."""
    return tuple(oldest_first(_fill(trade, order, account, quote, at_ms) for trade in raw))


def oldest_first(found: Iterable[Fill]) -> list[Fill]:
    return sorted(found, key=lambda fill: (fill.at, len(fill.trade_id), fill.trade_id))


def _fill(raw: Raw, order: Order, account: str, quote: str, at_ms: int | None) -> Fill:
    fee = raw.get("fee") or {}
    when = raw.get("timestamp") or at_ms
    if raw.get("id") is None or when is None:
        raise Unreadable("a trade without an id or a time")
    return Fill(
        account=account,
        symbol=order.symbol,
        trade_id=str(raw["id"]),
        client_order_id=order.client_order_id,
        side=order.side,
        quantity=decimal(raw.get("amount"), "amount"),
        price=decimal(raw.get("price"), "price"),
        fee=decimal(fee.get("cost") or ZERO, "fee"),
        fee_currency=fee.get("currency") or quote,
        at=datetime.fromtimestamp(when / 1000, UTC),
    )


def venue_order(raw: Raw, status: str | None) -> VenueOrder:
    """Of anybody's; what has no client id of its own has an empty one."""
    state = STATES.get(status or "")
    missing = [name for name in ("id", "symbol", "timestamp") if raw.get(name) is None]
    if state is None or missing:
        raise Unreadable(f"an order without {', '.join(missing) or 'a state that we know'}: {raw.get('status')}")
    filled = decimal(raw.get("filled"), "filled")
    price = raw.get("price")
    return VenueOrder(
        exchange_order_id=str(raw["id"]),
        client_order_id=raw.get("clientOrderId") or "",
        symbol=raw["symbol"],
        side=_side(raw),
        type=str(raw.get("type") or ""),
        quantity=decimal(raw.get("amount"), "amount"),
        price=decimal(price, "price") if price is not None and raw.get("type") != OrderType.MARKET else None,
        filled=filled,
        state=OrderState.PARTIALLY_FILLED if state is OrderState.ACKED and filled > 0 else state,
        at=datetime.fromtimestamp(raw["timestamp"] / 1000, UTC),
    )


def venue_trade(raw: Raw, quote: str) -> VenueTrade:
    fee = raw.get("fee") or {}
    missing = [name for name in ("id", "order", "symbol", "timestamp") if raw.get(name) is None]
    if missing:
        raise Unreadable(f"a trade without {', '.join(missing)}")
    return VenueTrade(
        symbol=raw["symbol"],
        trade_id=str(raw["id"]),
        exchange_order_id=str(raw["order"]),
        side=_side(raw),
        quantity=decimal(raw.get("amount"), "amount"),
        price=decimal(raw.get("price"), "price"),
        fee=decimal(fee.get("cost") or ZERO, "fee"),
        fee_currency=fee.get("currency") or quote,
        at=datetime.fromtimestamp(raw["timestamp"] / 1000, UTC),
    )


def _side(raw: Raw) -> Side:
    try:
        return Side(str(raw.get("side")))
    except ValueError:
        raise Unreadable(f"neither bought nor sold: {raw.get('side')!r}") from None


def balances(raw: Raw) -> dict[str, Balance]:
    free, used = raw["free"], raw["used"]
    return {asset: Balance(decimal(free[asset], asset), decimal(used[asset] or ZERO, asset)) for asset in free}


def levels(raw: Iterable[Sequence[object]]) -> Levels:
    return tuple((decimal(level[0], "price"), decimal(level[1], "amount")) for level in raw)
