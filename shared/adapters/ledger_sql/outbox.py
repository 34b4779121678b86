"""Events on their way out: numbered without gaps, published in order, kept for replay."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from shared.adapters.ledger_sql import tables
from shared.adapters.ledger_sql.connections import connection, transaction
from shared.adapters.ledger_sql.rows import event_of
from shared.domain.events import Event

RELAY_LOCK = 0x0B07_0001


class SqlOutbox:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def relay(self, publish: Callable[[Sequence[Event]], None], limit: int = 500) -> int:
        with connection(self._engine) as conn, _only_relay(conn) as is_only:
            if not is_only:
                return 0
            events = _numbered(conn, limit)
            conn.commit()
            if not events:
                return 0
            publish(events)
            o = tables.outbox
            last = events[-1].number
            conn.execute(sa.update(o).where(o.c.is_sent.is_(False), o.c.number <= last).values(is_sent=True))
            conn.commit()
        return len(events)

    def history(self, after: int, limit: int, bot_id: str | None = None) -> list[Event]:
        o = tables.outbox
        statement = sa.select(o).where(o.c.number > after).order_by(o.c.number).limit(limit)
        if bot_id is not None:
            statement = statement.where(o.c.bot_id == bot_id)
        with transaction(self._engine) as conn:
            return [event_of(row) for row in conn.execute(statement)]

    def last_number(self) -> int:
        with transaction(self._engine) as conn:
            return _last_number(conn)


@contextmanager
def _only_relay(conn: sa.Connection) -> Iterator[bool]:
    """The session's lock outlives the commit between numbering and publishing; losing the session frees it."""
    is_only = bool(conn.execute(sa.select(sa.func.pg_try_advisory_lock(RELAY_LOCK))).scalar_one())
    conn.commit()
    try:
        yield is_only
    except BaseException:
        # Closing the session frees the lock; a pooled connection would carry it on.
        conn.invalidate()
        raise
    if is_only:
        conn.execute(sa.select(sa.func.pg_advisory_unlock(RELAY_LOCK)))
        conn.commit()


def _numbered(conn: sa.Connection, limit: int) -> list[Event]:
    """The oldest unsent events: first those that have a number already, then new ones.

    What commits late with a smaller id is numbered later. One bot's events keep their order, since its lock is held
    from writing them until they are committed.
    """
    _give_numbers(conn, limit)
    o = tables.outbox
    unsent = sa.select(o).where(o.c.is_sent.is_(False), o.c.number.is_not(None)).order_by(o.c.number).limit(limit)
    return [event_of(row) for row in conn.execute(unsent)]


def _give_numbers(conn: sa.Connection, limit: int) -> None:
    o = tables.outbox
    new = (
        sa.select(o.c.id, sa.func.row_number().over(order_by=o.c.id).label("place"))
        .where(o.c.number.is_(None))
        .order_by(o.c.id)
        .limit(limit)
        .subquery()
    )
    number = _last_number(conn) + new.c.place
    conn.execute(sa.update(o).where(o.c.id == new.c.id).values(number=number))


def _last_number(conn: sa.Connection) -> int:
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(tables.outbox.c.number), 0))).scalar_one())
