"""The working copy in Redis, under `orch:`. Any key may vanish at any time."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from shared.adapters.clock import SystemClock
from shared.adapters.redis_clients import Presence, once, reading
from shared.domain.bots import MarketKey, Roster, RosterEntry, Subscription
from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import Unavailable
from shared.domain.health import ERROR_WINDOW_S, BreakerState, Vitals
from shared.ports import Clock

CANDLES_TTL_S = 3600
ERRORS_KEPT = 10_000
BREAKER_CIRCUITS = ("data", "price", "private", "order")
_WORST_FIRST = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


class RedisStateStore:
    """Reads are tried again, writes never: `reads` and `writes` are two clients of one server.

    For `away_s` after a time-out it is not asked again: for cycles that go on without it, where each call would wait.
    Who answers a user asks each time, and so knows at once that it is back.
    """

    def __init__(self, url: str, clock: Clock | None = None, away_s: float = 0.0) -> None:
        presence = Presence(away_s=away_s)
        self._clock: Clock = clock or SystemClock()
        self._reads: Redis = reading(url, presence)
        self._writes: Redis = once(url, presence)

    @classmethod
    def over(cls, client: Redis, clock: Clock | None = None) -> "RedisStateStore":
        """On a client that is there already, for reads and writes alike."""
        store = cls.__new__(cls)
        store._reads = store._writes = client
        store._clock = clock or SystemClock()
        return store

    def now(self) -> datetime:
        with _redis():
            return datetime.fromtimestamp(self._now(), UTC)

    def claim_slot(self, tick: str, slot: int, ttl_s: int) -> bool:
        with _redis():
            return bool(self._writes.set(f"orch:slot:{tick}:{slot}", 1, nx=True, ex=ttl_s))

    def roster(self) -> Roster | None:
        with _redis():
            stored: Any = self._reads.get("orch:roster")
        return None if stored is None else _roster_of(json.loads(stored))

    def put_roster(self, roster: Roster) -> None:
        with _redis():
            self._writes.set("orch:roster", json.dumps(_roster_json(roster)))

    def candles(self, market: MarketKey) -> Candles | None:
        with _redis():
            packed: Any = self._reads.get(_candles_key(market))
        return None if packed is None else Candles.from_bytes(packed)

    def put_candles(self, market: MarketKey, candles: Candles) -> None:
        ttl_s = max(CANDLES_TTL_S, 3 * market.timeframe.ms // 1000)
        with _redis():
            self._writes.set(_candles_key(market), candles.to_bytes(), ex=ttl_s)

    def clock_offset_ms(self, exchange: str) -> int | None:
        with _redis():
            pipe = self._reads.pipeline(transaction=False)
            pipe.get(_clock_key(exchange))
            pipe.time()
            ahead_of_redis_ms, redis_time = pipe.execute()
        if ahead_of_redis_ms is None:
            return None
        return round(_ms(redis_time) + int(ahead_of_redis_ms) - self._machine_ms())

    def put_clock_offset_ms(self, exchange: str, offset_ms: int) -> None:
        """Kept against Redis's clock: that of the machine which measured it tells nothing to others."""
        with _redis():
            redis_time: Any = self._reads.time()
            ahead_of_redis_ms = round(self._machine_ms() + offset_ms - _ms(redis_time))
            self._writes.set(_clock_key(exchange), ahead_of_redis_ms)

    def _machine_ms(self) -> float:
        return self._clock.now().timestamp() * 1000

    def put_marks(self, exchange: str, marks: Mapping[str, Decimal]) -> None:
        if not marks:
            return
        with _redis():
            self._writes.hset(f"orch:marks:{exchange}", mapping={symbol: str(mark) for symbol, mark in marks.items()})

    def marks(self, exchange: str) -> dict[str, Decimal]:
        with _redis():
            stored: Any = self._reads.hgetall(f"orch:marks:{exchange}")
        return {symbol.decode(): Decimal(mark.decode()) for symbol, mark in stored.items()}

    def record_success(self, exchange: str, source: str, at: datetime) -> None:
        with _redis():
            pipe = self._writes.pipeline(transaction=True)
            pipe.set(_success_key(exchange), at.isoformat())
            pipe.hdel(_consecutive_key(exchange), source)
            pipe.execute()

    def record_error(self, exchange: str, source: str, kind: str, at: datetime) -> int:
        errors, now = _errors_key(exchange), at.timestamp()
        with _redis():
            pipe = self._writes.pipeline(transaction=True)
            pipe.zadd(errors, {f"{uuid.uuid4().hex}:{kind}": now})
            pipe.zremrangebyscore(errors, "-inf", now - ERROR_WINDOW_S)
            pipe.zremrangebyrank(errors, 0, -ERRORS_KEPT - 1)
            pipe.expire(errors, int(ERROR_WINDOW_S))
            pipe.hincrby(_consecutive_key(exchange), source, 1)
            return int(pipe.execute()[-1])

    def vitals(self, exchange: str, now: datetime) -> Vitals:
        since = now.timestamp() - ERROR_WINDOW_S
        with _redis():
            pipe = self._reads.pipeline(transaction=False)
            pipe.get(_success_key(exchange))
            pipe.hvals(_consecutive_key(exchange))
            pipe.zrangebyscore(_errors_key(exchange), f"({since}", "+inf")
            for key in _breaker_keys(exchange):
                pipe.hget(key, "state")
            success, consecutive, errors, *breakers = pipe.execute()
        return Vitals(
            last_success_at=datetime.fromisoformat(success.decode()) if success else None,
            consecutive_errors=max(map(int, consecutive), default=0),
            error_counts=_counts(errors),
            breaker=_worst(breakers),
        )

    def reset_errors(self, exchange: str) -> None:
        with _redis():
            self._writes.delete(_consecutive_key(exchange), _errors_key(exchange), *_breaker_keys(exchange))

    def beat(self, component: str, instance: str, ttl_s: int) -> None:
        with _redis():
            now = self._now()
            pipe = self._writes.pipeline(transaction=True)
            pipe.zadd(_alive_key(component), {instance: now + ttl_s})
            pipe.zremrangebyscore(_alive_key(component), "-inf", now)
            pipe.execute()

    def alive(self, component: str) -> list[str]:
        with _redis():
            instances: Any = self._reads.zrangebyscore(_alive_key(component), f"({self._now()}", "+inf")
        return sorted(instance.decode() for instance in instances)

    def _now(self) -> float:
        """Redis's clock: the instances' own may differ."""
        seconds, micros = self._reads.time()
        return float(seconds) + float(micros) / 1e6


@contextmanager
def _redis() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Unavailable("Redis is away") from error


def _clock_key(exchange: str) -> str:
    return f"orch:venue_clock:{exchange}"


def _ms(redis_time: tuple[int, int]) -> float:
    seconds, micros = redis_time
    return seconds * 1000 + micros / 1000


def _candles_key(market: MarketKey) -> str:
    return f"orch:candles:{market.exchange}:{market.symbol}:{market.timeframe}"


def _success_key(exchange: str) -> str:
    return f"orch:success:{exchange}"


def _consecutive_key(exchange: str) -> str:
    return f"orch:consecutive:{exchange}"


def _errors_key(exchange: str) -> str:
    return f"orch:errors:{exchange}"


def _alive_key(component: str) -> str:
    return f"orch:alive:{component}"


def _breaker_keys(exchange: str) -> list[str]:
    return [f"breaker:{exchange}:{circuit}" for circuit in BREAKER_CIRCUITS]


def _counts(errors: list[bytes]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for member in errors:
        kind = member.decode().partition(":")[2]
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def _worst(states: list[bytes | None]) -> BreakerState:
    found = {BreakerState(state.decode().replace("-", "_")) for state in states if state}
    return next((state for state in _WORST_FIRST if state in found), BreakerState.CLOSED)


def _roster_json(roster: Roster) -> dict[str, Any]:
    entries = [
        {
            "exchange": entry.market.exchange,
            "run": entry.run,
            "subscription": _subscription_json(entry.subscription),
        }
        for entry in roster.entries
    ]
    return {"version": roster.version, "entries": entries}


def _roster_of(stored: dict[str, Any]) -> Roster:
    entries = []
    for entry in stored["entries"]:
        subscription = _subscription_of(entry["subscription"])
        market = MarketKey(entry["exchange"], subscription.symbol, subscription.timeframe)
        entries.append(RosterEntry(market, entry["run"], subscription))
    return Roster(stored["version"], tuple(entries))


def _subscription_json(subscription: Subscription) -> dict[str, Any]:
    plain = {field.name: getattr(subscription, field.name) for field in fields(subscription)}
    moments = {name: value.isoformat() for name, value in plain.items() if isinstance(value, datetime)}
    return {**plain, **moments, "params": dict(subscription.params)}


def _subscription_of(stored: dict[str, Any]) -> Subscription:
    return Subscription(
        id=stored["id"],
        bot_id=stored["bot_id"],
        name=stored["name"],
        symbol=stored["symbol"],
        timeframe=Timeframe(stored["timeframe"]),
        active_from=_moment(stored["active_from"]),
        created_at=_moment(stored["created_at"]),
        params=stored["params"],
        group=stored["group"],
        removed_at=None if stored["removed_at"] is None else _moment(stored["removed_at"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
