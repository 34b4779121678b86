"""Every call of an unmodified ccxt.binance that the project makes."""

import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import ccxt
import pytest

from tests.support.simulator import SimulatorHandle


def test_load_markets_finds_twenty_spot_symbols_with_limits_and_precisions(exchange: Any) -> None:
    market = exchange.market("BTC/USDT")
    assert len(exchange.markets) == 20
    assert (market["spot"], market["active"], market["base"], market["quote"]) == (True, True, "BTC", "USDT")
    assert Decimal(market["precision"]["amount"]) == Decimal("0.00001")
    assert Decimal(market["precision"]["price"]) == Decimal("0.01")
    assert Decimal(market["limits"]["cost"]["min"]) == 5


def test_fetch_time_is_this_machines_clock(exchange: Any) -> None:
    before = time.time_ns() // 1_000_000
    assert before <= exchange.fetch_time() <= before + 5_000


@pytest.mark.parametrize("timeframe", ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"])
def test_fetch_ohlcv_ends_with_the_forming_candle(exchange: Any, timeframe: str) -> None:
    step = exchange.parse_timeframe(timeframe) * 1000
    before = exchange.fetch_time()
    rows = exchange.fetch_ohlcv("BTC/USDT", timeframe, limit=300)
    after = exchange.fetch_time()
    assert len(rows) == 300
    assert [b[0] - a[0] for a, b in pairwise(rows)] == [step] * 299
    assert before // step * step <= rows[-1][0] <= after


def test_fetch_ohlcv_from_a_time_returns_the_earliest(exchange: Any) -> None:
    since = 1_700_000_000_000
    rows = exchange.fetch_ohlcv("ETH/USDT", "1m", since=since, limit=5)
    assert [row[0] for row in rows] == [since + 40_000 + 60_000 * i for i in range(5)]
    assert rows == exchange.fetch_ohlcv("ETH/USDT", "1m", since=since, limit=5)


def test_fetch_ohlcv_gives_at_most_a_thousand(exchange: Any) -> None:
    assert len(exchange.public_get_klines({"symbol": "BTCUSDT", "interval": "1s", "limit": 5000})) == 1000


def test_an_unknown_interval_and_symbol_are_refused(exchange: Any) -> None:
    with pytest.raises(ccxt.BadRequest, match="-1120"):
        exchange.public_get_klines({"symbol": "BTCUSDT", "interval": "7m"})
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        exchange.public_get_klines({"symbol": "NOPEUSDT", "interval": "1m"})


def test_tickers_bracket_the_last_price(exchange: Any) -> None:
    tickers = exchange.fetch_tickers()
    some = exchange.fetch_tickers(["BTC/USDT", "ETH/USDT"])
    one = exchange.fetch_ticker("BTC/USDT")
    assert len(tickers) == 20
    assert set(some) == {"BTC/USDT", "ETH/USDT"}
    for ticker in (*tickers.values(), one):
        low, bid, last, ask, high = (Decimal(ticker[name]) for name in ("low", "bid", "last", "ask", "high"))
        assert bid < last < ask
        assert low <= last <= high


def test_book_ticker_and_price_ticker_answer(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("BTCUSDT", "50000")
    quotes = exchange.fetch_bids_asks(["BTC/USDT"])["BTC/USDT"]
    price = exchange.public_get_ticker_price({"symbol": "BTCUSDT"})["price"]
    assert Decimal(quotes["bid"]) < Decimal(price) == Decimal(50_000) < Decimal(quotes["ask"])


def test_the_order_book_is_sorted_and_open_in_the_middle(exchange: Any) -> None:
    book = exchange.fetch_order_book("BTC/USDT", limit=20)
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert len(bids) == len(asks) == 20
    assert bids[0] < asks[0]


def test_a_market_order_reports_its_fills_and_fees(exchange: Any) -> None:
    order = exchange.create_order("BTC/USDT", "market", "buy", "0.2", params={"newClientOrderId": "mine"})
    assert (order["status"], order["clientOrderId"], Decimal(order["filled"])) == ("closed", "mine", Decimal("0.2"))
    assert len(order["trades"]) > 1
    assert len({trade["id"] for trade in order["trades"]}) == len(order["trades"])
    assert sum(Decimal(trade["amount"]) for trade in order["trades"]) == Decimal("0.2")
    assert [(fee["currency"], Decimal(fee["cost"])) for fee in order["fees"]] == [("BTC", Decimal("0.0002"))]


def test_an_order_is_found_by_id_and_by_client_id(exchange: Any) -> None:
    placed = exchange.create_order("BTC/USDT", "market", "buy", "0.01", params={"newClientOrderId": "find-me"})
    by_id = exchange.fetch_order(placed["id"], "BTC/USDT")
    by_client_id = exchange.fetch_order(None, "BTC/USDT", {"clientOrderId": "find-me"})
    assert by_id["id"] == by_client_id["id"] == placed["id"]
    assert by_id["average"] == placed["average"]


def test_an_unknown_order_is_not_found_and_not_cancelled(exchange: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        exchange.fetch_order(None, "BTC/USDT", {"clientOrderId": "never"})
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        exchange.cancel_order("999999", "BTC/USDT")


def test_a_limit_order_locks_is_listed_and_unlocks_when_cancelled(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("BTCUSDT", "50000")
    order = exchange.create_order("BTC/USDT", "limit", "buy", "0.1", "40000", {"newClientOrderId": "rest"})
    assert order["status"] == "open"
    assert Decimal(exchange.fetch_balance()["USDT"]["used"]) == 4_000
    assert [o["id"] for o in exchange.fetch_open_orders("BTC/USDT")] == [order["id"]]
    assert [o["id"] for o in exchange.fetch_open_orders()] == [order["id"]]
    cancelled = exchange.cancel_order(None, "BTC/USDT", {"clientOrderId": "rest"})
    assert cancelled["status"] == "canceled"
    balance = exchange.fetch_balance()["USDT"]
    assert (Decimal(balance["free"]), Decimal(balance["used"])) == (1_000_000, 0)
    assert exchange.fetch_open_orders("BTC/USDT") == []


def test_orders_and_trades_are_listed(exchange: Any) -> None:
    first = exchange.create_order("ETH/USDT", "market", "buy", "0.1")
    second = exchange.create_order("ETH/USDT", "market", "sell", "0.1")
    assert [o["id"] for o in exchange.fetch_orders("ETH/USDT")] == [first["id"], second["id"]]
    assert [o["id"] for o in exchange.fetch_closed_orders("ETH/USDT")] == [first["id"], second["id"]]
    trades = exchange.fetch_my_trades("ETH/USDT")
    assert {t["order"] for t in trades} == {first["id"], second["id"]}
    of_second = exchange.fetch_order_trades(second["id"], "ETH/USDT")
    assert {(t["order"], t["side"], t["fee"]["currency"]) for t in of_second} == {(second["id"], "sell", "USDT")}
    assert exchange.fetch_my_trades("BTC/USDT") == []


def test_cost_may_be_given_in_quote(exchange: Any) -> None:
    order = exchange.create_market_buy_order_with_cost("BTC/USDT", "1000")
    assert order["status"] == "closed"
    assert 999 < Decimal(order["cost"]) <= 1_000


def test_an_unknown_path_answers_404_in_json(simulator: SimulatorHandle) -> None:
    status, answer = simulator.request("GET", "/api/v3/nothing")
    assert status == 404
    assert set(answer) == {"code", "msg"}
