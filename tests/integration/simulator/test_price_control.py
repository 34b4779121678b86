"""Pinned and scripted prices, as a client sees them."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.launched import eventually
from tests.support.simulator import SimulatorHandle


def _price(exchange: Any, symbol: str = "BTCUSDT") -> Decimal:
    return Decimal(exchange.public_get_ticker_price({"symbol": symbol})["price"])


def test_a_pin_moves_price_book_and_candles(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("BTCUSDT", "50000")
    ticker = exchange.fetch_ticker("BTC/USDT")
    assert Decimal(ticker["last"]) == 50_000
    assert 49_990 < Decimal(ticker["bid"]) < 50_000 < Decimal(ticker["ask"]) < 50_010
    newest = exchange.fetch_ohlcv("BTC/USDT", "1m", limit=1)[0]
    assert Decimal(newest[4]) == 50_000


def test_whole_candles_under_a_pin_are_flat_and_trade(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("ETHUSDT", "3210.5")
    start = simulator.control("GET", "health")["time_ms"]

    def whole() -> list[list[Any]]:
        rows = exchange.fetch_ohlcv("ETH/USDT", "1s", limit=5)
        now = exchange.fetch_time()
        return [row for row in rows if row[0] >= start and row[0] + 1000 <= now]

    for row in eventually(whole, 5, "a whole second"):
        assert [Decimal(price) for price in row[1:5]] == [Decimal("3210.5")] * 4
        assert Decimal(row[5]) > 0


def test_a_released_price_resumes_and_the_pin_stays_history(exchange: Any, simulator: SimulatorHandle) -> None:
    # Given: a price far from the generated one, seen in a candle
    before = _price(exchange)
    simulator.pin("BTCUSDT", "200000")
    pinned_at = simulator.control("GET", "health")["time_ms"]
    # When
    simulator.release("BTCUSDT")
    # Then
    assert abs(_price(exchange) / before - 1) < Decimal("0.2")
    history = exchange.fetch_ohlcv("BTC/USDT", "1m", since=pinned_at // 60_000 * 60_000, limit=1)
    assert Decimal(history[0][2]) == 200_000


def test_a_script_is_followed_and_holds_its_last_price(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("BTCUSDT", "50000")
    simulator.script("BTCUSDT", [(0.6, "56000")])
    seen = [_price(exchange)]

    def has_arrived() -> bool:
        seen.append(_price(exchange))
        return seen[-1] == 56_000

    eventually(has_arrived, 5, "the last price")
    assert seen == sorted(seen)
    assert any(50_000 < price < 56_000 for price in seen)


def test_the_name_may_be_written_with_a_slash(exchange: Any, simulator: SimulatorHandle) -> None:
    simulator.pin("BTC/USDT", "51000")
    assert _price(exchange) == 51_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"symbol": "NOPE", "price": "1"}, "symbol"),
        ({"symbol": "BTCUSDT"}, "price"),
        ({"symbol": "BTCUSDT", "price": "-1"}, "price"),
        ({"symbol": "BTCUSDT", "price": "NaN"}, "price"),
        ({"symbol": "BTCUSDT", "script": [[2, "1"], [1, "2"]]}, "script"),
        ({"symbol": "BTCUSDT", "script": []}, "script"),
        ([], "body"),
    ],
)
def test_a_price_that_cannot_be_names_the_field(simulator: SimulatorHandle, body: Any, field: str) -> None:
    status, answer = simulator.request("POST", "/_sim/price", body)
    assert (status, answer["error"]["field"]) == (400, field)
