"""Each fault, as ccxt meets it; what the venue did is read from the dump."""

import time
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from tests.support.launched import eventually
from tests.support.simulator import SimulatorHandle, client


def _buy(exchange: Any, client_id: str = "a") -> Any:
    return exchange.create_order("BTC/USDT", "market", "buy", "0.01", None, {"newClientOrderId": client_id})


def _client_ids(handle: SimulatorHandle) -> list[str]:
    return [order["clientOrderId"] for order in handle.dump()["orders"]]


@pytest.mark.parametrize(
    ("fault", "more", "error", "is_processed"),
    [
        ("429", {"retry_after": 7}, ccxt.DDoSProtection, False),
        ("418", {"retry_after": 9}, ccxt.DDoSProtection, False),
        ("5xx", {"status": 503}, ccxt.ExchangeNotAvailable, False),
        ("5xx", {"status": 500}, ccxt.ExchangeNotAvailable, False),
        ("5xx", {"status": 503, "phase": "reply"}, ccxt.ExchangeNotAvailable, True),
        ("drop_request", {}, ccxt.NetworkError, False),
        ("drop_reply", {}, ccxt.NetworkError, True),
    ],
)
def test_a_fault_hits_once_and_leaves_what_it_says(
    exchange: Any, simulator: SimulatorHandle, fault: str, more: dict[str, Any], error: Any, is_processed: bool
) -> None:
    simulator.faults(fault, **more)
    with pytest.raises(error):
        _buy(exchange, "hit")
    assert _client_ids(simulator) == (["hit"] if is_processed else [])
    assert _buy(exchange, "next")["status"] == "closed"
    [call] = [call for call in simulator.calls() if call["client_order_id"] == "hit"]
    assert call["fault"] == fault


@pytest.mark.parametrize(
    ("fault", "phase", "is_processed"),
    [
        ("garbage", "reply", True),
        ("garbage", "request", False),
        ("truncated", "reply", True),
        ("truncated", "request", False),
    ],
)
def test_ccxt_takes_an_unreadable_answer_for_an_order_without_an_id(
    exchange: Any, simulator: SimulatorHandle, fault: str, phase: str, is_processed: bool
) -> None:
    simulator.faults(fault, phase=phase)
    order = _buy(exchange, "hit")
    assert (order["id"], order["status"], order["filled"]) == (None, None, "0")
    assert _client_ids(simulator) == (["hit"] if is_processed else [])


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("418", 418)])
def test_a_throttling_answer_says_when_to_come_back(simulator: SimulatorHandle, fault: str, status: int) -> None:
    exchange = client(simulator)
    simulator.faults(fault, path="/api/v3/time", method="GET", retry_after=30)
    with pytest.raises(ccxt.DDoSProtection):
        exchange.fetch_time()
    assert exchange.last_response_headers["Retry-After"] == "30"
    assert [call["status"] for call in simulator.calls()] == [status]


def test_a_delayed_request_is_processed_late_by_a_client_that_gave_up(
    shared_exchange: Any, simulator: SimulatorHandle
) -> None:
    impatient = client(simulator, timeout=200)
    impatient.set_markets_from_exchange(shared_exchange)
    simulator.faults("delay", seconds=0.6)
    with pytest.raises(ccxt.RequestTimeout):
        _buy(impatient, "slow")
    assert _client_ids(simulator) == []
    eventually(lambda: _client_ids(simulator) == ["slow"], 5, "the late order")


def test_a_delayed_request_older_than_its_window_is_refused(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.faults("delay", seconds=0.4)
    with pytest.raises(ccxt.InvalidNonce):
        exchange.create_order("BTC/USDT", "market", "buy", "0.01", None, {"recvWindow": 200})
    assert _client_ids(simulator) == []


@pytest.mark.parametrize(("window", "orders"), [(5_000, ["late"]), (100, [])])
def test_an_order_accepted_late_counts_only_within_its_window(
    exchange: Any, simulator: SimulatorHandle, window: int, orders: list[str]
) -> None:
    # Given: the network keeps the request for a while
    simulator.faults("accept_late", seconds=0.5)
    # When: the client sees its connection cut
    with pytest.raises(ccxt.NetworkError):
        exchange.create_order(
            "BTC/USDT", "market", "buy", "0.01", None, {"newClientOrderId": "late", "recvWindow": window}
        )
    assert _client_ids(simulator) == []
    # Then: the engine checks the window when it gets the order, not when it was sent
    eventually(lambda: any(call["is_late"] for call in simulator.calls()), 5, "the late call")
    dump = simulator.dump()
    assert [order["clientOrderId"] for order in dump["orders"]] == orders
    for order in dump["orders"]:
        assert order["processedTime"] - order["receivedTime"] >= 500


def test_clock_skew_shifts_time_and_the_check_of_timestamps(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.faults("clock_skew", path="/api/v3/*", method="GET", skew_ms=60_000, count=None)
    ahead = exchange.fetch_time() - time.time_ns() // 1_000_000
    assert 59_000 < ahead < 61_000
    with pytest.raises(ccxt.InvalidNonce, match="recvWindow"):
        exchange.fetch_balance()
    assert exchange.fetch_ohlcv("BTC/USDT", "1m", limit=1)[0][0] > time.time_ns() // 1_000_000 - 1_000
    simulator.clear_faults()
    simulator.faults("clock_skew", path="/api/v3/*", method="GET", skew_ms=-60_000)
    with pytest.raises(ccxt.InvalidNonce, match="ahead"):
        exchange.fetch_balance()
    exchange.fetch_balance()


def test_a_fault_waits_counts_and_hits_only_what_it_matches(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.faults("5xx", after=1, count=2, match={"symbol": "BTCUSDT"})
    exchange.create_order("ETH/USDT", "market", "buy", "0.1")
    _buy(exchange, "let-through")
    for _ in range(2):
        with pytest.raises(ccxt.ExchangeNotAvailable):
            _buy(exchange, "hit")
    _buy(exchange, "over")
    assert simulator.control("GET", "faults") == {"faults": []}
    assert _client_ids(simulator)[1:] == ["let-through", "over"]


def test_a_fault_expires(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.faults("5xx", path="/api/v3/time", method="GET", count=None, expires_s=0.3)
    with pytest.raises(ccxt.ExchangeNotAvailable):
        exchange.fetch_time()
    eventually(lambda: simulator.control("GET", "faults")["faults"] == [], 5, "the end of the fault")
    exchange.fetch_time()


def test_a_fault_of_some_probability_hits_some(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.faults("5xx", path="/api/v3/time", method="GET", count=None, probability=0.5)
    failed = 0
    for _ in range(40):
        try:
            exchange.fetch_time()
        except ccxt.ExchangeNotAvailable:
            failed += 1
    assert 5 < failed < 35
    simulator.clear_faults()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"fault": "explode"}, "fault"),
        ({"fault": "delay", "seconds": "long"}, "seconds"),
        ({"fault": "delay", "count": -1}, "count"),
        ({"fault": "delay", "path": "/x"}, "path"),
        ({"fault": "delay", "match": {"host": "x"}}, "match.host"),
        ({"fault": "drop_reply", "phase": "request"}, "phase"),
    ],
)
def test_a_fault_that_cannot_be_names_the_field(simulator: SimulatorHandle, body: dict[str, Any], field: str) -> None:
    status, answer = simulator.request("POST", "/_sim/faults", body)
    assert (status, answer["error"]["field"]) == (400, field)


def test_the_log_of_calls_says_what_was_asked(exchange: Any, simulator: SimulatorHandle) -> None:
    since = simulator.control("GET", "health")["time_ms"]
    exchange.fetch_ohlcv("ETH/USDT", "1m", limit=2)
    _buy(exchange, "logged")
    first, second = simulator.calls(since)
    assert (first["method"], first["path"], first["symbol"], first["status"]) == (
        "GET",
        "/api/v3/klines",
        "ETHUSDT",
        200,
    )
    assert (second["client_order_id"], second["account"], second["fault"]) == ("logged", "demo", None)
    assert simulator.control("GET", "calls?summary=1")["summary"] == {"GET /api/v3/klines": 1, "POST /api/v3/order": 1}


def test_balances_are_untouched_by_what_was_not_processed(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.faults("drop_request")
    with pytest.raises(ccxt.NetworkError):
        _buy(exchange)
    assert Decimal(exchange.fetch_balance()["USDT"]["free"]) == 1_000_000
