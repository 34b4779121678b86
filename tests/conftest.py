"""Fixtures that every kind of test may ask for. Servers start on the first request only."""

from collections.abc import Iterator

import pytest

from cli.supervisor.embedded import Servers
from tests.support.services import emptied_redis, fresh_database, running_services


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own `.env` decides nothing in a test, nor in a process that a test starts."""
    monkeypatch.setenv("ENV_FILE", "")


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One Redis and one Postgres for this process (each xdist worker has its own)."""
    with running_services(tmp_path_factory.mktemp("services")) as servers:
        yield servers


@pytest.fixture
def redis_url(services: Servers) -> str:
    return emptied_redis(services.redis_url)


@pytest.fixture
def database_url(services: Servers) -> Iterator[str]:
    with fresh_database(services.database_url) as url:
        yield url
