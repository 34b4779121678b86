"""Control calls against live trading: what has been answered is true."""

from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, until

BUSY = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")


def trading(stack: Stack) -> None:
    """A bot that buys and sells on several markets every few seconds."""
    stack.start_bot()
    have = {s["symbol"] for s in stack.get("bot/status").body["strategies"]}
    for symbol in BUSY:
        if symbol not in have:
            stack.add("RSIStrategy", symbol, rsi_period=2, oversold=49, overbought=51)


def test_live_orders_fill_at_the_venue_and_the_books_are_the_same(live: Stack) -> None:
    # Given keys and PAPER_TRADING=false
    assert live.get("bot/status").body["paper_trading"] is False
    trading(live)

    # When it has bought and sold
    until(lambda: live.sql("SELECT count(*) FROM fills WHERE side = 'sell'")[0][0] > 1, 60, "sales at the venue")
    live.empty_handed()

    # Then every trade of the venue is in the ledger, once, and the other way round
    assert live.fills() > 0
    assert differences_from_venue(live) == {}
    assert contradictions(live) == {}


def test_after_pause_has_answered_nothing_is_bought(live: Stack) -> None:
    # Given a bot that buys all the time
    trading(live)
    live.until_new_fill()

    # When it is paused
    assert live.post("bot/pause").status == 200
    answered_ms = live.venue.dump()["time_ms"]

    # Then candles go on being evaluated, and no buy reaches the venue after the answer
    until(lambda: live.last_evaluated_ms() > answered_ms + 5000, 30, "five more candles")
    assert live.get("bot/health").body["status"] == "paused"
    late = [o for o in live.venue.dump()["orders"] if o["side"] == "BUY" and o["receivedTime"] > answered_ms]
    assert late == []

    # And resume trades from the next candle only
    assert live.post("bot/resume").status == 200
    live.until_new_fill()
    early = """SELECT d.id FROM decisions d JOIN bots b ON b.id = d.bot_id AND b.run = d.run
               WHERE d.client_order_id IS NOT NULL AND d.side = 'buy' AND d.decided_at > b.trades_from
               AND d.candle_open_ms + 1000 <= extract(epoch FROM b.trades_from) * 1000"""
    assert live.sql(early) == []


def test_a_flattening_stop_reaches_flat_and_buys_no_more(live: Stack) -> None:
    # Given open positions
    trading(live)
    until(lambda: live.get("portfolio/positions").body["items"], 60, "an open position")

    # When
    answer = live.post("bot/stop", {"positions": "flatten"})
    answered_ms = live.venue.dump()["time_ms"]

    # Then it sells until it is flat, and says so
    assert answer.status == 200
    assert answer.body["state"] in {"stopping", "stopped"}
    until(lambda: live.get("bot/status").body["state"] == "stopped", 30, "the bot to be flat")
    assert live.get("portfolio/positions").body["items"] == []
    orders = live.venue.dump()["orders"]
    assert [o for o in orders if o["side"] == "BUY" and o["receivedTime"] > answered_ms] == []
    assert differences_from_venue(live) == {}


def test_a_stop_that_keeps_names_what_nobody_watches(live: Stack) -> None:
    # Given an open position
    trading(live)
    until(lambda: live.get("portfolio/positions").body["items"], 60, "an open position")
    live.post("bot/pause")
    held = {p["id"] for p in live.get("portfolio/positions").body["items"]}

    # When
    answer = live.post("bot/stop")

    # Then
    named = {p["id"] for p in answer.body["unwatched_positions"]}
    assert named <= held
    assert named == {p["id"] for p in live.get("portfolio/positions").body["items"]}
    assert live.get("bot/health").body["status"] == "stopped"


def test_two_systems_on_one_machine_know_nothing_of_each_other(paper: Stack, live: Stack) -> None:
    # Given both run, each with ports and a folder of its own
    live.empty_handed()
    paper.start_bot()

    # When one is paused
    paper.post("bot/pause")

    # Then the other does not notice
    assert paper.get("bot/status").body["state"] == "paused"
    assert live.get("bot/status").body["state"] == "stopped"
    assert paper.database_url != live.database_url
    assert paper.system.run().redis_url != live.system.run().redis_url
    paper.post("bot/resume")
