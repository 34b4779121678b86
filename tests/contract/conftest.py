"""The adapters on the real services."""

from collections.abc import Iterator

import pytest

from shared.adapters import ledger_sql
from tests.support.record import Record
from tests.support.record_memory import MemoryRecord


@pytest.fixture
def postgres_record(database_url: str) -> Iterator[Record]:
    engine = ledger_sql.engine(database_url)
    yield Record(engine)
    engine.dispose()


@pytest.fixture
def record(postgres_record: Record) -> Record:
    """What a suite runs on, unless it says that it runs on either."""
    return postgres_record


@pytest.fixture(params=["postgres", "memory"])
def either_record(request: pytest.FixtureRequest) -> Iterator[Record]:
    """The record on Postgres, and the one in memory that the fault simulation runs on."""
    if request.param == "memory":
        yield MemoryRecord()
    else:
        yield request.getfixturevalue("postgres_record")
