"""The adapters on the real services."""

from collections.abc import Iterator

import pytest

from shared.adapters import ledger_sql
from tests.support.record import Record


@pytest.fixture
def record(database_url: str) -> Iterator[Record]:
    engine = ledger_sql.engine(database_url)
    yield Record(engine)
    engine.dispose()
