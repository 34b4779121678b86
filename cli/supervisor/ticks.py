"""For how long a worker has executed no tick, asked of the record beside the supervisor's own work."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from shared.domain.errors import Unavailable
from shared.domain.liveness import silences
from shared.ports import Liveness, StateStore

LOOK_EVERY_S = 5.0

Look = Callable[[], Mapping[str, float]]  # Each worker's silence. Raises where that can't be known.


class TickWatch:
    """Silence counts only while the stores answer and a beat publishes: else nobody can execute anything.

    And it grows no faster than the time that passes here: a database's clock that steps forward, or a machine that
    wakes up, makes the last tick of everybody look old.
    """

    def __init__(self, look: Look, machine: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._machine = machine
        self._monotonic = monotonic
        self._silences: Mapping[str, float] = {}
        self._looked_at = 0.0
        self._answering_since: float | None = None

    def look(self) -> None:
        try:
            found = self._look()
        except Exception:
            # Whatever it is (at a first start there is no table yet), nobody is ended for it.
            self._answering_since, self._silences = None, {}
            return
        now = self._monotonic()
        passed_s = 0.0 if self._answering_since is None else now - self._looked_at
        self._silences = {name: min(age_s, self._silent_s(name) + passed_s) for name, age_s in found.items()}
        self._looked_at = now
        self._answering_since = self._answering_since or now

    def silence_s(self, worker: str) -> float:
        """As of the last look: an answer that is late adds nothing."""
        return max(0.0, self._silent_s(f"{worker}@{self._machine}"))

    def _silent_s(self, name: str) -> float:
        since = self._answering_since
        return 0.0 if since is None else self._silences.get(name, self._looked_at - since)


@contextmanager
def ticks_watched(redis_url: str, database_url: str) -> Iterator[TickWatch]:
    """Looks in a thread of its own: an outage costs time-outs, and the supervisor has processes to restart."""
    stop = threading.Event()
    watch = TickWatch(_look_at(redis_url, database_url), socket.gethostname())

    def run() -> None:
        while not stop.wait(LOOK_EVERY_S):
            watch.look()

    thread = threading.Thread(target=run, name="tick-watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join(timeout=LOOK_EVERY_S)


def _look_at(redis_url: str, database_url: str) -> Look:
    found: list[tuple[StateStore, Liveness]] = []

    def look() -> Mapping[str, float]:
        if not found:
            found.append(_stores(redis_url, database_url))
        state, liveness = found[0]
        if not state.alive("beat"):
            raise Unavailable("no beat publishes: there is nothing to execute")
        return silences(liveness.ticks())

    return look


def _stores(redis_url: str, database_url: str) -> tuple[StateStore, Liveness]:
    # Imported when they are first needed: a start has better things to do.
    from shared.adapters import ledger_sql  # noqa: PLC0415
    from shared.adapters.state_redis import RedisStateStore  # noqa: PLC0415

    return RedisStateStore(redis_url), ledger_sql.SqlLiveness(ledger_sql.engine(database_url, pool_size=1))
