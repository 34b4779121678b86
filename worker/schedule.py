"""A beat schedule on the clock's own grid: candles close on it, and two beats agree on it."""

from datetime import datetime
from math import floor
from typing import Any

import structlog
from celery.beat import PersistentScheduler
from celery.schedules import schedstate, schedule

log = structlog.get_logger(__name__)

RELAY_INTERVAL_S = 1
RESOLVE_INTERVAL_S = 5
RECONCILE_INTERVAL_S = 5
MARKETS_INTERVAL_S = 5

# A candle has closed at its venue, and its last trade is in, shortly after the boundary.
LAG_S = 0.2


class every_slot(schedule):  # named like Celery's own schedules, as it reads in the beat table
    """Due once in each slot of `seconds`, just after it begins; slots are counted from the epoch."""

    def __init__(self, seconds: int, **options: object) -> None:
        super().__init__(run_every=seconds, **options)

    def is_due(self, last_run_at: datetime) -> schedstate:
        now_s = self.now().timestamp()
        # Another slot, not a later one: a clock may step back, and what ran before it did is no reason to wait.
        return schedstate(
            is_due=slot(now_s, self.seconds) != slot(self.maybe_make_aware(last_run_at).timestamp(), self.seconds),
            next=seconds_to_next(now_s, self.seconds),
        )

    def __reduce__(self) -> tuple[type, tuple[float]]:
        return type(self), (self.seconds,)


class SlotScheduler(PersistentScheduler):
    """Celery's own, which by itself sends nothing until a clock that has stepped back is where it was before.

    And which logs a hundred lines for every tick that a broker that is away does not take.
    """

    _heap: list[Any] | None  # Celery does not say.

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            log.warning("tick_not_published", tick=entry.name, error=str(error.__cause__ or error))

    def tick(self, **options: object) -> float:
        if self._heap:
            nearest = self._heap[0]
            wait_s = nearest.time - self._when(nearest.entry, 0)
            # The next of all ticks is never farther away than its own interval.
            if wait_s > nearest.entry.schedule.seconds + 1:
                self._heap = None
        return float(super().tick(**options))


def slot(at_s: float, seconds: float) -> int:
    return floor((at_s - LAG_S) / seconds)


def executed_slot(at_s: float, seconds: float) -> int:
    """The slot that a tick received at `at_s` belongs to.

    Ticks arrive just after a boundary of the beat's clock: a worker whose clock is a little behind would take one for
    the slot before, find that done, and skip it. A tenth of a slot, one second at most, is forgiven.
    """
    return slot(at_s + min(seconds / 10, 1.0), seconds)


def seconds_to_next(now_s: float, seconds: float) -> float:
    return (slot(now_s, seconds) + 1) * seconds + LAG_S - now_s
