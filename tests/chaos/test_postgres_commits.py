"""The answer to a COMMIT is lost: what was written is read again, never assumed, in either direction."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.errors import Unavailable
from shared.domain.orders import Order, OrderReport, OrderState, Permit
from tests.fakes_exchange import FakeExchange, market
from tests.support.api_process import api_process
from tests.support.proxy import Proxy, proxy_to
from tests.support.trading_desk import CROSS_UP, Desk, trading_desk
from worker.cycles.resolving import resolve_cycle

pytestmark = pytest.mark.chaos

# The whole statement: `BEGIN ISOLATION LEVEL READ COMMITTED` is another.
COMMIT = b"\x0bCOMMIT\x00"


class Venue(FakeExchange):
    """Tells the test when an order is about to be marked as sent, and when its reply is about to be recorded."""

    permitted: Callable[[], object] = staticmethod(lambda: None)
    replied: Callable[[], object] = staticmethod(lambda: None)

    def permit(self, order: Order) -> Permit:
        permit = super().permit(order)
        self.permitted()
        return permit

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        def kept(report: OrderReport) -> None:
            self.replied()
            keep(report)

        return super().submit(order, permit, kept)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with proxy_to(database_url) as proxy:
        yield proxy


@pytest.fixture
def venue() -> Venue:
    return Venue(market(), market("ETH/USDT"))


@pytest.fixture
def desk(redis_url: str, database_url: str, proxy: Proxy, venue: Venue) -> Iterator[Desk]:
    """A worker whose way to Postgres leads through the proxy, about to buy."""
    made = trading_desk(redis_url, proxy.url(database_url))
    made.venue = venue
    made.worker = replace(made.worker, exchanges={"binance": venue})
    made.start()
    made.subscribe()
    made.show(CROSS_UP)
    yield made
    made.worker.services.engine.dispose()
    made.redis.close()


def settle(desk: Desk, seconds: int = 40) -> None:
    for _ in range(seconds // 5):
        desk.venue.advance(5)
        resolve_cycle(desk.worker)


def test_an_order_whose_marking_is_not_confirmed_is_not_sent(desk: Desk, venue: Venue, proxy: Proxy) -> None:
    # Given a COMMIT of "sending" that takes effect, and whose answer is lost
    venue.permitted = lambda: proxy.lose_answer_to(COMMIT)

    # When
    with pytest.raises(Unavailable):
        desk.tick()

    # Then nothing was transmitted, and the record says that it may have been
    assert proxy.is_sprung
    assert venue.calls["submit"] == 0
    (order,) = desk.orders()
    assert (order.state, order.attempt) == (OrderState.SENDING, 1)

    # And a look-up settles it: proved absent, it is sent, once, or is too late
    venue.permitted = lambda: None
    settle(desk)
    (order,) = desk.orders()
    assert order.state in {OrderState.FILLED, OrderState.EXPIRED}
    assert venue.calls["report"] >= 2
    assert len(venue.placements) == (order.state is OrderState.FILLED)


def test_fills_whose_recording_is_not_confirmed_are_there_once(desk: Desk, venue: Venue, proxy: Proxy) -> None:
    # Given a filled order, the record of which takes effect without an answer
    venue.replied = lambda: proxy.lose_answer_to(COMMIT)

    # When
    desk.tick()

    # Then the fills are there, and stay there once whatever the resolver does
    assert proxy.is_sprung
    settle(desk)
    (order,) = desk.orders()
    assert order.state is OrderState.FILLED
    assert len(venue.placements) == 1
    assert desk.sql("SELECT count(*), sum(quantity) FROM fills") == [(1, order.quantity)]
    fee = desk.sql("SELECT sum(fee) FROM fills WHERE fee_currency = 'BTC'")[0][0]
    assert desk.position().quantity == order.quantity - fee
    assert desk.sql("SELECT count(*) FROM outbox WHERE type = 'OrderFilled'") == [(1,)]
    assert desk.sql("SELECT transaction_id FROM ledger GROUP BY transaction_id, asset HAVING sum(amount) <> 0") == []


def test_a_pause_that_is_not_confirmed_is_503_and_200_when_repeated(
    tmp_path: Path, redis_url: str, database_url: str, proxy: Proxy, desk: Desk
) -> None:
    with api_process(tmp_path, redis_url, proxy.url(database_url)) as api:
        # Given a pause that takes effect without the API's being told
        proxy.lose_answer_to(COMMIT)
        first = api.post("/api/v1/bot/pause")

        # When it is asked for again
        second = api.post("/api/v1/bot/pause")

        # Then the first answer promised nothing, and the second is true
        assert (first.status, second.status) == (503, 200)
        assert proxy.is_sprung
        assert api.get("/api/v1/bot/status").body["state"] == "paused"
        assert desk.sql("SELECT count(*) FROM outbox WHERE type = 'BotPaused'") == [(1,)]
