"""The two Redis clients. Neither connects before its first command; build them after the fork. Replies are bytes."""

from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

TIMEOUT_S = 1.0


def reading(url: str) -> Redis:
    """For reads only: a command is tried again twice, which for a write would mean to do it again."""
    return _client(url, Retry(ExponentialBackoff(cap=0.2, base=0.02), 2))


def once(url: str) -> Redis:
    """For writes and scripts: each command is sent once (redis-py would otherwise re-execute it up to 10 times)."""
    return _client(url, Retry(NoBackoff(), 0))


def _client(url: str, retry: Retry) -> Redis:
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "health_check_interval": 15,
        "retry": retry,
    }
    return Redis.from_url(url, **options)
