"""The paper venue's books: one effect for one client id, in the face of races, sleep and a database that dies."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from shared.adapters.clock import SystemClock
from shared.adapters.exchange_paper import ExchangePaper
from shared.adapters.exchange_paper.matching import Level
from shared.adapters.exchange_paper.tables import metadata, paper_fills, paper_orders
from shared.adapters.ledger_sql.connections import engine
from shared.domain.errors import ExchangeDown, NotAsked, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.orders import Order, OrderReport, OrderState, OrderType, Side
from shared.domain.values import ZERO
from tests.fakes_exchange import FakeExchange
from tests.support.exchanges import an_order

BTC = "BTC/USDT"


class Source(FakeExchange):
    """The fake with a book of several levels."""

    def __init__(self) -> None:
        super().__init__(now_ms=round(SystemClock().now().timestamp() * 1000))
        self.set_price(BTC, "100", "99", "101")
        self.bids: list[Level] = [(Decimal(99), Decimal(1))]
        self.asks: list[Level] = [(Decimal(101), Decimal(1)), (Decimal(103), Decimal(2))]

    def order_book(self, symbol: str) -> tuple[Sequence[Level], Sequence[Level]]:
        self._called("order_book")
        return self.bids, self.asks

    def admit(self, order: Order) -> None:
        self._called("admit")


@pytest.fixture
def books(database_url: str) -> Iterator[Engine]:
    made = engine(database_url, pool_size=20)
    yield made
    made.dispose()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def paper(source: Source, books: Engine) -> ExchangePaper:
    return ExchangePaper(source, books, SystemClock(), recv_window_ms=5_000)


def submit(paper: ExchangePaper, order: Order) -> OrderReport:
    return paper.submit(order, paper.permit(order))


def rows(books: Engine, table: sa.Table) -> int:
    with books.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def a_limit(price: int, quantity: str = "1") -> Order:
    return an_order(type=OrderType.LIMIT, price=Decimal(price), quantity=Decimal(quantity))


def test_the_migration_makes_the_tables_that_are_used(books: Engine) -> None:
    found = sa.MetaData()
    found.reflect(books, only=list(metadata.tables))
    for name, table in metadata.tables.items():
        made = found.tables[name]
        assert [(c.name, c.nullable, str(c.type)) for c in made.columns] == [
            (c.name, c.nullable, c.type.compile(books.dialect).replace(" WITH TIME ZONE", "")) for c in table.columns
        ]
        assert {index.name for index in made.indexes} >= {index.name for index in table.indexes}


def test_a_buy_slips_through_the_levels(paper: ExchangePaper) -> None:
    report = submit(paper, an_order(quantity=Decimal(2)))
    assert report.average_price == Decimal(102)
    assert report.fills is not None
    assert [(fill.price, fill.quantity, fill.fee) for fill in report.fills] == [
        (Decimal(101), Decimal(1), Decimal("0.001")),
        (Decimal(103), Decimal(1), Decimal("0.001")),
    ]


def test_an_order_sent_again_answers_with_what_is_stored(paper: ExchangePaper, source: Source, books: Engine) -> None:
    # Given
    order = an_order()
    first = submit(paper, order)
    source.asks = [(Decimal(500), Decimal(9))]
    # When
    again = submit(paper, order)
    # Then
    assert again == first
    assert (rows(books, paper_orders), rows(books, paper_fills)) == (1, 1)


def test_many_at_once_place_one(paper: ExchangePaper, books: Engine) -> None:
    # Given
    order, ready = an_order(quantity=Decimal(2)), threading.Barrier(8)

    def race(_: int) -> OrderReport:
        ready.wait(10)
        return submit(paper, order)

    # When
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(race, range(8)))
    # Then
    assert len({report.exchange_order_id for report in reports}) == 1
    assert all(report == reports[0] for report in reports)
    assert (rows(books, paper_orders), rows(books, paper_fills)) == (1, 2)


def test_whoever_slept_past_the_window_places_nothing(source: Source, books: Engine) -> None:
    # Given a process that stops between reading the clock and writing
    class Sleepy(SystemClock):
        def now(self) -> datetime:
            return super().now() - timedelta(seconds=6)

    paper = ExchangePaper(source, books, Sleepy(), recv_window_ms=5_000)
    order = an_order()
    # When
    with pytest.raises(Throttled):
        submit(paper, order)
    # Then
    assert rows(books, paper_orders) == 0


def test_a_filter_refuses_for_certain(paper: ExchangePaper, books: Engine) -> None:
    for order in (an_order(quantity=Decimal("0.01")), an_order(quantity=Decimal("1.000001")), an_order(symbol="NO/PE")):
        with pytest.raises(Rejected):
            submit(paper, order)
    assert rows(books, paper_orders) == 0


def test_a_thin_book_expires_the_rest_of_a_market_order(paper: ExchangePaper, source: Source) -> None:
    source.bids = [(Decimal(99), Decimal("0.4"))]
    report = submit(paper, an_order(side=Side.SELL))
    assert (report.state, report.filled) == (OrderState.EXPIRED, Decimal("0.4"))


@pytest.mark.parametrize("error", [ExchangeDown("no book"), Throttled("later")])
def test_without_prices_nothing_is_placed_for_certain(
    paper: ExchangePaper, source: Source, books: Engine, error: Exception
) -> None:
    source.fail("order_book", error)
    with pytest.raises(Throttled):
        submit(paper, an_order())
    assert rows(books, paper_orders) == 0


def test_a_resting_order_trades_when_asked_about_and_once(paper: ExchangePaper, source: Source) -> None:
    # Given
    order = a_limit(100, "3")
    assert submit(paper, order).state is OrderState.ACKED
    assert paper.report(order).filled == ZERO
    # When
    source.asks = [(Decimal(98), Decimal(1))]
    first = paper.report(order)
    source.asks = [(Decimal(97), Decimal(5))]
    second = paper.report(order)
    # Then
    assert (first.state, first.filled) == (OrderState.PARTIALLY_FILLED, Decimal(1))
    assert (second.state, second.filled, second.average_price) == (OrderState.FILLED, Decimal(3), Decimal(100))
    assert paper.report(order) == second


def test_askers_at_once_never_overfill(paper: ExchangePaper, source: Source) -> None:
    # Given
    order = a_limit(100, "3")
    submit(paper, order)
    source.asks = [(Decimal(98), Decimal(2))]
    # When
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: paper.report(order), range(6)))
    # Then
    assert paper.report(order).filled == Decimal(3)


def test_a_cancelled_order_keeps_its_fills(paper: ExchangePaper, source: Source) -> None:
    order = a_limit(100, "3")
    submit(paper, order)
    source.asks = [(Decimal(98), Decimal(1))]
    paper.report(order)
    cancelled = paper.cancel(order)
    source.asks = [(Decimal(98), Decimal(9))]
    assert (cancelled.state, cancelled.filled) == (OrderState.CANCELED, Decimal(1))
    assert paper.report(order) == cancelled


def test_balances_are_the_sum_of_the_fills(paper: ExchangePaper) -> None:
    # Given / When: buy 1 at 101, sell 1 at 99, fees of 0.1 % of what is received
    submit(paper, an_order())
    submit(paper, an_order(side=Side.SELL))
    # Then
    balances = paper.balances()
    assert balances["BTC"].free == Decimal("-0.001")
    assert balances["USDT"].free == Decimal(-101) + Decimal(99) - Decimal("0.099")


def test_it_still_knows_everything_after_a_restart(paper: ExchangePaper, source: Source, database_url: str) -> None:
    # Given
    order = an_order()
    placed = submit(paper, order)
    # When
    other = engine(database_url)
    again = ExchangePaper(source, other, SystemClock(), recv_window_ms=5_000)
    # Then
    assert again.report(order) == placed
    other.dispose()


@pytest.mark.parametrize("call", ["submit", "cancel", "report", "balances"])
def test_a_database_that_is_away_is_doubt_for_writes_and_no_answer_for_reads(source: Source, call: str) -> None:
    # Given
    away = engine("postgresql://nobody@127.0.0.1:1/none")
    paper, order = ExchangePaper(source, away, SystemClock(), recv_window_ms=5_000), an_order()
    calls: dict[str, tuple[Callable[[], object], type[Exception]]] = {
        "submit": (lambda: submit(paper, order), Unclear),
        "cancel": (lambda: paper.cancel(order), Unclear),
        "report": (lambda: paper.report(order), ExchangeDown),
        "balances": (paper.balances, ExchangeDown),
    }
    # When / Then
    act, error = calls[call]
    with pytest.raises(error):
        act()


def test_a_connection_cut_while_placing_leaves_all_or_nothing(paper: ExchangePaper, books: Engine) -> None:
    # Given a lock that makes the statement wait, and its connection cut while it does
    order = an_order(quantity=Decimal(2))
    permit = paper.permit(order)
    with books.connect() as blocker, ThreadPoolExecutor(1) as pool:
        blocker.execute(sa.text("LOCK TABLE paper_fills IN EXCLUSIVE MODE"))
        submitted = pool.submit(paper.submit, order, permit)
        _cut_whoever_waits(books)
        # When
        with pytest.raises(Unclear):
            submitted.result(10)
    # Then
    with pytest.raises(OrderUnknown):
        paper.report(order)
    assert (rows(books, paper_orders), rows(books, paper_fills)) == (0, 0)
    assert paper.submit(order, replace(permit)).filled == Decimal(2)


def _cut_whoever_waits(books: Engine) -> None:
    deadline = SystemClock().now() + timedelta(seconds=5)
    waiting = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with books.connect() as connection:
        while not connection.execute(waiting).all():
            assert SystemClock().now() < deadline
            connection.rollback()


def test_what_the_guard_does_not_admit_gets_no_permit(paper: ExchangePaper, source: Source) -> None:
    source.fail("admit", NotAsked("the shared breaker is away: no entries"))

    with pytest.raises(NotAsked):
        paper.permit(an_order())
