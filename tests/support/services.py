"""A real Redis and a real Postgres for tests: one pair for each pytest process, a fresh database for each test."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import redis
from psycopg2 import sql

from cli.supervisor.embedded import Servers, embedded_servers

TEMPLATE = "orchestrator"
ROOT = Path(__file__).parents[2]
_serial = count(1)


@contextmanager
def running_services(data_dir: Path) -> Iterator[Servers]:
    """Both servers, migrated once. They needn't survive a power cut, so nothing waits for the disk."""
    with embedded_servers(data_dir, is_durable=False) as servers:
        migrate(servers.database_url)
        yield servers


def migrate(database_url: str) -> None:
    if importlib.util.find_spec("shared.adapters.migrate") is None:
        return
    environment = {**os.environ, "DATABASE_URL": database_url, "ENV_FILE": ""}
    command = [sys.executable, "-m", "shared.adapters.migrate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"migrations failed:\n{done.stdout}{done.stderr}")


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of a new database with the migrated schema and no rows; dropped at the end, clients or not."""
    name = f"test_{os.getpid()}_{next(_serial)}"
    _administer(server_url, sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, TEMPLATE)
    try:
        yield with_database(server_url, name)
    finally:
        _administer(server_url, sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


def emptied_redis(url: str) -> str:
    """The same URL, every key of every number gone."""
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _administer(server_url: str, statement: sql.SQL, *names: str) -> None:
    connection = psycopg2.connect(with_database(server_url, "postgres"))
    try:
        connection.autocommit = True
        connection.cursor().execute(statement.format(*map(sql.Identifier, names)))
    finally:
        connection.close()
