"""Leases of orders on Postgres and in memory: whoever is slower sends nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters import ledger_sql
from shared.domain.orders import OrderState, Placement
from shared.ports import Journal
from tests.builders import some_limits
from tests.fakes import FakeClock
from tests.support.record import LATER, Record, a_permit

S = OrderState


@pytest.fixture
def record(either_record: Record) -> Record:
    return either_record


@pytest.fixture
def started(record: Record) -> Record:
    record.start()
    record.subscribe()
    record.markets.put("binance", [record.market])
    record.journal = record.journal_of("planner")
    return record


@pytest.fixture
def other(started: Record) -> Journal:
    """Another worker on the same record."""
    return started.journal_of("other")


def test_what_is_planned_is_its_planners_to_send(started: Record, other: Journal) -> None:
    order = started.enter()

    assert other.take(order) is None
    (stored,) = started.journal.unfinished()
    assert (stored.owner, stored.epoch, stored.lease_until is not None) == ("planner", 1, True)


def test_an_exit_is_leased_like_an_entry(started: Record, other: Journal) -> None:
    _, position = started.bought()
    exit_order = started.exit(position)
    assert exit_order is not None

    assert other.take(exit_order) is None
    assert exit_order.owner == "planner"


def test_a_lease_that_has_run_out_is_anybodys_and_the_slower_worker_sends_nothing(
    started: Record, other: Journal
) -> None:
    # Given a planner that sleeps beyond its lease
    order = started.enter()
    started.end_lease(order)

    taken = other.take(order)

    assert taken is not None
    assert (taken.owner, taken.epoch) == ("other", 2)
    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None
    assert started.journal.unfinished() == [taken]
    sending = other.mark_sending(taken, a_permit(), LATER, some_limits())
    assert sending is not None
    assert (sending.state, sending.attempt, sending.epoch) == (S.SENDING, 1, 2)


def test_a_planner_that_wakes_up_after_the_other_has_sent_sends_nothing(started: Record, other: Journal) -> None:
    order = started.enter()
    started.end_lease(order)
    taken = other.take(order)
    assert taken is not None
    assert other.mark_sending(taken, a_permit(), LATER, some_limits()) is not None

    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None
    assert started.journal.unfinished()[0].attempt == 1


def test_a_refusal_of_the_slower_worker_ends_nothing(started: Record, other: Journal) -> None:
    # Given an entry that the other has taken over, and that is too late by the planner's clock
    order = started.enter(expires_at=LATER)
    started.end_lease(order)
    taken = other.take(order)

    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None
    assert started.journal.unfinished() == [taken]


def test_a_lease_from_before_the_databases_clock_stepped_back_holds_nobody_up(started: Record, other: Journal) -> None:
    # Given a stop whose worker has died, and a lease that ends in an hour
    _, position = started.bought()
    order = started.exit(position)
    assert order is not None
    started.end_lease(order, ago=timedelta(hours=-1))

    assert other.take(order) is not None


def test_a_worker_whose_clock_is_ahead_sends_what_the_databases_says_is_reconciled(postgres_record: Record) -> None:
    # Given an account that was looked at just now, and a worker twenty minutes ahead
    postgres_record.start()
    postgres_record.subscribe()
    ahead = FakeClock(datetime.now(UTC) + timedelta(minutes=20))
    postgres_record.journal = ledger_sql.SqlJournal(postgres_record.engine, ahead)

    outcome = postgres_record.decide_entry()

    assert outcome.order is not None
    assert not outcome.waits
    assert postgres_record.send(outcome.order).state is S.SENDING


def test_of_two_that_take_an_order_at_once_one_gets_it(started: Record, other: Journal) -> None:
    order = started.enter()
    started.end_lease(order)

    taken = [other.take(order), started.journal.take(order)]

    assert [each is not None for each in taken] == [True, False]


def test_a_worker_takes_its_own_order_back_only_once_its_lease_is_over(started: Record) -> None:
    order = started.enter()
    assert started.journal.take(order) is None

    started.journal.release(order)

    taken = started.journal.take(order)
    assert taken is not None
    assert taken.epoch == 2


def test_an_order_given_up_is_anybodys_at_once(started: Record, other: Journal) -> None:
    order = started.enter()

    started.journal.release(order)

    assert other.take(order) is not None


def test_the_slower_worker_can_not_give_up_what_is_anothers(started: Record, other: Journal) -> None:
    order = started.enter()
    started.end_lease(order)
    taken = other.take(order)
    assert taken is not None

    started.journal.release(order)

    assert started.journal.take(taken) is None


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
def test_what_has_left_is_nobodys_to_take(started: Record, other: Journal, state: OrderState) -> None:
    order = started.enter()
    sending = started.send(order)
    if state is S.UNKNOWN:
        started.journal.record_failure(sending, S.UNKNOWN, "timeout", LATER)
    started.end_lease(order)

    assert other.take(order) is None
    assert other.take(replace(sending, state=S.PLANNED)) is None


def test_an_order_refused_for_now_is_anybodys(started: Record, other: Journal) -> None:
    planned = started.journal.record_failure(started.send(started.enter()), S.PLANNED, "429", LATER)

    taken = other.take(planned)

    assert taken is not None
    assert (taken.attempt, taken.failure) == (1, "429")


def test_an_order_proved_absent_is_anybodys(started: Record, other: Journal) -> None:
    sending = started.send(started.enter())
    started.journal.record_not_found(sending, LATER, Placement())
    proved = started.journal.record_not_found(sending, LATER + timedelta(seconds=4), Placement())

    assert other.take(proved) is not None
