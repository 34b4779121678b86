"""The schema: made by migrations, equal to what the code expects, safe to bring up from several processes at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from cli.supervisor.embedded import Servers
from shared.adapters.exchange_paper.tables import metadata as paper_metadata
from shared.adapters.ledger_sql.connections import driver_url
from shared.adapters.ledger_sql.tables import metadata
from shared.adapters.migrate import alembic_config, upgrade
from tests.support.services import with_database

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty_database(services: Servers) -> Iterator[str]:
    name = f"empty_{os.getpid()}"
    server = psycopg2.connect(with_database(services.database_url, "postgres"))
    server.autocommit = True
    server.cursor().execute(f"CREATE DATABASE {name}")
    yield with_database(services.database_url, name)
    server.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    server.close()


def _tables(url: str) -> set[str]:
    engine = sa.create_engine(driver_url(url), poolclass=sa.NullPool)
    with engine.connect() as conn:
        return set(sa.inspect(conn).get_table_names())


def _run(*arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command_line = [sys.executable, *arguments]
    return subprocess.run(
        command_line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_migrated_schema_is_the_one_in_the_code(database_url: str) -> None:
    engine = sa.create_engine(driver_url(database_url), poolclass=sa.NullPool)
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, [metadata, paper_metadata]) == []


def test_checks_in_the_code_are_checks_in_the_database(database_url: str) -> None:
    engine = sa.create_engine(driver_url(database_url), poolclass=sa.NullPool)
    expected = {
        constraint.name
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    with engine.connect() as conn:
        found = conn.execute(sa.text("SELECT conname FROM pg_constraint WHERE contype = 'c'")).scalars()
        assert {str(name) for name in expected} <= set(found)


def test_several_at_once_migrate_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        did = list(pool.map(lambda _: upgrade(empty_database), range(4)))

    assert sorted(did) == [False, False, False, True]
    assert upgrade(empty_database) is False
    assert set(metadata.tables) <= _tables(empty_database)


def test_a_downgrade_leaves_nothing_behind(empty_database: str) -> None:
    upgrade(empty_database)
    engine = sa.create_engine(driver_url(empty_database), poolclass=sa.NullPool)
    config = alembic_config()
    with engine.begin() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, "base")

    assert _tables(empty_database) == {"alembic_version"}
    assert upgrade(empty_database)


def test_the_command_says_in_one_line_that_postgres_is_away() -> None:
    program = "import shared.adapters.migrate as m, sys; m.WAIT_S = 0.2; sys.exit(m.main())"
    environment = {**os.environ, "DATABASE_URL": "postgresql://x@127.0.0.1:1/none", "ENV_FILE": ""}

    done = _run("-c", program, environment=environment)

    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL: Postgres could not be used within 0.2 s")
    assert "Traceback" not in done.stderr


def test_the_command_without_an_address_says_which_variable_is_missing() -> None:
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}

    done = _run("-m", "shared.adapters.migrate", environment={**environment, "ENV_FILE": ""})

    assert done.returncode == 2
    assert done.stderr.startswith("DATABASE_URL: not set")
