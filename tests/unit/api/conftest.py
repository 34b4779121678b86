"""The app over stores in memory."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from tests.fakes import World
from tests.fakes_exchange import market


@pytest.fixture
def world() -> World:
    made = World()
    made.markets.put("binance", [market("BTC/USDT"), market("ETH/USDT")])
    return made


@pytest.fixture
def app(world: World) -> Flask:
    return create_app(world, {"SLEEP": world.clock.advance})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def running(client: FlaskClient) -> FlaskClient:
    """A client of a system whose default bot runs."""
    answer = client.post("/api/v1/bot/start", json={"exchange": "binance", "initial_balance": 10000})
    assert answer.status_code == 200
    return client
