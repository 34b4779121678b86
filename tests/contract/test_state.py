"""StateStore: one suite on a real Redis and on the imitation that quick tests use."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import fakeredis
import pytest
import redis

from shared.adapters.guard.breaker_storage import breaker_key
from shared.adapters.guard.lanes import Circuit
from shared.adapters.state_redis import BREAKER_CIRCUITS, RedisStateStore
from shared.domain.bots import MarketKey, Roster, RosterEntry
from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import Unavailable
from shared.domain.health import BreakerState, Vitals
from tests.builders import NOON, a_market_key, a_roster_entry

HOUR = timedelta(hours=1)


@pytest.fixture(params=["real", "imitated"])
def client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    if request.param == "imitated":
        yield fakeredis.FakeRedis()
        return
    with redis.Redis.from_url(request.getfixturevalue("redis_url")) as real:
        yield real


@pytest.fixture
def state(client: redis.Redis) -> RedisStateStore:
    return RedisStateStore.over(client)


@dataclass
class Ahead:
    """A clock that is wrong."""

    by: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


def test_the_stores_clock_is_one_for_all(client: redis.Redis) -> None:
    right, ahead = RedisStateStore.over(client), RedisStateStore.over(client, Ahead(timedelta(minutes=5)))

    assert abs(ahead.now() - right.now()) < timedelta(seconds=5)


def test_one_caller_claims_a_slot(state: RedisStateStore) -> None:
    claims = [state.claim_slot("strategy", slot, 60) for slot in (7, 7, 8)]

    assert claims == [True, False, True]
    assert state.claim_slot("position", 7, 60)


def test_of_many_at_once_one_claims_a_slot(redis_url: str) -> None:
    stores = [RedisStateStore(redis_url) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda store: store.claim_slot("strategy", 1, 60), stores))

    assert sorted(claims) == [False] * 7 + [True]


def test_a_claim_is_forgotten_after_its_time(state: RedisStateStore, client: redis.Redis) -> None:
    state.claim_slot("strategy", 7, 60)

    assert 0 < client.ttl("orch:slot:strategy:7") <= 60


def test_the_roster_comes_back_with_its_version(state: RedisStateStore) -> None:
    assert state.roster() is None
    params = {"fast_period": 10, "ma_type": "sma", "stop_loss_pct": 2.5, "anchor_price": None}
    entry = a_roster_entry(run=3, params=params, removed_at=NOON)
    roster = Roster(12, (entry, a_roster_entry(MarketKey("binance", "ETH/USDT", Timeframe.S1))))

    state.put_roster(roster)

    assert state.roster() == roster
    assert isinstance(state.roster().entries[0], RosterEntry)  # type: ignore[union-attr]


def test_candles_come_back_bit_by_bit_and_do_not_stay_for_ever(state: RedisStateStore, client: redis.Redis) -> None:
    hourly, daily = a_market_key(), a_market_key(timeframe=Timeframe.D1)
    assert state.candles(hourly) is None
    rows = [(hour * 3_600_000, 0.1, 0.3, 1e-9, 123456.789, 0.0) for hour in range(300)]
    candles = Candles.from_rows(Timeframe.H1, rows)

    state.put_candles(hourly, candles)
    state.put_candles(daily, Candles.from_rows(Timeframe.D1, rows))

    assert state.candles(hourly) == candles
    ttls = [client.ttl(f"orch:candles:binance:BTC/USDT:{each}") for each in ("1h", "1d")]
    assert 3600 <= ttls[0] <= 3 * 3600
    assert 2 * 86_400 < ttls[1] <= 3 * 86_400


def test_a_clock_that_was_never_measured_is_unknown(state: RedisStateStore) -> None:
    assert state.clock_offset_ms("binance") is None


def test_a_clocks_offset_is_told_to_each_machine_by_its_own_clock(client: redis.Redis) -> None:
    # Given two machines whose clocks differ by half a minute
    right = RedisStateStore.over(client)
    ahead = RedisStateStore.over(client, Ahead(timedelta(seconds=30)))

    right.put_clock_offset_ms("binance", -1250)

    assert right.clock_offset_ms("binance") == pytest.approx(-1250, abs=100)
    assert ahead.clock_offset_ms("binance") == pytest.approx(-31_250, abs=100)


def test_marks_are_the_newest_of_each_symbol(state: RedisStateStore) -> None:
    state.put_marks("binance", {"BTC/USDT": Decimal("100.10"), "ETH/USDT": Decimal("0.000000001")})
    state.put_marks("binance", {"BTC/USDT": Decimal("101")})
    state.put_marks("binance", {})

    assert state.marks("binance") == {"BTC/USDT": Decimal("101"), "ETH/USDT": Decimal("0.000000001")}
    assert state.marks("kraken") == {}


def test_nothing_recorded_is_healthy_silence(state: RedisStateStore) -> None:
    assert state.vitals("binance", NOON) == Vitals()


def test_errors_count_in_a_row_until_a_success(state: RedisStateStore) -> None:
    counts = [state.record_error("binance", "position", "ExchangeDown", NOON) for _ in range(3)]
    state.record_success("binance", "position", NOON)
    counts.append(state.record_error("binance", "position", "Throttled", NOON))

    vitals = state.vitals("binance", NOON)
    assert counts == [1, 2, 3, 1]
    assert vitals.last_success_at == NOON
    assert vitals.consecutive_errors == 1
    assert vitals.error_counts == {"ExchangeDown": 3, "Throttled": 1}
    assert state.vitals("kraken", NOON) == Vitals()


def test_one_source_in_trouble_is_not_hidden_by_another_that_is_well(state: RedisStateStore) -> None:
    for _ in range(3):
        state.record_error("binance", "strategy", "ExchangeDown", NOON)
        state.record_success("binance", "position", NOON)

    assert state.vitals("binance", NOON).consecutive_errors == 3
    assert state.record_error("binance", "strategy", "ExchangeDown", NOON) == 4


def test_an_error_is_forgotten_after_an_hour(state: RedisStateStore) -> None:
    state.record_error("binance", "position", "ExchangeDown", NOON)
    state.record_error("binance", "position", "Throttled", NOON + HOUR / 2)

    assert state.vitals("binance", NOON + HOUR).error_counts == {"Throttled": 1}
    assert state.vitals("binance", NOON + HOUR).consecutive_errors == 2


def test_a_success_in_the_past_stays_the_last_one(state: RedisStateStore) -> None:
    state.record_success("binance", "position", NOON)
    state.record_error("binance", "position", "ExchangeDown", NOON + HOUR)

    assert state.vitals("binance", NOON + HOUR).last_success_at == NOON


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ({}, BreakerState.CLOSED),
        ({"data": "closed", "order": "half-open"}, BreakerState.HALF_OPEN),
        ({"data": "half-open", "private": "open"}, BreakerState.OPEN),
    ],
)
def test_the_worst_of_the_breakers_is_shown(
    state: RedisStateStore, client: redis.Redis, states: dict[str, str], worst: BreakerState
) -> None:
    for circuit, each in states.items():
        client.hset(breaker_key("binance", circuit), "state", each)

    assert state.vitals("binance", NOON).breaker is worst


def test_every_breaker_of_the_guard_is_known() -> None:
    assert set(BREAKER_CIRCUITS) == set(Circuit)


def test_a_reset_clears_counters_and_breakers_and_keeps_the_last_success(
    state: RedisStateStore, client: redis.Redis
) -> None:
    state.record_success("binance", "position", NOON)
    state.record_error("binance", "position", "ExchangeDown", NOON)
    client.hset(breaker_key("binance", "data"), "state", "open")

    state.reset_errors("binance")

    assert state.vitals("binance", NOON) == replace(Vitals(), last_success_at=NOON)
    assert client.exists(breaker_key("binance", "data")) == 0


def test_a_sign_of_life_lasts_its_time_to_live(state: RedisStateStore) -> None:
    state.beat("worker", "w1", 60)
    state.beat("worker", "w2", 1)
    state.beat("beat", "b1", 60)
    assert state.alive("worker") == ["w1", "w2"]

    deadline = time.monotonic() + 10
    while state.alive("worker") != ["w1"] and time.monotonic() < deadline:
        time.sleep(0.05)

    assert state.alive("worker") == ["w1"]
    assert state.alive("beat") == ["b1"]
    assert state.alive("api") == []


def test_a_wiped_redis_forgets_without_an_error(state: RedisStateStore, client: redis.Redis) -> None:
    state.put_roster(Roster(1))
    state.put_marks("binance", {"BTC/USDT": Decimal(1)})
    state.record_error("binance", "position", "ExchangeDown", NOON)
    state.beat("worker", "w1", 60)

    client.flushall()

    assert state.roster() is None
    assert state.marks("binance") == {}
    assert state.vitals("binance", NOON) == Vitals()
    assert state.alive("worker") == []
    assert state.record_error("binance", "position", "ExchangeDown", NOON) == 1


def test_a_redis_that_is_away_is_unavailable() -> None:
    state = RedisStateStore("redis://127.0.0.1:1/0")

    for call in (
        lambda: state.claim_slot("strategy", 1, 60),
        state.roster,
        lambda: state.vitals("binance", NOON),
        lambda: state.record_error("binance", "position", "x", NOON),
        lambda: state.beat("worker", "w", 5),
    ):
        with pytest.raises(Unavailable):
            call()
