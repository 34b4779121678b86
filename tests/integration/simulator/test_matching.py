"""Orders against the book, through ccxt: slips, parts, rests, fees. Sums are checked from the dump alone."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.launched import eventually
from tests.support.simulator import SimulatorHandle, client
from tests.support.simulator_books import assert_books_balance


@pytest.fixture
def pinned(simulator: SimulatorHandle) -> SimulatorHandle:
    simulator.pin("BTCUSDT", "50000")
    return simulator


def test_size_slips_through_the_levels(exchange: Any, pinned: SimulatorHandle) -> None:
    order = exchange.create_order("BTC/USDT", "market", "buy", "1")
    prices = [Decimal(trade["price"]) for trade in order["trades"]]
    assert len(prices) > 3
    assert prices == sorted(set(prices))
    assert prices[0] > 50_000
    assert_books_balance(pinned.dump())


def test_a_market_order_beyond_the_book_expires_in_part(exchange: Any, pinned: SimulatorHandle) -> None:
    order = exchange.create_order("BTC/USDT", "market", "sell", "10")
    assert order["status"] == "expired"
    assert 0 < Decimal(order["filled"]) < 10
    assert_books_balance(pinned.dump())


@pytest.mark.parametrize(("time_in_force", "is_part"), [("IOC", True), ("FOK", False)])
def test_immediate_orders_do_not_rest(
    exchange: Any, pinned: SimulatorHandle, time_in_force: str, is_part: bool
) -> None:
    params = {"timeInForce": time_in_force}
    order = exchange.create_order("BTC/USDT", "limit", "buy", "10", "50050", params)
    assert order["status"] == "expired"
    assert (Decimal(order["filled"]) > 0) is is_part
    assert exchange.fetch_open_orders("BTC/USDT") == []
    assert_books_balance(pinned.dump())


def test_a_limit_order_takes_what_is_there_and_rests_with_the_rest(exchange: Any, pinned: SimulatorHandle) -> None:
    order = exchange.create_order("BTC/USDT", "limit", "buy", "10", "50050")
    assert order["status"] == "open"
    filled, taken = Decimal(order["filled"]), Decimal(order["cost"])
    assert 0 < filled < 10
    assert taken <= filled * 50_050
    pinned.pin("BTCUSDT", "60000")
    now = exchange.fetch_order(order["id"], "BTC/USDT")
    used = Decimal(exchange.fetch_balance()["USDT"]["used"])
    assert used == (10 - Decimal(now["filled"])) * 50_050
    assert_books_balance(pinned.dump())


@pytest.mark.parametrize(("side", "limit", "through"), [("buy", "49000", "48000"), ("sell", "51000", "52000")])
def test_a_resting_order_fills_at_its_own_price_when_the_market_comes(
    exchange: Any, pinned: SimulatorHandle, side: str, limit: str, through: str
) -> None:
    order = exchange.create_order("BTC/USDT", "limit", side, "0.01", limit)
    assert order["status"] == "open"
    pinned.pin("BTCUSDT", through)
    filled = exchange.fetch_order(order["id"], "BTC/USDT")
    assert (filled["status"], Decimal(filled["average"])) == ("closed", Decimal(limit))
    trade = exchange.fetch_my_trades("BTC/USDT")[0]
    assert trade["takerOrMaker"] == "maker"
    assert_books_balance(pinned.dump())


def test_a_resting_order_fills_in_parts_where_depth_is_short(exchange: Any, pinned: SimulatorHandle) -> None:
    # Given: far more than one second's book holds
    order = exchange.create_order("BTC/USDT", "limit", "buy", "12", "49000")
    # When: the price stays below the limit
    pinned.pin("BTCUSDT", "48900")
    # Then: each second fills a part
    eventually(lambda: len(_fills(pinned, order["id"])) >= 3, 6, "three fills")
    seen = exchange.fetch_order(order["id"], "BTC/USDT")
    assert seen["status"] == "open"
    assert 0 < Decimal(seen["filled"]) < 12
    assert_books_balance(pinned.dump())


def _fills(handle: SimulatorHandle, order_id: str) -> list[dict[str, Any]]:
    return [trade for trade in handle.dump()["trades"] if trade["orderId"] == int(order_id)]


def test_a_resting_order_fills_though_nobody_asks(exchange: Any, pinned: SimulatorHandle) -> None:
    exchange.create_order("BTC/USDT", "limit", "sell", "0.01", "50500")
    # When: the price wanders through the limit by itself, and only the passive dump is read
    pinned.script("BTCUSDT", [(0.5, "51000")])
    eventually(lambda: pinned.dump()["trades"], 5, "the fill")


def test_a_maker_order_rests(exchange: Any, pinned: SimulatorHandle) -> None:
    order = exchange.create_order("BTC/USDT", "limit", "buy", "0.01", "49990", {"postOnly": True})
    assert order["status"] == "open"


def _fee(exchange: Any) -> tuple[str, Decimal, Decimal]:
    order = exchange.create_order("BTC/USDT", "market", "buy", "0.01")
    [fee] = order["fees"]
    return fee["currency"], Decimal(fee["cost"]), Decimal(order["cost"])


def test_fees_can_be_paid_in_quote(exchange: Any, pinned: SimulatorHandle) -> None:
    pinned.control("POST", "fees", {"taker": "0.002", "asset": "quote"})
    currency, cost, notional = _fee(exchange)
    assert currency == "USDT"
    assert cost == pytest.approx(notional * Decimal("0.002"), abs=Decimal("0.0000001"))
    assert_books_balance(pinned.dump())


def test_fees_can_be_paid_in_a_third_asset(exchange: Any, pinned: SimulatorHandle) -> None:
    pinned.pin("BNBUSDT", "500")
    pinned.control("POST", "fees", {"asset": "BNB"})
    currency, cost, notional = _fee(exchange)
    assert currency == "BNB"
    assert cost == pytest.approx(notional / 1000 / 500, abs=Decimal("0.0000001"))
    assert_books_balance(pinned.dump())


def test_who_lacks_the_third_asset_pays_in_what_is_received(pinned: SimulatorHandle) -> None:
    pinned.account("poor", "poor", {"USDT": "1000"})
    pinned.control("POST", "fees", {"asset": "BNB"})
    exchange = client(pinned, "poor", "poor")
    exchange.load_markets()
    assert _fee(exchange)[0] == "BTC"


def test_many_orders_at_once_leave_the_sums_right(pinned: SimulatorHandle, in_parallel: Callable[..., None]) -> None:
    def trade(worker: int) -> None:
        exchange = client(pinned)
        exchange.load_markets()
        for _ in range(5):
            exchange.create_order("BTC/USDT", "market", "buy" if worker % 2 else "sell", "0.3")

    in_parallel(trade, 4)
    dump = pinned.dump()
    assert len(dump["orders"]) == 20
    assert_books_balance(dump)
