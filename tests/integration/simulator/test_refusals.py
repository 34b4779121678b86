"""What the venue refuses, with Binance's codes, over signed HTTP and through ccxt."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from simulator.binance.signing import signature
from tests.support.simulator import SimulatorHandle

Answer = tuple[int, dict[str, Any]]


def _signed(
    handle: SimulatorHandle,
    path: str = "/api/v3/account",
    method: str = "GET",
    key: str | None = "demo",
    secret: str = "demo",
    timestamp: int | None = None,
    **parameters: Any,
) -> Answer:
    now = time.time_ns() // 1_000_000 if timestamp is None else timestamp
    query = urllib.parse.urlencode({**parameters, "timestamp": now})
    url = f"{handle.url}{path}?{query}&signature={signature(secret, query)}"
    return _sent(urllib.request.Request(url, method=method, headers={"X-MBX-APIKEY": key} if key else {}))


def _sent(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def _now() -> int:
    return time.time_ns() // 1_000_000


def test_a_good_signature_is_accepted(simulator: SimulatorHandle) -> None:
    status, account = _signed(simulator)
    assert status == 200
    assert account["canTrade"] is True


def test_a_signature_covers_query_and_body_joined(simulator: SimulatorHandle) -> None:
    query, body = "symbol=BTCUSDT&side=BUY&type=MARKET", f"quantity=0.01&timestamp={_now()}"
    signed = f"{body}&signature={signature('demo', query + body)}"
    headers = {"X-MBX-APIKEY": "demo", "Content-Type": "application/x-www-form-urlencoded"}
    request = urllib.request.Request(f"{simulator.url}/api/v3/order?{query}", signed.encode(), headers)
    assert _sent(request)[0] == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"secret": "wrong"}, 400, -1022),
        ({"key": "nobody"}, 401, -2015),
        ({"key": None}, 401, -2014),
        ({"key": "no such format!"}, 401, -2014),
        ({"recvWindow": 60_001}, 400, -1131),
        ({"recvWindow": "x"}, 400, -1100),
    ],
)
def test_a_bad_key_signature_or_window_is_refused(
    simulator: SimulatorHandle, changes: dict[str, Any], status: int, code: int
) -> None:
    answered, body = _signed(simulator, **changes)
    assert (answered, body["code"]) == (status, code)


@pytest.mark.parametrize(
    ("offset_ms", "window", "code"),
    [
        (-3_000, 5_000, None),
        (-7_000, 5_000, -1021),
        (-7_000, 20_000, None),
        (-1_500, 500, -1021),
        (3_000, 5_000, -1021),
    ],
)
def test_the_timestamp_must_lie_in_the_window(
    simulator: SimulatorHandle, offset_ms: int, window: int, code: int | None
) -> None:
    _, body = _signed(simulator, timestamp=_now() + offset_ms, recvWindow=window)
    assert body.get("code") == code


def test_a_missing_timestamp_is_named(simulator: SimulatorHandle) -> None:
    request = urllib.request.Request(f"{simulator.url}/api/v3/account", headers={"X-MBX-APIKEY": "demo"})
    status, body = _sent(request)
    assert (status, body["code"]) == (400, -1102)
    assert "timestamp" in body["msg"]


GOOD = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000"}


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"symbol": "NOPEUSDT"}, -1121, "Invalid symbol"),
        ({"symbol": "btc/usdt"}, -1100, "symbol"),
        ({"symbol": None}, -1102, "symbol"),
        ({"side": "HOLD"}, -1117, "side"),
        ({"type": "STOP"}, -1116, "orderType"),
        ({"timeInForce": "GTX"}, -1115, "timeInForce"),
        ({"timeInForce": None}, -1102, "timeInForce"),
        ({"quantity": None}, -1102, "quantity"),
        ({"price": None}, -1102, "price"),
        ({"quantity": "-1"}, -1100, "quantity"),
        ({"quantity": "1e3"}, -1100, "quantity"),
        ({"quantity": "0.123456789"}, -1111, "precision"),
        ({"quantity": "0"}, -1013, "Invalid quantity"),
        ({"quantity": "0.000015"}, -1013, "LOT_SIZE"),
        ({"quantity": "0.00005"}, -1013, "NOTIONAL"),
        ({"price": "0"}, -1013, "Invalid price"),
        ({"price": "50000.001"}, -1013, "PRICE_FILTER"),
        ({"price": "9000"}, -1013, "PERCENT_PRICE"),
        ({"price": "260000"}, -1013, "PERCENT_PRICE"),
        ({"quantity": "100"}, -2010, "insufficient balance"),
        ({"newClientOrderId": "with space"}, -1100, "newClientOrderId"),
        ({"type": "MARKET"}, -1106, "timeInForce"),
        ({"type": "MARKET", "timeInForce": None}, -1106, "price"),
        ({"type": "MARKET", "timeInForce": None, "price": None, "quantity": "0.00005"}, -1013, "NOTIONAL"),
        ({"type": "MARKET", "timeInForce": None, "price": None, "quantity": None}, -1102, "quantity"),
        ({"type": "MARKET", "timeInForce": None, "price": None, "quoteOrderQty": "9"}, -1128, "Combination"),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "60000"}, -2010, "immediately match"),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_leaves_nothing(
    simulator: SimulatorHandle, changes: dict[str, Any], code: int, said: str
) -> None:
    simulator.pin("BTCUSDT", "50000")
    order = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    status, body = _signed(simulator, "/api/v3/order", "POST", **order)
    assert (status, body["code"]) == (400, code)
    assert said in body["msg"]
    assert simulator.dump()["orders"] == []


def test_ccxt_raises_its_own_errors(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("BTCUSDT", "50000")
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order("BTC/USDT", "market", "sell", "100")
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        exchange.create_order("BTC/USDT", "market", "buy", "0.00001")


def test_a_client_id_is_unique_among_open_orders_only(exchange: Any, simulator: SimulatorHandle) -> None:
    # Given: a resting order of that id
    simulator.pin("BTCUSDT", "50000")
    resting = exchange.create_order("BTC/USDT", "limit", "buy", "0.01", "45000", {"newClientOrderId": "same"})
    # When/Then: the id is taken while the order is open, free once it is not, as on Binance
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        exchange.create_order("BTC/USDT", "market", "buy", "0.01", None, {"newClientOrderId": "same"})
    exchange.cancel_order(resting["id"], "BTC/USDT")
    again = exchange.create_order("BTC/USDT", "market", "buy", "0.01", None, {"newClientOrderId": "same"})
    once_more = exchange.create_order("BTC/USDT", "market", "buy", "0.01", None, {"newClientOrderId": "same"})
    assert len({resting["id"], again["id"], once_more["id"]}) == 3
    assert exchange.fetch_order(None, "BTC/USDT", {"clientOrderId": "same"})["id"] == once_more["id"]


def test_a_limit_on_calls_answers_429_until_the_window_has_passed(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.control("POST", "limits", {"calls": 3, "window_s": 60})
    for _ in range(3):
        exchange.fetch_time()
    with pytest.raises(ccxt.DDoSProtection):
        exchange.fetch_time()
    assert 0 < float(exchange.last_response_headers["Retry-After"]) <= 60
    simulator.control("POST", "limits", {"calls": None})
    exchange.fetch_time()


def test_accounts_do_not_see_each_other(exchange: Any, simulator: SimulatorHandle) -> None:
    alice = {"key": "alice", "secret": "secret"}
    simulator.account(**alice, balances={"USDT": "500"})
    order = exchange.create_order("BTC/USDT", "market", "buy", "0.01")
    status, body = _signed(simulator, "/api/v3/order", **alice, symbol="BTCUSDT", orderId=order["id"])
    assert (status, body["code"]) == (400, -2013)
    _, account = _signed(simulator, **alice)
    assert [(b["asset"], Decimal(b["free"])) for b in account["balances"]] == [("USDT", Decimal(500))]
