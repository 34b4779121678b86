"""The API as it is run, over a real Redis and a real Postgres that come and go."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from shared.adapters import ledger_sql
from shared.adapters.events_redis import RedisEventBus
from shared.domain.bots import Bot, PausedBy, paused
from shared.domain.events import EventType
from tests.builders import a_market
from tests.support.api_process import ApiProcess, api_process
from tests.support.gate import Gate, gate_to
from tests.support.launched import eventually
from tests.support.streams import Stream

BOT = "/api/v1/bot"
START = {"exchange": "binance", "initial_balance": 10000.0}
MA = {
    "strategy_name": "MACrossoverStrategy",
    "symbol": "BTC/USDT",
    "timeframe": "1h",
    "params": {"fast_period": 10, "slow_period": 30},
}
QUICK_S = 3.5  # A busy machine adds a little to the three seconds of the time-outs.


class Record:
    """The record seen from beside the API: no gate before it."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.engine = ledger_sql.engine(database_url)
        self.bots = ledger_sql.SqlBotStore(self.engine)
        self.markets = ledger_sql.SqlMarketStore(self.engine)
        self.outbox = ledger_sql.SqlOutbox(self.engine)
        self.bus = RedisEventBus(redis_url)

    def pause(self) -> None:
        def change(bot: Bot | None, _holds: bool) -> Bot:
            assert bot is not None
            return paused(bot, PausedBy.USER, "", bot.updated_at)

        self.bots.change("default", change, EventType.BOT_PAUSED)

    def relay(self) -> int:
        return self.outbox.relay(self.bus.publish)


@pytest.fixture
def record(database_url: str, redis_url: str) -> Iterator[Record]:
    made = Record(database_url, redis_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def redis_gate(redis_url: str) -> Iterator[Gate]:
    with gate_to(redis_url) as gate:
        yield gate


@pytest.fixture
def postgres_gate(database_url: str) -> Iterator[Gate]:
    with gate_to(database_url) as gate:
        yield gate


@pytest.fixture
def api(
    tmp_path: Path, redis_url: str, database_url: str, redis_gate: Gate, postgres_gate: Gate, record: Record
) -> Iterator[ApiProcess]:
    record.markets.put("binance", [a_market(), a_market(symbol="ETH/USDT", base="ETH")])
    with api_process(tmp_path, redis_gate.url(redis_url), postgres_gate.url(database_url)) as api:
        yield api


def test_the_documented_session_works_over_real_stores(api: ApiProcess) -> None:
    assert api.post(f"{BOT}/start", START).body["running"] is True
    assert api.post(f"{BOT}/strategy/add", MA).status == 201
    assert api.post(f"{BOT}/strategy/add", MA).status == 409
    assert api.post(f"{BOT}/strategy/add", MA | {"symbol": "BTCUSDT"}).status == 422
    status = api.get(f"{BOT}/status").body
    assert [each["symbol"] for each in status["strategies"]] == ["BTC/USDT"]
    assert api.get(f"{BOT}/health").body["status"] == "healthy"
    assert api.get("/api/v1/portfolio").body["equity"] == "10000"
    for listed in ("portfolio/positions", "portfolio/orders", "portfolio/fills", "portfolio/equity"):
        assert api.get(f"/api/v1/{listed}").body == {"items": [], "next_cursor": None}
    assert api.get(f"{BOT}/strategies").body["items"][0]["last_evaluation"] is None
    assert api.post(f"{BOT}/pause").body["paused"] is True
    assert api.post(f"{BOT}/resume").body["paused"] is False
    assert api.post(f"{BOT}/reset-errors").status == 200
    removed = api.call("DELETE", f"{BOT}/strategy/remove/MACrossoverStrategy/BTC%2FUSDT")
    assert removed.status == 200
    assert api.post(f"{BOT}/stop").body["state"] == "stopped"
    assert api.post(f"{BOT}/stop").status == 200


def test_a_megabyte_is_refused_with_an_answer_that_arrives(api: ApiProcess) -> None:
    answer = api.post(f"{BOT}/start", b"x" * 1_000_000)
    assert answer.status == 413
    assert "65536" in answer.body["message"]


@pytest.mark.parametrize(
    "path", ["portfolio/orders?cursor=abc", "events/history?bot=%00", "portfolio/fills?cursor=%00"]
)
def test_what_a_database_can_not_hold_is_422(api: ApiProcess, path: str) -> None:
    assert api.get(f"/api/v1/{path}").status == 422


def test_redis_away_is_503_and_nothing_is_half_written(api: ApiProcess, redis_gate: Gate, record: Record) -> None:
    api.post(f"{BOT}/start", START)
    before = record.bots.bot("default")
    redis_gate.shut()
    for call in ("pause", "resume", "stop", "reset-errors"):
        answer = api.post(f"{BOT}/{call}")
        assert answer.status == 503
        assert "Retry-After" in answer.headers
        assert answer.took_s < QUICK_S
    assert api.post(f"{BOT}/strategy/add", MA).status == 503
    assert list(api.get("/readyz").body["errors"]) == ["redis"]
    assert api.get("/healthz").status == 200
    assert record.bots.bot("default") == before
    assert record.bots.strategies("default") == []
    redis_gate.open()
    assert api.post(f"{BOT}/pause").body["paused"] is True


def test_postgres_away_is_503_and_recovers_by_itself(api: ApiProcess, postgres_gate: Gate, record: Record) -> None:
    api.post(f"{BOT}/start", START)
    before = record.bots.bot("default")
    postgres_gate.shut()
    for method, path in (("POST", f"{BOT}/pause"), ("GET", f"{BOT}/status"), ("GET", "/api/v1/portfolio/orders")):
        answer = api.call(method, path)
        assert answer.status == 503
        assert answer.took_s < QUICK_S
    assert "postgres" in api.get("/readyz").body["errors"]
    assert record.bots.bot("default") == before
    postgres_gate.open()
    assert api.post(f"{BOT}/pause").body["paused"] is True


def test_a_redis_that_says_nothing_is_503_in_time(api: ApiProcess, redis_gate: Gate) -> None:
    api.post(f"{BOT}/start", START)
    redis_gate.hold()
    answer = api.post(f"{BOT}/pause")
    assert answer.status == 503
    assert answer.took_s < QUICK_S + 1
    redis_gate.open()
    eventually(lambda: api.post(f"{BOT}/pause").status == 200, 10, "the pause")


def test_a_postgres_that_says_nothing_is_503_in_time(api: ApiProcess, postgres_gate: Gate) -> None:
    api.post(f"{BOT}/start", START)
    postgres_gate.hold()
    answer = api.post(f"{BOT}/pause")
    assert answer.status == 503
    assert answer.took_s < 2 * QUICK_S
    postgres_gate.shut()
    postgres_gate.open()
    assert api.post(f"{BOT}/pause").body["paused"] is True


def test_an_api_that_starts_without_its_stores_answers_once_they_are_there(
    tmp_path: Path, redis_url: str, database_url: str, redis_gate: Gate, postgres_gate: Gate
) -> None:
    addresses = redis_gate.url(redis_url), postgres_gate.url(database_url)
    redis_gate.shut()
    postgres_gate.shut()
    with api_process(tmp_path, *addresses) as api:
        assert api.get(f"{BOT}/status").status == 503
        redis_gate.open()
        postgres_gate.open()
        assert api.post(f"{BOT}/start", START).status == 200


def test_a_stream_resumes_and_outlives_redis_without_gap_or_repetition(
    api: ApiProcess, redis_url: str, redis_gate: Gate, record: Record
) -> None:
    api.post(f"{BOT}/start", START)
    api.post(f"{BOT}/pause")
    assert record.relay() == 2
    with Stream(api.port, headers={"Last-Event-ID": "1"}, timeout_s=20) as stream:
        (paused,) = stream.messages(1)
        assert (paused.id, paused.event) == (2, "BotPaused")
        # Live, through the bus
        api.post(f"{BOT}/resume")
        record.relay()
        assert stream.numbers(1) == [3]
        # Redis dies, what is published meanwhile is lost with it
        redis_gate.shut()
        record.pause()
        record.relay()
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        redis_gate.open()
        assert stream.numbers(1) == [4]
        api.post(f"{BOT}/resume")
        record.relay()
        assert stream.numbers(1) == [5]
    history = api.get("/api/v1/events/history").body["items"]
    assert [event["number"] for event in history] == [1, 2, 3, 4, 5]


def test_an_open_stream_does_not_hold_up_the_end(api: ApiProcess) -> None:
    with Stream(api.port) as stream:
        assert stream.status == 200
        began = time.monotonic()
        api.process.terminate()
        api.process.wait(10)
        assert time.monotonic() - began < 6
