"""Orders in doubt on Postgres: quarantined in time, settled by proof or by a person; and what holds meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.bots import OnStop
from shared.domain.doubting import QUARANTINE_AFTER
from shared.domain.errors import Conflict, InvalidField, NotFound
from shared.domain.findings import Finding, Found
from shared.domain.orders import Order, OrderState, Placement
from shared.domain.planning import plan
from shared.domain.positions import ExitReason, PositionState
from shared.domain.risk import Denial
from tests.builders import a_decision, a_quote, an_order, some_limits
from tests.support.record import LATER, Record, a_permit, check_books, entries_of

D = Decimal
S = OrderState
MUCH_LATER = LATER + QUARANTINE_AFTER
NO_PROOF = Placement(has_window=False)
NOT_PLACED = Finding(Found.NOT_PLACED)


@pytest.fixture
def started(record: Record) -> Record:
    record.start()
    record.subscribe()
    record.markets.put("binance", [record.market])
    return record


def filled(quantity: str = "1", price: str = "100", **more: object) -> Finding:
    return Finding(Found.FILLED, D(quantity), D(price), **more)  # type: ignore[arg-type]


def canceled(quantity: str | None = None, price: str | None = None, **more: object) -> Finding:
    return Finding(Found.CANCELED, quantity and D(quantity), price and D(price), **more)  # type: ignore[arg-type]


def settled(record: Record, order: Order, finding: Finding, at: datetime = MUCH_LATER) -> Order:
    return record.journal.settle(order, finding, record.market, at)


def lost(record: Record, order: Order | None = None) -> Order:
    """A sent order in quarantine."""
    return record.journal.quarantine(record.send(order or record.enter()), LATER)


def lost_exit(record: Record) -> Order:
    _, position = record.bought()
    order = record.exit(position)
    assert order is not None
    return lost(record, order)


# Doubt


def test_doubt_begins_with_the_first_look_up_that_tells_nothing_and_ends_in_quarantine(started: Record) -> None:
    order = started.send(started.enter())

    doubted = started.journal.record_unanswered(order, LATER)
    early = started.journal.record_unanswered(doubted, MUCH_LATER - timedelta(seconds=1))
    late = started.journal.record_unanswered(early, MUCH_LATER)

    assert [each.state for each in (doubted, early, late)] == [S.SENDING, S.SENDING, S.QUARANTINED]
    assert {each.doubt_since for each in (doubted, early, late)} == {LATER}
    assert started.journal.unfinished() == [late]
    assert started.event_types()[-2:] == ["OrderChanged", "OrderQuarantined"]  # One for each transition.


def test_a_report_ends_the_doubt(started: Record) -> None:
    order = started.send(started.enter())
    doubted = started.journal.record_unanswered(order, LATER)

    acked = started.report(doubted, state=S.ACKED)

    assert acked.doubt_since is None
    later = started.journal.record_unanswered(acked, MUCH_LATER)
    assert (later.state, later.doubt_since) == (S.ACKED, MUCH_LATER)


def test_an_order_that_the_venue_has_forgotten_is_quarantined_and_never_sent_again(started: Record) -> None:
    order = started.report(started.send(started.enter()), state=S.ACKED)

    for seconds in range(0, 1200, 60):
        order = started.journal.record_not_found(order, LATER + timedelta(seconds=seconds), Placement())

    assert order.state is S.QUARANTINED
    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None
    assert started.journal.take(order) is None


def test_not_found_proves_nothing_where_the_venue_has_no_window(started: Record) -> None:
    order = started.send(started.enter())

    for seconds in range(0, 1200, 60):
        order = started.journal.record_not_found(order, LATER + timedelta(seconds=seconds), NO_PROOF)

    assert order.state is S.QUARANTINED


def test_an_answer_to_an_older_reading_of_the_order_doubts_nothing(started: Record) -> None:
    sending = started.send(started.enter())
    acked = started.report(sending, state=S.ACKED)

    assert started.journal.record_unanswered(sending, LATER) == acked
    assert started.journal.quarantine(sending, LATER) == acked


def test_a_quarantined_order_keeps_its_cash_and_is_asked_for_further(started: Record) -> None:
    order = lost(started)

    assert order.reserved == 110
    assert started.journal.unfinished() == [order]
    assert started.journal.entries_in_flight("default") == []  # Nobody waits for it: its window is long over.


def test_a_quarantined_order_that_is_found_settles_itself(started: Record) -> None:
    order = lost(started)

    found = started.report(order, started.trade(order, "1", "100"))

    assert (found.state, found.doubt_since, found.reserved) == (S.FILLED, None, 0)
    check_books(started)


def test_a_quarantined_order_that_is_proved_absent_is_sent_after_all(started: Record) -> None:
    order = lost(started)

    once = started.journal.record_not_found(order, MUCH_LATER, Placement())
    proved = started.journal.record_not_found(once, MUCH_LATER + timedelta(seconds=4), Placement())

    assert (once.state, proved.state) == (S.QUARANTINED, S.PLANNED)


# What holds meanwhile


def decided(record: Record, hours: int = 0) -> Order | Denial | None:
    """What becomes of a buy on the candle that closed `hours` before noon."""
    decision = a_decision(candle_open_ms=a_decision().candle_open_ms - hours * 3_600_000)
    outcome = record.journal.decide(decision, lambda desk: plan(a_decision(), desk, a_quote(), some_limits()))
    return outcome.order or outcome.denial


def test_entries_of_a_bot_with_an_order_in_quarantine_are_denied_until_it_is_settled(started: Record) -> None:
    order = lost(started, started.enter(hours=1))

    assert decided(started) is Denial.ORDER_QUARANTINED
    assert started.event_types()[-1] == "SignalDenied"
    settled(started, order, canceled())

    assert isinstance(decided(started, hours=1), Order)


def test_another_bot_is_not_held_back(started: Record) -> None:
    lost(started, started.enter(hours=1))
    started.start(id="other")
    started.subscribe(id="s2", bot_id="other")
    theirs = a_decision(bot_id="other", subscription=started.bots.strategies("other")[0])

    outcome = started.journal.decide(theirs, lambda desk: plan(theirs, desk, a_quote(), some_limits()))

    assert outcome.order is not None


def test_an_entry_planned_before_the_quarantine_is_denied_as_it_is_sent(started: Record) -> None:
    waiting = started.enter(hours=1)
    lost(started, started.enter(hours=2))

    assert started.journal.mark_sending(waiting, a_permit(), LATER, some_limits()) is None

    denied = next(each for each in entries_of(started) if each.client_order_id == waiting.client_order_id)
    assert (denied.state, denied.reason, denied.reserved) == (S.DENIED, "order_quarantined", 0)


def test_an_exit_goes_on_while_an_entry_is_in_quarantine(started: Record) -> None:
    _, position = started.bought()
    lost(started, started.enter(hours=1))

    exit_order = started.exit(position)

    assert exit_order is not None
    assert started.send(exit_order).state is S.SENDING


def test_an_exit_in_quarantine_keeps_the_next_one_back(started: Record) -> None:
    order = lost_exit(started)

    assert started.exit(started.position(str(order.position_id))) is None


# Settled by hand


def test_an_entry_found_filled_is_held_and_every_sum_agrees(started: Record) -> None:
    order = lost(started)

    after = settled(started, order, filled(fee=D("0.001"), fee_currency="BTC", exchange_order_id="77"))

    assert (after.state, after.filled, after.average_price, after.reserved) == (S.FILLED, 1, 100, 0)
    assert (after.exchange_order_id, after.doubt_since) == ("77", None)
    assert started.position(str(after.position_id)).quantity == D("0.999")
    assert started.column("SELECT trade_id FROM fills") == [f"manual-{order.client_order_id}"]
    assert started.event_types()[-4:] == ["OrderSettled", "OrderFilled", "OrderChanged", "PositionOpened"]
    check_books(started)


def test_an_exit_found_filled_closes_its_position(started: Record) -> None:
    order = lost_exit(started)

    after = settled(started, order, filled("1", "90", fee=D("0.09"), fee_currency="USDT"))

    position = started.position(str(order.position_id))
    assert (after.state, position.state, position.realised, position.fees) == (
        S.FILLED,
        PositionState.CLOSED,
        -10,
        D("0.09"),
    )
    check_books(started)


def test_an_exit_found_canceled_makes_room_for_the_next_which_sells_the_rest(started: Record) -> None:
    order = lost_exit(started)

    settled(started, order, canceled("0.4", "95"))

    position = started.position(str(order.position_id))
    assert (position.state, position.quantity, position.leaving) == (
        PositionState.OPEN,
        D("0.6"),
        ExitReason.STOP_LOSS,
    )
    again = started.exit(position)
    assert again is not None
    assert (again.quantity, again.position_version) == (D("0.6"), 1)
    check_books(started)


def test_what_was_seen_of_an_order_before_is_not_booked_twice(started: Record) -> None:
    sending = started.send(started.enter())
    started.report(sending, started.trade(sending, "0.4", "100", "0.04"), state=S.PARTIALLY_FILLED)
    order = started.journal.quarantine(started.journal.unfinished()[0], LATER)

    after = settled(started, order, filled("1", "106", fee=D("0.1"), fee_currency="USDT"))

    assert (after.filled, after.average_price, after.fee) == (1, 106, D("0.1"))
    assert started.column("SELECT quantity FROM fills ORDER BY seq") == [D("0.4"), D("0.6")]
    assert started.column("SELECT price FROM fills ORDER BY seq") == [100, 110]
    check_books(started)


def test_an_order_found_canceled_without_a_trade_frees_its_cash(started: Record) -> None:
    after = settled(started, lost(started), canceled())

    assert (after.state, after.filled, after.reserved, after.position_id) == (S.CANCELED, 0, 0, None)
    assert started.column("SELECT trade_id FROM fills") == []
    check_books(started)


def test_an_entry_that_was_not_placed_is_planned_again(started: Record) -> None:
    after = settled(started, lost(started), NOT_PLACED)

    assert (after.state, after.doubt_since, after.not_found_count) == (S.PLANNED, None, 0)
    states = started.column("SELECT payload->>'state' FROM outbox WHERE type LIKE 'Order%' ORDER BY id")
    assert states == ["planned", "sending", "quarantined", "quarantined", "not_placed", "planned"]
    assert started.journal.take(after) is not None


def test_an_entry_that_was_not_placed_and_is_late_by_now_expires(started: Record) -> None:
    order = lost(started, started.enter(expires_at=MUCH_LATER))

    after = settled(started, order, NOT_PLACED)

    assert (after.state, after.reason, after.reserved) == (S.EXPIRED, "signal_expired", 0)


def test_an_exit_that_was_not_placed_is_sent_again(started: Record) -> None:
    after = settled(started, lost_exit(started), NOT_PLACED)

    taken = started.journal.take(after)
    assert taken is not None
    sending = started.send(taken)
    assert (sending.state, sending.attempt) == (S.SENDING, 2)


def test_a_flatten_waits_for_an_entry_in_quarantine_which_may_have_been_filled(started: Record) -> None:
    order = lost(started)

    assert started.stop(OnStop.FLATTEN).observed == "stopping"
    settled(started, order, filled())

    ((_, position),) = started.books.watched_positions("binance")
    assert position.quantity == D(1)
    assert started.bots.bot("default").observed == "stopping"  # type: ignore[union-attr]


def test_a_flatten_is_over_once_an_entry_in_quarantine_turns_out_never_to_have_been(started: Record) -> None:
    order = lost(started)
    started.stop(OnStop.FLATTEN)

    settled(started, order, NOT_PLACED)

    assert started.bots.bot("default").observed == "stopped"  # type: ignore[union-attr]


def test_a_flatten_ends_with_the_order_that_is_settled(started: Record) -> None:
    order = lost_exit(started)
    started.stop(OnStop.FLATTEN)

    settled(started, order, filled())

    assert started.bots.bot("default").observed == "stopped"  # type: ignore[union-attr]


@pytest.mark.parametrize("finding", [NOT_PLACED, canceled(), filled(), canceled("0.5", "100", note="in the history")])
def test_the_same_finding_again_changes_nothing(started: Record, finding: Finding) -> None:
    order = lost(started)
    first = settled(started, order, finding)
    before = _everything(started)

    again = settled(started, order, finding, MUCH_LATER + timedelta(minutes=1))

    assert again == first
    assert _everything(started) == before


def test_the_same_finding_is_recognised_after_the_order_went_on(started: Record) -> None:
    order = lost(started)
    planned = settled(started, order, NOT_PLACED)
    taken = started.journal.take(planned)
    assert taken is not None
    done = started.report(started.send(taken), started.trade(order, "1", "100"))

    assert settled(started, order, NOT_PLACED) == done


@pytest.mark.parametrize("other", [NOT_PLACED, canceled(), filled(price="101"), filled(note="no, here")])
def test_another_finding_contradicts_what_is_recorded(started: Record, other: Finding) -> None:
    order = lost(started)
    settled(started, order, filled())
    before = _everything(started)

    with pytest.raises(Conflict, match="the order is filled"):
        settled(started, order, other)
    assert _everything(started) == before


def _acked(record: Record) -> Order:
    return record.report(record.send(record.enter()), state=S.ACKED)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda record: record.enter(), "it has not been sent"),
        (lambda record: record.send(record.enter()), "it is being looked up"),
        (_acked, "cancel it there"),
        (lambda record: record.bought()[0], "it has ended"),
    ],
)
def test_only_what_is_in_quarantine_is_settled_by_hand(
    started: Record, make: Callable[[Record], Order], says: str
) -> None:
    order = make(started)

    with pytest.raises(Conflict, match=says):
        settled(started, order, canceled())
    assert started.value("SELECT count(*) FROM findings") == 0


def test_what_can_not_be_true_leaves_nothing(started: Record) -> None:
    order = lost(started)

    with pytest.raises(InvalidField):
        settled(started, order, filled("2"))
    with pytest.raises(InvalidField):  # Found out only with the sums of what is recorded.
        settled(started, order, filled(fee=D(101), fee_currency="USDT"))

    assert started.journal.unfinished() == [order]
    assert started.value("SELECT count(*) FROM findings") == 0


def test_an_order_of_no_record_can_not_be_settled(started: Record) -> None:
    with pytest.raises(NotFound):
        settled(started, an_order(), canceled())


def test_a_late_report_of_the_same_trades_is_not_booked_beside_the_finding(started: Record) -> None:
    order = lost(started)
    after = settled(started, order, filled())
    before = _everything(started)

    assert started.report(order, started.trade(order, "1", "100")) == after

    assert _everything(started) == before
    check_books(started)


def test_a_trade_that_nobody_knew_of_still_counts_after_a_cancel(started: Record) -> None:
    order = lost(started)
    settled(started, order, canceled())

    after = started.report(order, started.trade(order, "0.5", "100"), state=S.CANCELED)

    assert (after.state, after.filled) == (S.CANCELED, D("0.5"))
    assert started.position(str(after.position_id)).quantity == D("0.5")
    check_books(started)


def test_a_finding_is_kept_with_its_note(started: Record) -> None:
    order = lost(started)
    settled(started, order, canceled("0.5", "100", note="seen in the order history at 12:40"))

    assert started.column("SELECT found || ' ' || quantity || ' ' || note FROM findings") == [
        "canceled 0.5 seen in the order history at 12:40"
    ]
    payload = started.value("SELECT payload FROM outbox WHERE type = 'OrderSettled'")
    assert (payload["found"], payload["note"]) == ("canceled", "seen in the order history at 12:40")
    assert payload["client_order_id"] == order.client_order_id


def _everything(record: Record) -> list[list[str]]:
    tables = ("bots", "orders", "fills", "ledger", "positions", "outbox", "findings")
    return [record.column(f"SELECT row_to_json(t)::text FROM {table} t ORDER BY 1") for table in tables]
