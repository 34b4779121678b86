"""The guard as a fleet has it: several processes, one real Redis, and the faults of that Redis."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from cli.supervisor.embedded import Servers
from shared.adapters.guard import Circuit, build_guard
from shared.adapters.guard.breaker import Breaker
from shared.adapters.guard.budget import Budget
from shared.adapters.guard.lanes import Lane
from shared.adapters.redis_clients import AWAY_S, Presence, once
from shared.domain.errors import ExchangeDown, Throttled
from shared.settings import load_settings

ROOT = Path(__file__).parents[2]
AWAY = "redis://127.0.0.1:1/0"


def a_budget(url: str, calls: int = 20, window_s: int = 60) -> Budget:
    return Budget(
        once(url), url, exchange="binance", account="live", calls=calls, window_s=window_s, sleep=lambda _: None
    )


def how_many(budget: Budget, lane: Lane, tries: int = 50) -> int:
    taken = 0
    for _ in range(tries):
        try:
            budget.take(lane)
        except Throttled:
            break
        taken += 1
    return taken


FLEET = """
import sys, time
from shared.adapters.guard.breaker import Breaker
from shared.adapters.guard.budget import Budget
from shared.adapters.guard.lanes import Lane
from shared.adapters.redis_clients import once
from shared.domain.errors import ExchangeDown, Throttled
kind, url = sys.argv[1:]
budget = Budget(once(url), url, exchange="binance", account="live", calls=20, window_s=60, sleep=lambda _: None)
breaker = Breaker(once(url), "breaker:binance:data", 1, 1)
print("ready", flush=True)
sys.stdin.readline()
def take():
    budget.take(Lane.EXIT)
wins = 0
for _ in range(20):
    try:
        take() if kind == "budget" else breaker.admit()
        wins += 1
    except (Throttled, ExchangeDown):
        pass
    if kind == "breaker":
        break
print(wins, flush=True)
"""


def fleet(kind: str, url: str, size: int = 4) -> list[int]:
    """What each of `size` processes was allowed, all starting at one moment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FLEET, kind, url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(size)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        return [int(answer) for answer in _answers(processes)]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _answers(processes: list[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.stdout.readline() for process in processes if process.stdout is not None]


def test_a_fleet_shares_one_budget(redis_url: str) -> None:
    assert sum(fleet("budget", redis_url)) == 18  # 20, less the headroom


def test_one_process_of_the_fleet_probes_an_open_breaker(redis_url: str) -> None:
    # Given
    breaker = Breaker(once(redis_url), "breaker:binance:data", 1, 1)
    breaker.record(has_failed=True)
    opened_ms = int(redis.Redis.from_url(redis_url).hget("breaker:binance:data", "opened_at_ms") or 0)
    # When it has been open long enough
    while time.time() * 1000 <= opened_ms + 1_000:
        time.sleep(0.02)
    # Then
    assert sorted(fleet("breaker", redis_url)) == [0, 0, 0, 1]


def test_exits_find_room_where_data_and_entries_do_not(redis_url: str) -> None:
    budget = a_budget(redis_url)
    assert how_many(budget, Lane.DATA) == 14
    assert how_many(budget, Lane.LOOK_UP) == 1
    assert how_many(budget, Lane.ENTRY) == 1
    assert how_many(budget, Lane.EXIT) == 2
    assert how_many(budget, Lane.EXIT) == 0


def test_orders_in_doubt_leave_room_for_the_prices_that_stops_stand_on(redis_url: str) -> None:
    """A dozen calls a minute to watch, whatever the number of orders that are asked for every few seconds."""
    budget = a_budget(redis_url, calls=100)
    assert how_many(budget, Lane.LOOK_UP, tries=100) == 76
    assert how_many(budget, Lane.EXIT, tries=100) == 14


def test_a_full_window_opens_again_and_says_when(redis_url: str) -> None:
    # Given
    budget = a_budget(redis_url, calls=10, window_s=30)
    how_many(budget, Lane.EXIT)
    # When
    with pytest.raises(Throttled) as refusal:
        budget.take(Lane.EXIT)
    # Then
    assert 25 < refusal.value.retry_after_s <= 30


def test_a_short_wait_is_waited(redis_url: str) -> None:
    # Given a window that frees its first call within the patience of an exit
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    budget = Budget(once(redis_url), redis_url, exchange="binance", account="live", calls=2, window_s=1, sleep=sleep)
    # When
    for _ in range(2):
        budget.take(Lane.EXIT)
    # Then
    assert 0.5 < sum(slept) <= 1.1


def test_a_hold_stops_every_process_and_account(redis_url: str) -> None:
    # Given
    told = a_budget(redis_url)
    other = Budget(once(redis_url), redis_url, exchange="binance", account="second", calls=20, window_s=60)
    elsewhere = Budget(once(redis_url), redis_url, exchange="okx", account="live", calls=20, window_s=60)
    # When
    told.hold(30)
    told.hold(5)
    # Then
    for budget in (told, other):
        with pytest.raises(Throttled) as refusal:
            budget.take(Lane.EXIT)
        assert 25 < refusal.value.retry_after_s <= 30
    elsewhere.take(Lane.DATA)


def test_without_redis_entries_stop_and_the_rest_goes_on_slowly() -> None:
    budget = a_budget(AWAY, calls=100)
    with pytest.raises(ExchangeDown):
        budget.take(Lane.ENTRY)
    assert how_many(budget, Lane.EXIT) == 9
    assert how_many(a_budget(AWAY, calls=100), Lane.DATA) == 7


def test_without_redis_a_standby_has_room_to_watch_every_ten_seconds() -> None:
    # Two calls for each look (prices, and the venue's time), and those of some exits, within the default budget
    guard = build_guard(load_settings({"RATE_LIMIT_CALLS": "100"}), AWAY, "binance", "live", is_sole=True)
    for _ in range(6 * 2 + 20):
        guard.permit(Lane.EXIT)
    with pytest.raises(ExchangeDown):
        guard.permit(Lane.ENTRY)


def test_without_redis_a_hold_still_holds_this_process() -> None:
    budget = a_budget(AWAY)
    budget.hold(30)
    with pytest.raises(Throttled):
        budget.take(Lane.EXIT)


def test_a_frozen_redis_delays_a_successful_order_by_seconds_at_most(services: Servers, redis_url: str) -> None:
    # Given
    breaker = Breaker(once(redis_url), "breaker:binance:order", 5, 60)
    breaker.admit()
    os.kill(services.redis_pid, signal.SIGSTOP)
    try:
        # When
        started = time.monotonic()
        breaker.record(has_failed=False)
        took_s = time.monotonic() - started
    finally:
        os.kill(services.redis_pid, signal.SIGCONT)
    # Then
    assert took_s < 3


def test_a_frozen_redis_costs_an_exit_one_time_out_and_stops_entries(services: Servers, redis_url: str) -> None:
    # Given a process whose breakers and budget share one client, as they do in a worker
    guard = build_guard(load_settings({"RATE_LIMIT_CALLS": "100"}), redis_url, "binance", "live")
    guard.read(Circuit.PRICE, Lane.EXIT, lambda: None)
    os.kill(services.redis_pid, signal.SIGSTOP)
    try:
        # When it reads prices, gets a permit, and sends
        started = time.monotonic()
        for _ in range(3):
            guard.read(Circuit.PRICE, Lane.EXIT, guard.take)
        guard.permit(Lane.EXIT)
        guard.transmit(guard.take)
        took_s = time.monotonic() - started
        # Then that takes one time-out, and not one per call
        assert took_s < 2
        with pytest.raises(ExchangeDown):
            guard.permit(Lane.ENTRY)
    finally:
        os.kill(services.redis_pid, signal.SIGCONT)


def test_a_failure_is_counted_once_whatever_redis_does(services: Servers, redis_url: str) -> None:
    # Given
    since_s = [0.0]
    breaker = Breaker(once(redis_url, Presence(lambda: since_s[0])), "breaker:binance:order", 5, 60)
    breaker.admit()
    os.kill(services.redis_pid, signal.SIGSTOP)
    try:
        breaker.record(has_failed=True)
    finally:
        os.kill(services.redis_pid, signal.SIGCONT)
    # When Redis is tried again
    since_s[0] = AWAY_S
    breaker.record(has_failed=True)
    # Then
    with redis.Redis.from_url(redis_url) as client:
        assert client.hget("breaker:binance:order", "failures") == b"1"
