"""What a container's health is asked: did this worker execute a tick lately?"""

import os
import socket
import subprocess
import sys

import pytest
import sqlalchemy as sa

from shared.adapters import ledger_sql


def asked(database_url: str, name: str) -> tuple[int, str]:
    environment = {**os.environ, "DATABASE_URL": database_url, "ENV_FILE": ""}
    command = [sys.executable, "-m", "worker.healthcheck", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(("name", "age_s", "code"), [("worker", 5, 0), ("worker", 61, 1), ("another", 5, 1)])
def test_a_worker_is_healthy_while_it_executes_ticks(database_url: str, name: str, age_s: int, code: int) -> None:
    engine = ledger_sql.engine(database_url)
    ledger_sql.SqlLiveness(engine).record(f"worker@{socket.gethostname()}", "orders", "relay")
    with engine.begin() as conn:
        conn.execute(sa.text(f"UPDATE worker_ticks SET at = now() - interval '{age_s} seconds'"))
    engine.dispose()

    assert asked(database_url, name)[0] == code


def test_what_can_not_be_known_is_not_healthy() -> None:
    code, said = asked("postgresql://nobody@127.0.0.1:1/none", "worker")

    assert (code, said) == (1, "not known: the database is away")
