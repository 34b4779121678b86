"""When each worker last executed what: an executed tick is a sign of life that a process that hangs can't give."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import tables
from shared.adapters.ledger_sql.connections import transaction
from shared.domain.liveness import LastTick

STANDBY_LOCK = 0x0B07_0002
# Names of workers come and go with containers.
FORGOTTEN_AFTER = sa.text("interval '1 day'")


class SqlLiveness:
    """Ages are by the database's clock: those of the workers' machines may differ."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(self, worker: str, queue: str, tick: str) -> None:
        now = sa.func.now()
        row = insert(tables.worker_ticks).values(worker=worker, queue=queue, tick=tick, at=now)
        with transaction(self._engine) as conn:
            conn.execute(row.on_conflict_do_update(index_elements=["worker", "tick"], set_={"queue": queue, "at": now}))

    def ticks(self) -> list[LastTick]:
        t = tables.worker_ticks
        age_s = sa.func.extract("epoch", sa.func.now() - t.c.at)
        known = sa.select(t.c.worker, t.c.queue, t.c.tick, age_s).where(t.c.at > sa.func.now() - FORGOTTEN_AFTER)
        with transaction(self._engine) as conn:
            return [LastTick(worker, queue, tick, float(age)) for worker, queue, tick, age in conn.execute(known)]

    def forget_old(self) -> None:
        t = tables.worker_ticks
        with transaction(self._engine) as conn:
            conn.execute(sa.delete(t).where(t.c.at <= sa.func.now() - FORGOTTEN_AFTER))

    @contextmanager
    def sole_standby(self) -> Iterator[bool]:
        """The lock goes with the transaction: one that sleeps in it loses it to the server's limit on idle ones."""
        with transaction(self._engine) as conn:
            yield bool(conn.execute(sa.select(sa.func.pg_try_advisory_xact_lock(STANDBY_LOCK))).scalar_one())
