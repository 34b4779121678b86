"""Fixtures of tests on real stores."""

import pytest

from tests.support.trading_desk import Desk, trading_desk


@pytest.fixture
def desk(redis_url: str, database_url: str) -> Desk:
    return trading_desk(redis_url, database_url)
