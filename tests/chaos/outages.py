"""A whole system at its default pace, what outages are made of, and how long it took to be back."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

import psutil
import redis

from tests.e2e.stack import Stack, until

LIVE = {"PAPER_TRADING": "false", "EXCHANGE_API_KEY": "chaos-key", "EXCHANGE_API_SECRET": "chaos-secret"}
# Positions are looked at every 10 s, as they are by default. Candles of one second want more calls than 100 a minute.
PACE = {"POSITION_INTERVAL_S": "10", "PORTFOLIO_INTERVAL_S": "60", "RATE_LIMIT_CALLS": "300", **LIVE}
STOP_PCT = 5
CRASH = Decimal("0.9")

BY_WORKERS = "SELECT count(*) FROM worker_ticks WHERE queue <> 'standby' AND tick <> 'spare' AND at > %s"
SOLD = "SELECT count(*) FROM fills WHERE side = 'sell'"


def hold_a_position(stack: Stack, symbol: str = "BTC/USDT") -> Decimal:
    """Bought, with a stop, and nothing but the stop will sell it; its price. Each test takes a market of its own."""
    stack.empty_handed()
    stack.start_bot()
    stack.add("RSIStrategy", symbol, rsi_period=2, oversold=98, overbought=99, stop_loss_pct=STOP_PCT)
    try:
        until(lambda: stack.sql("SELECT count(*) FROM positions WHERE state = 'open'")[0][0], 60, "a position")
    except AssertionError as error:
        error.add_note(str(stack.sql("SELECT * FROM decisions ORDER BY id DESC LIMIT 5")))
        raise
    # The strategy itself is to sell nothing, and to buy nothing again.
    stack.call("DELETE", f"bot/strategy/remove/RSIStrategy/{symbol.replace('/', '%2F')}?timeframe=1s")
    return Decimal(stack.sql("SELECT price FROM fills ORDER BY at DESC LIMIT 1")[0][0])


def seconds_to_sale(stack: Stack, price: Decimal, at_most_s: float, symbol: str = "BTC/USDT") -> float:
    """The price crashes through the stop; how long until the position is sold, every fill of it recorded."""
    before, began = stack.sql(SOLD)[0][0], time.monotonic()
    stack.venue.pin(symbol.replace("/", ""), str(round(price * CRASH, 2)))
    until(lambda: stack.sql(SOLD)[0][0] > before, at_most_s, "the stop's sale")
    return time.monotonic() - began


def database_now(stack: Stack) -> datetime:
    now: datetime = stack.sql("SELECT clock_timestamp()")[0][0]
    return now


def seconds_to_tick(stack: Stack, since: datetime, at_most_s: float, tick: str | None = None) -> float:
    """How long after `since` a worker, not a standby, first executed a tick (of that kind)."""
    kind = f" AND tick = '{tick}'" if tick else ""
    until(lambda: stack.sql(BY_WORKERS + kind, since)[0][0], at_most_s, "an executed tick", step_s=0.1)
    return (database_now(stack) - since).total_seconds()


@contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    """They neither answer nor die. Those that have been ended meanwhile stay so."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            if process.is_running():
                process.resume()


def kill_group(stack: Stack, name: str) -> None:
    """The process and all that it started, at once."""
    os.killpg(stack.system.pid(name), signal.SIGKILL)


def redis_of(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url(stack.system.run().redis_url)
