"""Accounts as the control surface makes them, and the rarer calls of the signed part."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest

from tests.support.simulator import SimulatorHandle, client


def test_an_account_opens_with_what_it_is_given(simulator: SimulatorHandle) -> None:
    simulator.account("carol", "secret", {"USDT": "250.5", "SOL": "3"})
    balance = client(simulator, "carol", "secret").fetch_balance()
    assert {asset: Decimal(amount) for asset, amount in balance["total"].items()} == {
        "USDT": Decimal("250.5"),
        "SOL": Decimal(3),
    }


def test_the_balances_of_an_account_that_traded_cannot_be_set(simulator: SimulatorHandle, exchange: Any) -> None:
    exchange.create_order("BTC/USDT", "market", "buy", "0.01")
    body = {"key": "demo", "secret": "demo", "balances": {"USDT": "1"}}
    status, answer = simulator.request("POST", "/_sim/accounts", body)
    assert (status, answer["error"]["field"]) == (400, "balances")


def test_a_deposit_is_money_that_no_trade_brought(simulator: SimulatorHandle, exchange: Any) -> None:
    exchange.create_order("BTC/USDT", "market", "buy", "0.01")
    before = Decimal(exchange.fetch_balance()["USDT"]["free"])

    simulator.control("POST", "deposits", {"key": "demo", "asset": "USDT", "amount": "250.5"})
    simulator.control("POST", "deposits", {"key": "demo", "asset": "USDT", "amount": "-50"})

    assert Decimal(exchange.fetch_balance()["USDT"]["free"]) == before + Decimal("200.5")
    assert simulator.dump()["opening_balances"]["demo"]["USDT"] == "1000200.50000000"
    assert len(simulator.dump()["trades"]) == len(exchange.fetch_my_trades("BTC/USDT"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": "nobody"}, "key"),
        ({"asset": 7}, "asset"),
        ({"amount": "-1000001"}, "amount"),
        ({"amount": "x"}, "amount"),
    ],
)
def test_a_deposit_that_can_not_be_is_refused(simulator: SimulatorHandle, changes: dict[str, Any], field: str) -> None:
    simulator.reset()
    body = {"key": "demo", "asset": "USDT", "amount": "1", **changes}

    status, answer = simulator.request("POST", "/_sim/deposits", body)

    assert (status, answer["error"]["field"]) == (400, field)


def test_a_changed_secret_counts_from_the_next_call(simulator: SimulatorHandle) -> None:
    simulator.account("dave", "old", {"USDT": "1"})
    simulator.control("POST", "accounts", {"key": "dave", "secret": "new"})
    with pytest.raises(ccxt.AuthenticationError):
        client(simulator, "dave", "old").fetch_balance()
    assert client(simulator, "dave", "new").fetch_balance()["USDT"]["total"] == "1"


def test_a_reset_returns_to_the_opening_balances(simulator: SimulatorHandle, exchange: Any) -> None:
    before = exchange.create_order("BTC/USDT", "market", "buy", "0.01")
    simulator.reset()
    assert Decimal(exchange.fetch_balance()["USDT"]["total"]) == 1_000_000
    assert exchange.fetch_orders("BTC/USDT") == []
    assert int(exchange.create_order("BTC/USDT", "market", "buy", "0.01")["id"]) > int(before["id"])


def test_all_open_orders_of_a_symbol_are_cancelled_together(simulator: SimulatorHandle, exchange: Any) -> None:
    simulator.pin("BTCUSDT", "50000")
    for price in ("40000", "41000"):
        exchange.create_order("BTC/USDT", "limit", "buy", "0.01", price)
    cancelled = exchange.cancel_all_orders("BTC/USDT")
    assert [order["status"] for order in cancelled] == ["canceled", "canceled"]
    assert Decimal(exchange.fetch_balance()["USDT"]["used"]) == 0


def test_a_test_order_is_checked_and_not_placed(simulator: SimulatorHandle, exchange: Any) -> None:
    exchange.create_order("BTC/USDT", "market", "buy", "0.01", None, {"test": True})
    with pytest.raises(ccxt.BadRequest):
        exchange.create_order("BTC/USDT", "market", "buy", "0.00001", None, {"test": True})
    assert simulator.dump()["orders"] == []


@pytest.mark.parametrize(("kind", "has_status", "has_fills"), [("ACK", False, False), ("RESULT", True, False)])
def test_an_answer_can_be_short(
    simulator: SimulatorHandle, exchange: Any, kind: str, has_status: bool, has_fills: bool
) -> None:
    placed = exchange.private_post_order(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newOrderRespType": kind}
    )
    assert ("status" in placed, "fills" in placed) == (has_status, has_fills)


def test_lists_are_cut_by_id_time_and_limit(simulator: SimulatorHandle, exchange: Any) -> None:
    ids = [int(exchange.create_order("BTC/USDT", "market", "buy", "0.001")["id"]) for _ in range(4)]
    times = {order["orderId"]: order["time"] for order in simulator.dump()["orders"]}

    def listed(**query: Any) -> list[int]:
        return [int(order["orderId"]) for order in exchange.private_get_allorders({"symbol": "BTCUSDT", **query})]

    assert listed(limit=2) == ids[-2:]
    assert listed(orderId=ids[1], limit=2) == ids[1:3]
    assert listed(startTime=times[ids[0]], limit=3) == ids[:3]
    assert listed(endTime=times[ids[0]] - 1) == []
    trades = exchange.private_get_mytrades({"symbol": "BTCUSDT"})
    from_third = exchange.private_get_mytrades({"symbol": "BTCUSDT", "fromId": trades[2]["id"], "limit": 1})
    assert [trade["id"] for trade in from_third] == [trades[2]["id"]]
