"""Many hands on one record at the same moment, on real Postgres."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import TypeVar

import pytest

from shared.adapters import ledger_sql
from shared.domain.bots import Bot, PausedBy, paused
from shared.domain.events import EventType
from shared.domain.orders import Order, OrderState, client_order_id
from shared.domain.planning import Desk, plan_exit
from shared.domain.positions import ExitReason
from shared.domain.risk import Denial
from shared.domain.values import Side
from tests.builders import a_decision, a_quote, a_subscription, some_limits
from tests.support.record import LATER, Record, a_permit, check_books, known, planned_entry

T = TypeVar("T")
PRICE = Decimal(300)


@pytest.fixture
def record(database_url: str) -> Iterator[Record]:
    engine = ledger_sql.engine(database_url, pool_size=20)
    yield Record(engine)
    engine.dispose()


def _at_once(*calls: Callable[[], T]) -> list[T]:
    """Their results; all begin together."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        gate.wait(20)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_twenty_decisions_at_once_never_spend_more_than_there_is(record: Record) -> None:
    # Given cash for three entries, and twenty strategies that want one each
    record.start(initial_balance=3 * PRICE + 10)
    wanted = [record.subscribe(id=f"s{n}", symbol=f"C{n}/USDT") for n in range(20)]

    def decide(n: int) -> Callable[[], Order | None]:
        decision = a_decision(subscription=wanted[n])

        def plan(desk: Desk) -> Order | Denial:
            if desk.account.free_cash < PRICE:
                return Denial.INSUFFICIENT_CASH
            return planned_entry(desk, decision, reserved=PRICE)

        return lambda: record.journal.decide(decision, plan).order

    # When
    orders = _at_once(*(decide(n) for n in range(20)))

    # Then
    account = record.queries.account("default")
    assert account is not None
    assert len([order for order in orders if order is not None]) == 3
    assert (account.reserved, account.free_cash) == (900, 10)
    assert record.value("SELECT count(*) FROM decisions WHERE denial = 'insufficient_cash'") == 17


def test_one_decision_made_by_many_is_made_once(record: Record) -> None:
    record.start()
    record.subscribe()

    outcomes = _at_once(*[record.decide_entry] * 8)

    assert sorted(outcome.is_new for outcome in outcomes) == [False] * 7 + [True]
    assert len({outcome.order for outcome in outcomes}) == 1


def test_of_many_workers_one_may_send_an_order(record: Record) -> None:
    record.start()
    record.subscribe()
    for hours in range(5):
        order = record.enter(hours)

        won = _at_once(*[lambda order=order: record.journal.mark_sending(order, a_permit(), LATER, some_limits())] * 8)

        assert len([each for each in won if each is not None]) == 1
        (stored,) = [each for each in record.journal.unfinished() if each.client_order_id == order.client_order_id]
        assert (stored.state, stored.attempt) == (OrderState.SENDING, 1)


def test_a_pause_that_has_returned_sees_every_entry_that_may_leave(record: Record) -> None:
    record.start()
    record.subscribe()
    outcomes: set[bool] = set()
    for hours in range(30):
        order = record.enter(hours)

        def send(order: Order = order) -> list[Order]:
            sending = record.journal.mark_sending(order, a_permit(), LATER, some_limits())
            return [] if sending is None else [sending]

        def pause() -> list[Order]:
            record.pause()
            return record.journal.entries_in_flight("default")

        left, seen = _at_once(send, pause)

        assert left == [each for each in seen if each.client_order_id == order.client_order_id]
        assert send() == []
        outcomes.add(bool(left))
        for each in left:
            record.journal.record_failure(each, OrderState.REJECTED, "cleared", LATER)
        record.resume()
    assert outcomes  # Either may come first, and both are right.


def test_a_sender_waits_for_a_pause_that_is_being_written(record: Record) -> None:
    record.start()
    record.subscribe()
    order = record.enter()
    with ThreadPoolExecutor(1) as pool:
        sendings: list[Future[Order | None]] = []

        def pause_slowly(bot: Bot | None, _holds: bool) -> Bot:
            sendings.append(pool.submit(record.journal.mark_sending, order, a_permit(), LATER, some_limits()))
            _wait_until(lambda: sendings[0].done() or _waiting(record) == 1)
            return paused(known(bot), PausedBy.USER, "", LATER)

        record.bots.change("default", pause_slowly, EventType.BOT_PAUSED)

        assert sendings[0].result(20) is None
    assert record.journal.entries_in_flight("default") == []


def _waiting(record: Record) -> int:
    """How many connections wait for a row that another has locked."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(record.value(waiting))


def _wait_until(is_so: Callable[[], bool], patience_s: float = 10) -> None:
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_reports_of_one_order_at_once_are_booked_once(record: Record) -> None:
    record.start()
    record.subscribe()
    order = record.send(record.enter())
    fills = record.trade(order, "0.4", "100", "0.04"), record.trade(order, "0.6", "101", "0.06")

    _at_once(*[lambda: record.report(order, *fills), lambda: record.report(order, fills[1], filled=Decimal(1))] * 4)

    account = record.queries.account("default")
    assert account is not None
    assert account.cash == 10_000 - 40 - Decimal("60.6") - Decimal("0.1")
    assert record.event_types().count("OrderFilled") == 2
    assert record.event_types().count("PositionOpened") == 1
    check_books(record)


def test_a_stop_and_a_signal_at_once_make_one_exit(record: Record) -> None:
    record.start()
    record.subscribe()
    for hours in range(5):
        _, position = record.bought(hours=hours)

        def monitor(position_id: str = position.id) -> Order | None:
            return record.journal.plan_exit(
                position_id, lambda bot, held: plan_exit(bot, held, ExitReason.STOP_LOSS, a_quote())
            )

        def signal(run: int = 100 + hours) -> Order | None:
            def plan(desk: Desk) -> Order | Denial:
                if desk.position is None:
                    return Denial.NOTHING_TO_SELL
                return plan_exit(desk.bot, desk.position, ExitReason.SIGNAL, a_quote())

            return record.journal.decide(a_decision(Side.SELL, run=run), plan).order

        exits = [order for order in _at_once(monitor, signal, monitor, signal) if order is not None]

        assert len({order.client_order_id for order in exits}) == 1
        assert (
            record.value("SELECT count(*) FROM orders WHERE position_id = :id AND purpose = 'exit'", id=position.id)
            == 1
        )
        sending = record.send(exits[0])
        record.report(sending, record.trade(sending, "1", "100"))
    check_books(record)


def test_two_first_starts_at_once_pay_in_once(record: Record) -> None:
    _at_once(*[record.start] * 4)

    assert record.value("SELECT count(*) FROM bots") == 1
    check_books(record)


def test_bots_work_side_by_side_while_their_roster_changes(record: Record) -> None:
    names = [f"b{n}" for n in range(6)]

    def live(name: str) -> Callable[[], Order]:
        subscription = a_subscription(id=f"s-{name}", bot_id=name)

        def run() -> Order:
            record.start(id=name)
            record.bots.add_strategy(subscription)
            decision = a_decision(subscription=subscription, bot_id=name)
            outcome = record.journal.decide(decision, lambda desk: planned_entry(desk, decision))
            assert outcome.order is not None
            sending = record.send(outcome.order)
            filled = record.report(sending, record.trade(sending, "1", "100"))
            record.stop(bot_id=name)
            return filled

        return run

    filled = _at_once(*(live(name) for name in names))

    assert {order.state for order in filled} == {OrderState.FILLED}
    assert record.bots.roster_version() == 3 * len(names)
    assert filled[0].client_order_id == client_order_id(
        "paper", a_decision(subscription=a_subscription(id="s-b0", bot_id="b0"), bot_id="b0").key, Side.BUY
    )
    for name in names:
        account = record.queries.account(name)
        assert account is not None
        assert account.cash == 9900
