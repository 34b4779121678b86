"""Where pybreaker keeps a breaker that the whole fleet shares: one Redis hash, one trial token."""

from datetime import UTC, datetime, timedelta

import pybreaker
from redis import Redis
from redis.exceptions import RedisError

# A trial's holder may die: after this another process may try. Longer than any one call takes.
TRIAL_S = 30


def breaker_key(exchange: str, circuit: str) -> str:
    """The hash of one breaker: `state` (closed, open, half-open), `failures`, `opened_at_ms`."""
    return f"breaker:{exchange}:{circuit}"


class RedisBreakerStorage(pybreaker.CircuitBreakerStorage):
    """Reads on `refresh` alone, never raises, connects to nothing before its first use.

    `redis` must not retry: a repeated HINCRBY counts one failure twice, and a slow one delays the return of an order
    that went through. While Redis is away (`is_shared` is False) what this process last knew goes on as its own.

    Half-open lets one process through: without the trial token it still reads `open`, and opened just now.
    """

    def __init__(self, redis: Redis, key: str, reset_s: float) -> None:
        super().__init__(key)
        self._redis = redis
        self._key = key
        self._reset = timedelta(seconds=reset_s)
        self._forget_after_s = max(3600, int(2 * reset_s))
        self._state = pybreaker.STATE_CLOSED
        self._failures = 0
        self._opened_at: datetime | None = None
        self._trial_of: datetime | None = None
        self.is_shared = True

    def refresh(self) -> None:
        try:
            state, failures, opened_ms = self._redis.hmget(self._key, "state", "failures", "opened_at_ms")
        except RedisError:
            self.is_shared = False
            return
        self.is_shared = True
        self._state = state.decode() if state else pybreaker.STATE_CLOSED
        self._failures = int(failures or 0)
        self._opened_at = _from_ms(int(opened_ms)) if opened_ms else None

    def may_try(self) -> bool:
        """Once it has been open long enough: True for one process for each time that it opened."""
        if self._opened_at is None or self._holds_trial:
            return True
        # Opened far ahead of now: by another machine's clock, or before ours stepped back. That is no time to wait for.
        is_recent = abs(datetime.now(UTC) - self._opened_at) < self._reset
        if is_recent or not self._won_token(self._opened_at):
            return False
        self._trial_of = self._opened_at
        return True

    @property
    def is_on_trial(self) -> bool:
        return self._state != pybreaker.STATE_CLOSED and self._holds_trial

    @property
    def state(self) -> str:
        if self._state == pybreaker.STATE_HALF_OPEN and not self._holds_trial:
            return pybreaker.STATE_OPEN
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        self._write("state", state)

    @property
    def opened_at(self) -> datetime | None:
        now = datetime.now(UTC)
        if not self.may_try():
            return now
        return None if self._opened_at is None else min(self._opened_at, now - self._reset)

    @opened_at.setter
    def opened_at(self, at: datetime) -> None:
        self._opened_at = at
        self._write("opened_at_ms", str(_to_ms(at)))

    @property
    def counter(self) -> int:
        return self._failures

    def increment_counter(self) -> None:
        self._failures += 1
        if not self.is_shared:
            return
        try:
            # Counted by Redis: processes that fail at once must each count.
            self._failures = int(self._redis.hincrby(self._key, "failures", 1))
            self._redis.expire(self._key, self._forget_after_s)
        except RedisError:
            self.is_shared = False

    def reset_counter(self) -> None:
        if self._failures:
            self._failures = 0
            self._write("failures", "0")

    # One success closes a half-open breaker, so successes are kept nowhere.

    @property
    def success_counter(self) -> int:
        return 1

    def increment_success_counter(self) -> None:
        pass

    def reset_success_counter(self) -> None:
        pass

    @property
    def _holds_trial(self) -> bool:
        return self._trial_of is not None and self._trial_of == self._opened_at

    def _won_token(self, opened_at: datetime) -> bool:
        """The token is named after the opening: a failed trial opens it anew, and that has a token of its own."""
        if not self.is_shared:
            return True
        try:
            return bool(self._redis.set(f"{self._key}:trial:{_to_ms(opened_at)}", 1, nx=True, ex=TRIAL_S))
        except RedisError:
            self.is_shared = False
            return True

    def _write(self, field: str, text: str) -> None:
        if not self.is_shared:
            return
        try:
            self._redis.hset(self._key, field, text)
        except RedisError:
            self.is_shared = False


def _to_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
