"""Fixtures that every kind of test may ask for. Servers start on the first request only."""

from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

from cli.supervisor.embedded import Servers
from tests.support.services import emptied_redis, fresh_database, running_services

# Their tests share whole systems of real processes: each folder runs on one worker, one test after another.
WHOLE = ("tests/chaos/", "tests/e2e/")


class WholeFolders(LoadGroupScheduling):
    """xdist's own groups ride on a name that pytest 9.2 does not let it change any more."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in WHOLE if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WholeFolders:
    return WholeFolders(config, log)


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
