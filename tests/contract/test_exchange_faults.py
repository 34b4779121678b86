"""The live path while the venue misbehaves: a real simulator with faults on demand, its dump as the only witness."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import redis

from shared.adapters.clock import SystemClock
from shared.adapters.exchange_ccxt import ExchangeCcxt
from shared.adapters.exchange_paper import ExchangePaper
from shared.adapters.exchanges import build_exchange
from shared.adapters.ledger_sql.connections import engine
from shared.domain.candles import Timeframe
from shared.domain.errors import ExchangeDown, OrderUnknown, Throttled, Unclear
from shared.domain.exchanges import LIVE, account_on
from shared.domain.orders import Order, OrderState, Purpose, Side
from tests.support.exchanges import an_order, ccxt_exchange, exchange_settings
from tests.support.simulator import SimulatorHandle, running_simulator

BTC = "BTC/USDT"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorHandle]:
    with running_simulator(tmp_path_factory.mktemp("simulator")) as handle:
        yield handle


@pytest.fixture
def venue(simulator: SimulatorHandle) -> SimulatorHandle:
    simulator.reset()
    return simulator


@dataclass(frozen=True, slots=True)
class Spoken:
    """A venue's language, as far as faults are aimed by it."""

    name: str
    order: str
    candles: str
    late_status: int  # Of the answer to an order whose time is over.


@pytest.fixture(
    params=[
        Spoken("binance", "/api/v3/order", "/api/v3/klines", 400),
        Spoken("okx", "/api/v5/trade/order", "/api/v5/market/history-candles", 200),
    ],
    ids=lambda spoken: spoken.name,
)
def spoken(request: pytest.FixtureRequest) -> Spoken:
    found: Spoken = request.param
    return found


@pytest.fixture
def exchange(venue: SimulatorHandle, redis_url: str, spoken: Spoken) -> ExchangeCcxt:
    return ccxt_exchange(exchange_settings(venue.url, redis_url, RECV_WINDOW_MS="1000"), spoken.name)


def a_small(**changes: Any) -> Order:
    return an_order(quantity=Decimal("0.01"), **changes)


def placed(venue: SimulatorHandle, order: Order) -> list[dict[str, Any]]:
    return [row for row in venue.dump()["orders"] if row["clientOrderId"] == order.client_order_id]


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("drop_reply", {}),
        ("garbage", {}),
        ("truncated", {}),
        ("5xx", {"phase": "reply"}),
        ("delay", {"phase": "reply", "seconds": 1.5}),
    ],
)
def test_an_accepted_order_whose_reply_is_lost_is_found(
    exchange: ExchangeCcxt, venue: SimulatorHandle, spoken: Spoken, fault: str, more: dict[str, Any]
) -> None:
    # Given
    order = a_small()
    permit = exchange.permit(order)
    venue.faults(fault, spoken.order, **more)
    # When
    with pytest.raises(Unclear):
        exchange.submit(order, permit)
    # Then
    found = exchange.report(order)
    assert (found.state, found.filled) == (OrderState.FILLED, order.quantity)
    assert len(placed(venue, order)) == 1


@pytest.mark.parametrize(("fault", "more"), [("drop_request", {}), ("5xx", {"phase": "request"})])
def test_an_order_that_never_arrived_is_unclear_too(
    exchange: ExchangeCcxt, venue: SimulatorHandle, spoken: Spoken, fault: str, more: dict[str, Any]
) -> None:
    order = a_small()
    permit = exchange.permit(order)
    venue.faults(fault, spoken.order, **more)
    with pytest.raises(Unclear):
        exchange.submit(order, permit)
    with pytest.raises(OrderUnknown):
        exchange.report(order)
    assert placed(venue, order) == []


def test_an_order_that_arrives_after_its_window_is_refused(
    exchange: ExchangeCcxt, venue: SimulatorHandle, spoken: Spoken
) -> None:
    # Given a network that holds the request longer than the signature counts
    order = a_small()
    permit = exchange.permit(order)
    venue.faults("delay", spoken.order, seconds=1.5)
    # When
    with pytest.raises(Unclear):
        exchange.submit(order, permit)
    # Then
    deadline = time.monotonic() + 5
    while not (posted := [call for call in venue.calls() if call["client_order_id"] == order.client_order_id]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert posted[0]["status"] == spoken.late_status
    assert placed(venue, order) == []


def test_a_venue_that_says_429_is_left_alone_by_the_fleet(
    exchange: ExchangeCcxt, venue: SimulatorHandle, redis_url: str, spoken: Spoken
) -> None:
    # Given
    exchange.markets()
    other = ccxt_exchange(exchange_settings(venue.url, redis_url), spoken.name)
    other.markets()
    venue.faults("429", path=spoken.candles, method="GET", retry_after=20)
    with pytest.raises(Throttled) as refusal:
        exchange.candles(BTC, Timeframe.M1, 0, 10)
    asked = len(venue.calls())
    # When
    for each in (exchange, other):
        with pytest.raises(Throttled):
            each.candles(BTC, Timeframe.M1, 0, 10)
        with pytest.raises(Throttled):
            each.permit(a_small(purpose=Purpose.EXIT, side=Side.SELL))
    # Then
    assert refusal.value.retry_after_s == 20
    assert len(venue.calls()) == asked


def test_a_venue_that_is_down_is_asked_less_and_less_and_then_again(
    venue: SimulatorHandle, redis_url: str, spoken: Spoken
) -> None:
    # Given
    settings = exchange_settings(venue.url, redis_url, BREAKER_FAILURES="2", BREAKER_RESET_S="1")
    exchange = ccxt_exchange(settings, spoken.name)
    exchange.markets()
    venue.faults("5xx", path=spoken.candles, method="GET", count=6)
    for _ in range(2):
        with pytest.raises(ExchangeDown):
            exchange.candles(BTC, Timeframe.M1, 0, 10)
    # When it is open
    asked = len(venue.calls())
    with pytest.raises(ExchangeDown, match="is open"):
        exchange.candles(BTC, Timeframe.M1, 0, 10)
    assert len(venue.calls()) == asked
    # Then it closes by itself
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            exchange.candles(BTC, Timeframe.M1, 0, 10)
            break
        except ExchangeDown:
            time.sleep(0.05)
    assert redis.Redis.from_url(redis_url).hget(f"breaker:{spoken.name}:data", "state") == b"closed"


def test_candles_that_fail_leave_the_prices_that_stops_stand_on(
    venue: SimulatorHandle, redis_url: str, spoken: Spoken
) -> None:
    # Given
    settings = exchange_settings(venue.url, redis_url, BREAKER_FAILURES="2", BREAKER_RESET_S="60")
    exchange = ccxt_exchange(settings, spoken.name)
    exchange.markets()
    venue.faults("5xx", path=spoken.candles, method="GET", count=6)
    for _ in range(3):
        with pytest.raises(ExchangeDown):
            exchange.candles(BTC, Timeframe.M1, 0, 10)
    # When / Then
    assert set(exchange.tickers([BTC])) == {BTC}


def test_submits_that_fail_stop_entries_and_let_exits_through(
    venue: SimulatorHandle, redis_url: str, spoken: Spoken
) -> None:
    # Given
    settings = exchange_settings(venue.url, redis_url, BREAKER_FAILURES="2", RECV_WINDOW_MS="1000")
    exchange = ccxt_exchange(settings, spoken.name)
    venue.faults("drop_request", spoken.order, count=2)
    for _ in range(2):
        order = a_small()
        with pytest.raises(Unclear):
            exchange.submit(order, exchange.permit(order))
    # When / Then
    with pytest.raises(ExchangeDown):
        exchange.permit(a_small())
    leaving = a_small(purpose=Purpose.EXIT, side=Side.SELL)
    assert exchange.submit(leaving, exchange.permit(leaving)).state is OrderState.FILLED


def test_the_venues_clock_is_followed(exchange: ExchangeCcxt, venue: SimulatorHandle) -> None:
    # Given a venue that is 20 s ahead of us
    venue.faults("clock_skew", path="*", method="*", skew_ms=20_000, count=None)
    order = a_small()
    # When
    report = exchange.submit(order, exchange.permit(order))
    # Then
    assert report.state is OrderState.FILLED
    assert abs(exchange.now_ms() - time.time() * 1000 - 20_000) < 500


def test_without_redis_no_entry_is_permitted_and_an_exit_is(venue: SimulatorHandle, spoken: Spoken) -> None:
    settings = exchange_settings(venue.url, "redis://127.0.0.1:1/0", RATE_LIMIT_CALLS="1000")
    exchange = ccxt_exchange(settings, spoken.name)
    with pytest.raises(ExchangeDown, match="no entries"):
        exchange.permit(a_small())
    leaving = a_small(purpose=Purpose.EXIT, side=Side.SELL)
    assert exchange.submit(leaving, exchange.permit(leaving)).state is OrderState.FILLED


def test_a_worker_gets_paper_unless_it_is_told_otherwise(
    venue: SimulatorHandle, redis_url: str, database_url: str, spoken: Spoken
) -> None:
    # Given
    books = engine(database_url)
    account = account_on(spoken.name, LIVE)
    # When
    paper = build_exchange(exchange_settings(venue.url, redis_url), spoken.name, books)
    live = build_exchange(exchange_settings(venue.url, redis_url, PAPER_TRADING="false"), spoken.name, books)
    # Then
    assert (type(paper), paper.account, paper.name) == (ExchangePaper, "paper", spoken.name)
    assert (type(live), live.account, live.name) == (ExchangeCcxt, account, spoken.name)
    books.dispose()


def test_the_measured_offset_is_shared(venue: SimulatorHandle, redis_url: str, spoken: Spoken) -> None:
    # Given
    published: list[tuple[str, int]] = []

    class State:
        def put_clock_offset_ms(self, exchange: str, offset_ms: int) -> None:
            published.append((exchange, offset_ms))

    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url), spoken.name, state=State(), clock=SystemClock())
    # When
    exchange.now_ms()
    exchange.now_ms()
    # Then
    ((name, offset_ms),) = published
    assert name == spoken.name
    assert abs(offset_ms) < 500
