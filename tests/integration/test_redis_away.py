"""A worker, or a standby, while Redis says nothing: stops are kept, at the price of one time-out."""

import time
from collections.abc import Callable, Iterator

import pytest

from shared.domain.errors import Unavailable
from shared.domain.orders import OrderState, Purpose
from shared.domain.positions import PositionState
from tests.support.gate import Gate, gate_to
from tests.support.trading_desk import CROSS_UP, Desk, trading_desk
from worker.cycles.portfolio import portfolio_cycle
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle
from worker.cycles.strategy import strategy_cycle

# One time-out of a second, for two clients that share the memory of it, and what Postgres takes.
QUICKLY_S = 3.0


@pytest.fixture
def gate(redis_url: str) -> Iterator[Gate]:
    with gate_to(redis_url) as gate:
        yield gate


@pytest.fixture
def desk(redis_url: str, database_url: str, gate: Gate) -> Iterator[Desk]:
    made = trading_desk(gate.url(redis_url), database_url)
    yield made
    made.worker.services.engine.dispose()
    made.redis.close()


@pytest.fixture(params=["silent", "gone"])
def lose_redis(request: pytest.FixtureRequest, gate: Gate) -> Callable[[], None]:
    return gate.hold if request.param == "silent" else gate.shut


def test_a_stop_is_kept(desk: Desk, lose_redis: Callable[[], None]) -> None:
    # Given
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "90")

    # When
    lose_redis()
    began = time.monotonic()
    position_cycle(desk.worker)
    took_s = time.monotonic() - began

    # Then
    sale = desk.orders()[0]
    assert (sale.purpose, sale.reason, sale.state) == (Purpose.EXIT, "stop_loss", OrderState.FILLED)
    assert desk.position().state is not PositionState.OPEN
    assert took_s < QUICKLY_S


def test_an_order_in_doubt_is_looked_up(desk: Desk, lose_redis: Callable[[], None]) -> None:
    # Given an order whose reply was lost
    desk.venue.lose_reply()
    desk.cross()
    assert desk.orders()[0].state is OrderState.UNKNOWN
    desk.venue.advance(15)

    # When
    lose_redis()
    resolve_cycle(desk.worker)

    # Then
    assert desk.orders()[0].state is OrderState.FILLED


def test_equity_is_marked_at_what_is_quoted(desk: Desk, lose_redis: Callable[[], None]) -> None:
    desk.enter()
    desk.venue.set_price("BTC/USDT", "120")

    lose_redis()
    portfolio_cycle(desk.worker)

    assert desk.sql("SELECT count(*) FROM equity WHERE unrealised > 0") == [(1,)]


def test_nothing_new_is_decided(desk: Desk, lose_redis: Callable[[], None]) -> None:
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)

    lose_redis()
    with pytest.raises(Unavailable):
        strategy_cycle(desk.worker)

    assert desk.orders() == []
