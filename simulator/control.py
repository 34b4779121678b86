"""The control surface for tests and demos, /_sim/…: prices, faults, limits, accounts, fees, and the dump."""

import os
from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, Response, jsonify, request

from simulator.accounts import has_traded, open_accounts
from simulator.binance.trading import order_json, trade_json
from simulator.context import text, venue
from simulator.engine import now_ms
from simulator.errors import ControlError
from simulator.prices import Overlay, pinned, released, scripted
from simulator.settlement import Change, Fees
from simulator.symbols import SYMBOLS, Symbol

control = Blueprint("control", __name__, url_prefix="/_sim")

DEPOSITS = "deposits"


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ControlError("body", "is a JSON object")
    return body


def _symbol(name: Any) -> Symbol:
    plain = name.replace("/", "") if isinstance(name, str) else None
    if plain not in SYMBOLS:
        raise ControlError("symbol", f"is one of {', '.join(SYMBOLS)}")
    return SYMBOLS[plain]


def _decimal(field: str, value: Any, least: Decimal = Decimal(0)) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ControlError(field, "is a number") from error
    if not number.is_finite() or number < least:
        raise ControlError(field, f"is a number of at least {least}")
    return number


# --- prices -----------------------------------------------------------------------------------------------------


@control.post("/price")
def set_price() -> Response:
    body = _body()
    symbol = _symbol(body.get("symbol"))
    if ("price" in body) == ("script" in body):
        raise ControlError("price", "send either a price or a script of [seconds from now, price] pairs")
    if "price" in body:
        price = _decimal("price", body["price"], symbol.tick)
        _change_price(symbol, lambda now: pinned(symbol, price, now))
    else:
        script = _script(body["script"], symbol)
        _change_price(symbol, lambda now: scripted(symbol, script, now, venue().prices.at(symbol, now)))
    return _price(symbol)


def _script(script: Any, symbol: Symbol) -> list[tuple[float, Decimal]]:
    if not isinstance(script, list) or not script or not all(isinstance(p, list) and len(p) == 2 for p in script):
        raise ControlError("script", "is a list of [seconds from now, price] pairs")
    points = [(float(_decimal("script", s)), _decimal("script", price, symbol.tick)) for s, price in script]
    times = [seconds for seconds, _ in points]
    if sorted(set(times)) != times:
        raise ControlError("script", "must rise in time")
    return points


@control.delete("/price")
def release_price() -> Response:
    """Without ?symbol= every symbol is released."""
    name = request.args.get("symbol")
    symbols = [_symbol(name)] if name else list(SYMBOLS.values())
    for symbol in symbols:
        _change_price(symbol, lambda now: None)
    return _price(symbols[0]) if name else jsonify({"released": len(symbols)})


def _change_price(symbol: Symbol, overlay: Callable[[int], Overlay | None]) -> None:
    """Durable before it is seen; resting orders that it crosses are filled before this returns."""
    prices, store = venue().prices, venue().store
    with store.transaction():
        now = now_ms()
        new = overlay(now)
        kept = released(prices.overlays.get(symbol.name, ()), now)
        overlays = (*kept, new) if new else kept
        store.replace_overlays(symbol.name, overlays)
    prices.overlays = {**prices.overlays, symbol.name: overlays}
    venue().engine.settle()


def _price(symbol: Symbol) -> Response:
    now = now_ms()
    is_pinned = any(overlay.covers(now) for overlay in venue().prices.overlays.get(symbol.name, ()))
    price = text(venue().engine.mark(symbol, now))
    return jsonify({"symbol": symbol.name, "price": price, "pinned": is_pinned, "at_ms": now})


# --- faults and limits --------------------------------------------------------------------------------------------


@control.post("/faults")
def add_fault() -> Response:
    return jsonify(asdict(venue().faults.add(_body(), now_ms())))


@control.get("/faults")
def list_faults() -> Response:
    return jsonify({"faults": venue().faults.listed(now_ms())})


@control.delete("/faults")
def clear_faults() -> Response:
    """Without ?id= all of them."""
    venue().faults.clear(request.args.get("id", type=int))
    return list_faults()


@control.post("/limits")
def set_limits() -> Response:
    """`calls` null lifts the limit."""
    body = _body()
    calls = body.get("calls")
    window = _decimal("window_s", body.get("window_s", 60), Decimal("0.001"))
    venue().limiter.set(None if calls is None else int(_decimal("calls", calls)), float(window))
    return jsonify({"calls": venue().limiter.calls, "window_s": venue().limiter.window_s})


# --- accounts and fees ------------------------------------------------------------------------------------------------


@control.post("/accounts")
def add_account() -> Response:
    """Adds a user with `balances` (or the usual ones) in each dialect, or changes the secret and, if sent, those."""
    body = _body()
    key, secret = body.get("key"), body.get("secret")
    if not isinstance(key, str) or not key:
        raise ControlError("key", "is a string")
    if not isinstance(secret, str) or not secret:
        raise ControlError("secret", "is a string")
    if not isinstance(body.get("passphrase", ""), str):
        raise ControlError("passphrase", "is a string")
    if "balances" in body and has_traded(venue().store, key):
        raise ControlError("balances", "can't be set once the account has orders: its sums would no longer agree")
    balances = _balances(body["balances"]) if "balances" in body else None
    open_accounts(venue().store, key, secret, body.get("passphrase"), balances)
    return jsonify({"key": key, "balances": _balances_json().get(key, {})})


def _balances(balances: Any) -> dict[str, Decimal]:
    if not isinstance(balances, dict):
        raise ControlError("balances", "is an object of asset and amount")
    return {asset: _decimal(f"balances.{asset}", amount) for asset, amount in balances.items()}


@control.post("/deposits")
def deposit() -> Response:
    """A person pays `amount` of `asset` into the account `key`, or out of it: no order and no trade tells of it."""
    body = _body()
    key, asset, store = body.get("key"), body.get("asset"), venue().store
    if not isinstance(key, str) or store.secret(key) is None:
        raise ControlError("key", "is that of an account")
    if not isinstance(asset, str) or not asset:
        raise ControlError("asset", "is a string")
    with store.transaction():
        amount = _decimal("amount", body.get("amount"), -store.free(key, asset))
        store.apply(key, [Change(asset, free=amount)])
        store.set_setting(DEPOSITS, [*(store.setting(DEPOSITS) or []), [key, asset, text(amount)]])
    return jsonify({"key": key, "balances": _balances_json().get(key, {})})


@control.post("/fees")
def set_fees() -> Response:
    """`asset` is "received", "quote" or an asset; fees are fractions."""
    body, now = _body(), venue().engine.fees
    fees = Fees(
        _decimal("maker", body.get("maker", now.maker)),
        _decimal("taker", body.get("taker", now.taker)),
        str(body.get("asset", now.in_asset)),
    )
    venue().engine.fees = fees
    return jsonify({"maker": str(fees.maker), "taker": str(fees.taker), "asset": fees.in_asset})


# --- what happened --------------------------------------------------------------------------------------------------


@control.get("/health")
def health() -> Response:
    return jsonify({"status": "ok", "seed": venue().prices.seed, "time_ms": now_ms(), "pid": os.getpid()})


@control.get("/calls")
def calls() -> Response:
    since = request.args.get("since", 0, type=int)
    if request.args.get("summary"):
        return jsonify({"summary": venue().calls.summary(since)})
    return jsonify({"calls": venue().calls.since(since)})


@control.get("/dump")
def dump() -> Response:
    """Everything that happened, from one moment's state."""
    store = venue().store
    with store.transaction():
        found = {
            "orders": [
                {
                    **order_json(order),
                    "account": order.account,
                    "receivedTime": order.received_ms,
                    "processedTime": order.processed_ms,
                }
                for order in store.orders()
            ],
            "trades": [{**trade_json(trade), "account": trade.account, "side": trade.side} for trade in store.trades()],
            "balances": _balances_json(),
            "opening_balances": _opening_json(),
            "overlays": [asdict(overlay) for overlay in store.overlays()],
        }
    return jsonify({**found, "calls": venue().calls.since(), "time_ms": now_ms()})


def _balances_json() -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for account, asset, free, locked in venue().store.all_balances():
        found.setdefault(account, {})[asset] = {"free": text(Decimal(free)), "locked": text(Decimal(locked))}
    return found


def _opening_json() -> dict[str, dict[str, str]]:
    """What no trade has brought: the beginning, and what was paid in since."""
    found: dict[str, dict[str, str]] = {}
    deposits = venue().store.setting(DEPOSITS) or []
    for account, asset, amount in [*venue().store.opening_balances(), *deposits]:
        mine = found.setdefault(account, {})
        mine[asset] = text(Decimal(mine.get(asset, 0)) + Decimal(amount))
    return found


@control.post("/reset")
def reset() -> Response:
    """Back to the opening balances: no orders, trades, pins, faults, limits or calls. Ids go on counting."""
    venue().store.clear()
    venue().prices.overlays = {}
    venue().faults.clear()
    venue().limiter.set(None, 60)
    venue().calls.clear()
    return health()
