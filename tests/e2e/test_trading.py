"""From candles to money: fills, positions, equity, and sums that agree."""

import json
import time
import urllib.request
from decimal import Decimal
from typing import Any

from tests.e2e.books import contradictions
from tests.e2e.stack import Stack, until

FIVE: dict[str, tuple[str, dict[str, float]]] = {
    "MACrossoverStrategy": ("BTC/USDT", {"fast_period": 2, "slow_period": 5}),
    "RSIStrategy": ("ETH/USDT", {"rsi_period": 3, "oversold": 45, "overbought": 55}),
    "GridTradingStrategy": ("SOL/USDT", {"grid_levels": 10, "grid_spacing_pct": 0.05}),
    "MomentumStrategy": ("XRP/USDT", {"lookback_period": 3, "volume_threshold": 1.0}),
    "MACDBollingerStrategy": (
        "BNB/USDT",
        {"macd_fast": 3, "macd_slow": 6, "macd_signal": 3, "bb_period": 5, "bb_std": 1, "touch_lookback": 5},
    ),
}


def test_five_strategies_trade_1s_candles_and_the_sums_agree(paper: Stack) -> None:
    # Given the five strategies, each on a market of its own
    paper.empty_handed()
    paper.start_bot()
    for name, (symbol, params) in FIVE.items():
        paper.add(name, symbol, **params)

    # When they trade until something was bought and sold again, and equity was marked after it
    closed = "SELECT count(*) FROM positions WHERE state <> 'open'"
    until(lambda: paper.sql(closed)[0][0] >= 2, 90, "two positions to be closed")
    marked = "SELECT count(*) FROM equity e WHERE e.realised <> 0"
    until(lambda: paper.sql(marked)[0][0] > 0, 20, "equity to be marked after a sale")

    # Then every sum agrees, and the API says the same
    assert contradictions(paper) == {}
    portfolio = paper.get("portfolio").body
    parts = {name: Decimal(portfolio[name]) for name in ("initial_balance", "realised", "unrealised", "fees", "equity")}
    assert parts["initial_balance"] + parts["realised"] + parts["unrealised"] - parts["fees"] == parts["equity"]
    assert parts["fees"] > 0
    order = paper.get("portfolio/orders?limit=1").body["items"][0]
    assert {"client_order_id", "exchange_order_id", "reason", "average_price", "fee_currency"} <= order.keys()


def test_each_strategy_says_why_it_did_what_it_did(paper: Stack) -> None:
    paper.start_bot()
    paper.add("RSIStrategy", "ADA/USDT", rsi_period=3)

    def evaluated() -> Any:
        strategies = paper.get("bot/strategies").body["items"]
        mine = next(each for each in strategies if each["symbol"] == "ADA/USDT")
        return mine["last_evaluation"]

    evaluation = until(evaluated, 20, "an evaluation")
    assert evaluation["signal"] in {"buy", "sell", "hold"}
    assert evaluation["reason"]
    assert evaluation["candle_close"] > evaluation["candle_open"]


def test_flat_prices_give_no_signal(paper: Stack) -> None:
    # Given a price that does not move, which makes a naive RSI 100 or 0
    paper.venue.pin("DOGEUSDT", "0.25")
    paper.start_bot()
    paper.add("RSIStrategy", "DOGE/USDT", rsi_period=2)
    strategy_id = next(s["id"] for s in paper.get("bot/status").body["strategies"] if s["symbol"] == "DOGE/USDT")

    # When enough candles of it were seen for the move before the pin to be out of sight
    def is_flat() -> bool:
        found = paper.get("bot/strategies").body["items"]
        seen = next(s for s in found if s["id"] == strategy_id)["last_evaluation"]
        return bool(seen) and "flat" in seen["reason"]

    until(is_flat, 30, "an evaluation that sees flat prices")
    last = paper.sql("SELECT max(id) FROM decisions WHERE strategy_id = %s", strategy_id)[0][0]
    paper.until_evaluating()

    # Then nothing is decided on any of them
    assert paper.sql("SELECT max(id) FROM decisions WHERE strategy_id = %s", strategy_id)[0][0] == last
    paper.venue.release("DOGEUSDT")


def test_a_stop_loss_sells_within_12_s_of_the_price(paper: Stack) -> None:
    # Given a position with a stop 1 % below its price, watched every 10 s
    paper.start_bot()
    paper.add("RSIStrategy", "LTC/USDT", oversold=90, overbought=99, stop_loss_pct=1)
    query = """SELECT p.id, p.stop_loss FROM positions p JOIN strategies s ON s.id = p.strategy_id
               WHERE p.state = 'open' AND s.symbol = 'LTC/USDT' AND s.removed_at IS NULL"""
    position_id, stop_loss = until(lambda: paper.sql(query), 60, "a position on LTC/USDT")[0]

    # When the price falls below it
    paper.venue.pin("LTCUSDT", str((stop_loss * Decimal("0.97")).quantize(Decimal("0.01"))))
    fell_at = time.monotonic()

    # Then it is sold, for that reason
    sold = "SELECT reason FROM orders WHERE position_id = %s AND purpose = 'exit' AND state = 'filled'"
    reason = until(lambda: paper.sql(sold, position_id), 12, "the stop to sell")[0][0]
    assert reason == "stop_loss"
    assert time.monotonic() - fell_at < 12
    assert paper.sql("SELECT state FROM positions WHERE id = %s", position_id)[0][0] in {"closed", "dust"}
    paper.venue.release("LTCUSDT")
    assert contradictions(paper) == {}


def test_flower_shows_both_workers(paper: Stack) -> None:
    url = f"http://127.0.0.1:{paper.variables['FLOWER_PORT']}/workers?json=1"

    def online() -> set[str]:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return {worker["hostname"].split("-")[0] for worker in json.load(answer)["data"] if worker["status"]}

    assert until(lambda: online() >= {"orders", "strategy"}, 20, "both workers in Flower")


def test_the_event_stream_resumes_without_a_gap(paper: Stack) -> None:
    # Given a program that has seen the first three events
    seen = [item["number"] for item in paper.get("events/history?limit=3").body["items"]]

    # When it comes back
    request = urllib.request.Request(f"{paper.api_url}/api/v1/events", headers={"Last-Event-ID": str(seen[-1])})
    numbers: list[int] = []
    with urllib.request.urlopen(request, timeout=15) as stream:
        while len(numbers) < 20:
            line = stream.readline().decode()
            if line.startswith("id: "):
                numbers.append(int(line[4:]))

    # Then the next ones follow, each once
    assert seen == [1, 2, 3]
    assert numbers == list(range(4, 24))
