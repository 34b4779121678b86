"""Events on their way out."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from shared.domain.errors import Unavailable
from shared.domain.events import Event
from tests.faults.memory.tables import Sent, Tables


class MemoryOutbox:
    """Numbering, publishing and marking are three steps, as they are in SQL: others run in between."""

    def __init__(self, tables: Tables, relay_lock: "RelayLock") -> None:
        self._tables = tables
        self._lock = relay_lock

    def relay(self, publish: Callable[[Sequence[Event]], None], limit: int = 500) -> int:
        self._tables.reach()
        session = self._tables.session
        with self._lock.held(session) as is_only:
            if not is_only:
                return 0
            rows = self._numbered(limit)
            if not rows:
                return 0
            publish([row.event for row in rows])
            self._check(session)
            for row in rows:
                row.is_sent = True
        return len(rows)

    def _check(self, session: int) -> None:
        self._tables.reach()
        if session != self._tables.session:
            raise Unavailable("the session was cut")

    def _numbered(self, limit: int) -> list[Sent]:
        number = self.last_number()
        for row in [row for row in self._tables.outbox if row.event.number is None][:limit]:
            number += 1
            row.event = replace(row.event, number=number)
        unsent = [row for row in self._tables.outbox if not row.is_sent and row.event.number is not None]
        return sorted(unsent, key=lambda row: row.event.number or 0)[:limit]

    def history(self, after: int, limit: int, bot_id: str | None = None) -> list[Event]:
        self._tables.reach()
        events = [row.event for row in self._tables.outbox if (row.event.number or 0) > after]
        mine = [event for event in events if bot_id in (None, event.bot_id)]
        return sorted(mine, key=lambda event: event.number or 0)[:limit]

    def last_number(self) -> int:
        self._tables.reach()
        return max((row.event.number or 0 for row in self._tables.outbox), default=0)


class RelayLock:
    """An advisory lock: its session holds it, and losing the session frees it."""

    def __init__(self) -> None:
        self.session = -1
        self._holder: object | None = None

    @contextmanager
    def held(self, session: int) -> Iterator[bool]:
        is_only = self._holder is None or self.session != session
        if not is_only:
            yield False
            return
        me = self._holder = object()
        self.session = session
        try:
            yield True
        finally:
            if self._holder is me:
                self._holder = None
