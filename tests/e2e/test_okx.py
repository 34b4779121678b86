"""The whole way on the second exchange: live, against the simulator's OKX."""

from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, until


def test_a_bot_trades_on_okx_and_the_books_are_the_venues(live: Stack) -> None:
    # Given
    live.empty_handed()
    since_ms = live.venue.dump()["time_ms"]
    answer = live.post("bot/start", {"exchange": "okx", "initial_balance": 10000})
    assert (answer.status, answer.body["exchange"]) == (200, "okx")
    # When a strategy buys, and everything is sold again
    live.add("RSIStrategy", "BTC/USDT", rsi_period=3, oversold=90, overbought=99)
    held = "SELECT count(*) FROM positions WHERE exchange = 'okx' AND state = 'open' AND quantity > 0"
    until(lambda: live.sql(held)[0][0] > 0, 60, "a position on OKX")
    live.empty_handed()
    # Then both sides know the same trades, no intent was placed twice, and OKX's own calls did it
    assert contradictions(live) == {}
    assert differences_from_venue(live) == {}
    orders = live.sql("SELECT exchange, account, purpose, state FROM orders WHERE state <> 'denied'")
    assert {("okx", "live-okx", "entry", "filled"), ("okx", "live-okx", "exit", "filled")} <= set(orders)
    calls = [call for call in live.venue.dump()["calls"] if call["method"] == "POST" and call["at_ms"] >= since_ms]
    assert {call["path"] for call in calls} == {"/api/v5/trade/order"}
