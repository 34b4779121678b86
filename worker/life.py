"""A worker's sign of life: the tick that it has just executed, in the record."""

import time
from collections.abc import Callable

from shared.ports import Liveness

# One kind of tick comes once a second at most, and so does its row.
SIGN_EVERY_S = 0.9


class LifeSign:
    """One process's."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._signed_at: dict[str, float] = {}

    def __call__(self, liveness: Liveness, worker: str, queue: str, tick: str) -> None:
        now = self._monotonic()
        if now - self._signed_at.get(tick, float("-inf")) < SIGN_EVERY_S:
            return
        liveness.record(worker, queue, tick)
        self._signed_at[tick] = now
