"""Postgres goes and comes back; the stores need no restart of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.supervisor.child import Child, stop_all
from cli.supervisor.embedded import wait_ready
from cli.supervisor.ports import free_port
from cli.supervisor.postgres_server import prepare_postgres
from shared.adapters import ledger_sql
from shared.adapters.migrate import upgrade
from shared.domain.errors import Unavailable
from tests.support.record import Record


class Server:
    """One Postgres that can be stopped and started on its address."""

    def __init__(self, folder: Path) -> None:
        self._postgres = prepare_postgres(folder / "postgres", free_port(), is_durable=False)
        self.url = self._postgres.url
        self.start()

    def start(self) -> None:
        self._child = Child(self._postgres.spec, lambda _name, _line: None)
        wait_ready(self._child)

    def stop(self) -> None:
        stop_all([self._child])

    def close(self) -> None:
        self.stop()
        self._postgres.close()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("outage"))
    yield server
    server.close()


def test_a_restarted_postgres_is_met_without_a_restart_of_ours(server: Server) -> None:
    # Given stores with pooled connections
    upgrade(server.url)
    engine = ledger_sql.engine(server.url)
    record = Record(engine)
    record.start()
    record.subscribe()
    order = record.enter()

    # When the server goes
    server.stop()

    # Then every call says so
    with pytest.raises(Unavailable):
        record.pause()
    with pytest.raises(Unavailable):
        record.journal.unfinished()
    with pytest.raises(Unavailable):
        record.outbox.relay(lambda _events: None)

    # And once it is back, the first call works, on what was there
    server.start()
    assert record.journal.unfinished() == [order]
    assert record.send(order).attempt == 1
    engine.dispose()


def test_connections_that_the_server_cut_off_are_not_noticed(database_url: str) -> None:
    engine = ledger_sql.engine(database_url)
    record, other = Record(engine), ledger_sql.engine(database_url)
    record.start()
    Record(other).column(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    assert record.bots.bot("default") is not None
    engine.dispose()
    other.dispose()
