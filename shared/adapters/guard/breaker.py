"""A circuit breaker shared by the fleet, admission apart from outcome.

pybreaker keeps the state machine, and is asked once per logical call with the outcome in hand: its lock is never held
during a call, retries count once, and a permit can be had before the order's bytes leave.
"""

import pybreaker
from redis import Redis

from shared.adapters.guard.breaker_storage import RedisBreakerStorage
from shared.domain.errors import NotAsked


class Breaker:
    def __init__(self, redis: Redis, key: str, failures: int, reset_s: float) -> None:
        self._storage = RedisBreakerStorage(redis, key, reset_s)
        self._failures = failures
        self._reset_s = reset_s

    def admit(self, is_shared_needed: bool = False) -> None:
        """Raise NotAsked while it is open, except for one trial; if the fleet must know, also without Redis."""
        self._storage.refresh()
        if is_shared_needed and not self._storage.is_shared:
            raise NotAsked("the shared breaker is away: no entries")
        if self._storage.state == pybreaker.STATE_OPEN and not self._storage.may_try():
            raise NotAsked(f"{self._storage.name} is open")

    @property
    def is_on_trial(self) -> bool:
        return self._storage.is_on_trial

    def record(self, has_failed: bool) -> None:
        """Count one logical call. Never raises."""
        self._storage.refresh()
        # A new one each time: an old one that notices a change made elsewhere resets the fleet's count.
        breaker = pybreaker.CircuitBreaker(
            fail_max=self._failures,
            reset_timeout=self._reset_s,
            state_storage=self._storage,
            throw_new_error_on_trip=False,
        )
        try:
            breaker.call(_replay, has_failed)
        except (_Failure, pybreaker.CircuitBreakerError):
            return


class _Failure(Exception):
    pass


def _replay(has_failed: bool) -> None:
    if has_failed:
        raise _Failure
