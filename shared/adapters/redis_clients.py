"""The two Redis clients. Neither connects before its first command; build them after the fork. Replies are bytes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

TIMEOUT_S = 1.0
AWAY_S = 3.0


class Presence:
    """Whether a server answers, as this process last saw it.

    A server that is frozen costs a time-out per call, and an exit makes a dozen: after the first one, calls fail at
    once for `away_s`. Then one of them tries again, the others still fail at once, and an answer ends it. With 0 every
    call tries.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, away_s: float = AWAY_S) -> None:
        self._monotonic = monotonic
        self._away_s = away_s
        self._away_until: float | None = None

    def require(self) -> None:
        if self._away_until is None:
            return
        if self._monotonic() < self._away_until:
            raise RedisConnectionError("Redis did not answer a moment ago")
        self.timed_out()

    def timed_out(self) -> None:
        self._away_until = self._monotonic() + self._away_s

    def answered(self) -> None:
        self._away_until = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        try:
            yield
        except RedisTimeoutError:
            self.timed_out()
            raise
        except ResponseError:
            self.answered()
            raise


def reading(url: str, presence: Presence | None = None) -> Redis:
    """For reads only: a command is tried again twice, which for a write would mean to do it again."""
    return _client(url, Retry(ExponentialBackoff(cap=0.2, base=0.02), 2), presence or Presence())


def once(url: str, presence: Presence | None = None) -> Redis:
    """For writes and scripts: each command is sent once (redis-py would otherwise re-execute it up to 10 times)."""
    return _client(url, Retry(NoBackoff(), 0), presence or Presence())


def _client(url: str, retry: Retry, presence: Presence) -> Redis:
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "health_check_interval": 15,
        "retry": retry,
    }
    client = Redis.from_url(url, **options)
    pool: Any = client.connection_pool
    # The pool's own class says how to connect (TCP, TLS, a socket file); whoever uses the pool has the memory.
    pool.connection_class = type("Remembering", (_Remembering, pool.connection_class), {"presence": presence})
    return client


class _Remembering:
    """What every connection of a client adds to redis-py's own."""

    presence: Presence

    def connect_check_health(self, *how: Any, **more: Any) -> None:
        # A pool asks for this each time that it hands the connection out, connected or not.
        self.presence.require()
        with self.presence.noted():
            super().connect_check_health(*how, **more)  # type: ignore[misc]

    def read_response(self, *how: Any, **more: Any) -> Any:
        with self.presence.noted():
            response = super().read_response(*how, **more)  # type: ignore[misc]
        self.presence.answered()
        return response
