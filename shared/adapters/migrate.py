"""`python -m shared.adapters.migrate`: bring the schema of DATABASE_URL to the newest version.

Any number may run at once: one migrates, the others wait for it. Where nothing is to be done it costs one query.
"""

import sys
import time
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import exc

from shared.adapters.ledger_sql.connections import driver_url
from shared.settings import SettingsError, load_settings

MIGRATION_LOCK = 0x0B07_0000
WAIT_S = 10.0
PAUSE_S = 0.1


def upgrade(url: str, wait_s: float = WAIT_S) -> bool:
    """Migrate; whether there was anything to do. Raises SQLAlchemy's OperationalError where Postgres stays away."""
    engine = sa.create_engine(driver_url(url), poolclass=sa.NullPool, connect_args={"connect_timeout": 2})
    scripts = alembic_config()
    head = ScriptDirectory.from_config(scripts).get_current_head()
    with _connected(engine, wait_s) as conn:
        if _version(conn) == head:
            return False
        # A session's lock: it ends with the connection, whatever becomes of the migration.
        conn.execute(sa.select(sa.func.pg_advisory_lock(MIGRATION_LOCK)))
        conn.commit()
        if _version(conn) == head:
            return False
        scripts.attributes["connection"] = conn
        command.upgrade(scripts, "head")
        conn.commit()
    return True


def main() -> int:
    try:
        url = load_settings().sqlalchemy_url
        upgrade(url, WAIT_S)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except exc.OperationalError as error:
        print(f"DATABASE_URL: Postgres could not be used within {WAIT_S:g} s: {error.orig}", file=sys.stderr)
        return 1
    return 0


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _version(conn: sa.Connection) -> str | None:
    version = MigrationContext.configure(conn).get_current_revision()
    conn.rollback()
    return version


def _connected(engine: sa.Engine, wait_s: float) -> sa.Connection:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return engine.connect()
        except exc.OperationalError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
