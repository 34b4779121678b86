"""The engine, and the one place where a database's failures become `Unavailable`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import exc

from shared.adapters.ledger_sql import patience
from shared.domain.errors import Unavailable

# A server that is gone without a goodbye is noticed within seconds, in every state of a connection.
_CONNECT = {
    "connect_timeout": 2,
    "connection_factory": patience.PatientConnection,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
    "application_name": "orchestrator",
    "options": "-c timezone=UTC -c statement_timeout=10000 -c lock_timeout=5000"
    " -c idle_in_transaction_session_timeout=15000",
}


def driver_url(url: str) -> str:
    """`url` with its driver named: SQLAlchemy 2.1 takes a bare `postgresql://` for psycopg 3."""
    return re.sub(r"^postgres(ql)?(\+psycopg2)?://", "postgresql+psycopg2://", url)


def engine(url: str, pool_size: int = 5) -> sa.Engine:
    """Connects on first use. A restarted server is met by the ping before each transaction, unseen by callers."""
    patience.install()
    return sa.create_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=10,
        pool_timeout=3,
        pool_pre_ping=True,
        pool_use_lifo=True,
        connect_args=_CONNECT,
    )


@contextmanager
def connection(of: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose failures are `Unavailable`; the caller commits."""
    try:
        with of.connect() as conn:
            yield conn
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise Unavailable("the database is away") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("the database is away") from error
        raise


@contextmanager
def transaction(of: sa.Engine) -> Iterator[sa.Connection]:
    """Committed at the end, rolled back by whatever is raised."""
    with connection(of) as conn, conn.begin():
        yield conn


@contextmanager
def snapshot(of: sa.Engine) -> Iterator[sa.Connection]:
    """Read-only; every statement in it sees one moment."""
    with connection(of) as conn:
        conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with conn.begin():
            yield conn
