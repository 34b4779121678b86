"""Journal on Postgres and in memory: decisions, exits, the way of an order. Its money has a file of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.bots import OnStop
from shared.domain.errors import NotFound
from shared.domain.evaluating import GroupKey
from shared.domain.orders import IllegalTransition, Order, OrderState, Placement
from shared.domain.planning import Desk
from shared.domain.positions import ExitReason, PositionState
from shared.domain.risk import Denial
from shared.domain.signals import Action, Evaluation
from shared.domain.values import Side
from tests.builders import NOON, a_decision, a_market, a_market_key, a_subscription, an_order, some_limits
from tests.support.record import LATER, Record, a_permit, a_report, check_books, entries_of

S = OrderState
LATER_STILL = LATER + timedelta(seconds=4)


@pytest.fixture
def record(either_record: Record) -> Record:
    return either_record


@pytest.fixture
def started(record: Record) -> Record:
    record.start()
    record.subscribe()
    record.markets.put("binance", [record.market])
    return record


def _denial(denial: Denial) -> Callable[[Desk], Denial]:
    return lambda _desk: denial


# Deciding


def test_a_decision_writes_its_order_reservation_and_event(started: Record) -> None:
    order = started.enter(quantity=Decimal("0.5"))

    stored = started.journal.unfinished()
    assert stored == [order]
    assert started.decision_ids() == [order.decision_id]
    account = started.queries.account("default")
    assert account is not None
    assert (account.reserved, account.free_cash) == (110, 9890)
    assert started.event_types()[-1] == "OrderPlanned"


def test_a_decision_made_before_answers_with_its_order_whatever_the_side(started: Record) -> None:
    order = started.enter()

    def never(_desk: Desk) -> Order:
        raise AssertionError("planned twice")

    again = started.journal.decide(a_decision(Side.SELL), never)
    assert (again.order, again.denial, again.is_new) == (order, None, False)
    assert len(started.decision_ids()) == 1


def test_a_denial_made_before_answers_with_its_reason(started: Record) -> None:
    first = started.journal.decide(a_decision(), _denial(Denial.INSUFFICIENT_CASH))
    second = started.journal.decide(a_decision(), _denial(Denial.DRAWDOWN_LIMIT))

    assert (first.denial, first.is_new) == (Denial.INSUFFICIENT_CASH, True)
    assert (second.denial, second.is_new) == (Denial.INSUFFICIENT_CASH, False)


def test_another_run_decides_the_candle_anew(started: Record) -> None:
    started.journal.decide(a_decision(), _denial(Denial.INSUFFICIENT_CASH))

    again = started.journal.decide(a_decision(run=2), _denial(Denial.NOT_RUNNING))

    assert again.is_new


@pytest.mark.parametrize(
    ("side", "denial", "is_told"),
    [
        (Side.BUY, Denial.INSUFFICIENT_CASH, True),
        (Side.BUY, Denial.DRAWDOWN_LIMIT, True),
        (Side.BUY, Denial.ALREADY_IN_POSITION, False),
        (Side.BUY, Denial.CLOSED_BEFORE_START, False),
        (Side.SELL, Denial.NOTHING_TO_SELL, False),
    ],
)
def test_only_denials_that_a_user_wants_to_hear_of_are_events(
    started: Record, side: Side, denial: Denial, is_told: bool
) -> None:
    started.journal.decide(a_decision(side), _denial(denial))

    assert (started.event_types()[-1] == "SignalDenied") is is_told


def test_a_limit_that_halts_a_bot_is_told_once_until_it_trades_again(started: Record) -> None:
    for run, denial in enumerate(
        [Denial.DAILY_LOSS_LIMIT, Denial.DAILY_LOSS_LIMIT, Denial.ALREADY_IN_POSITION, Denial.DAILY_LOSS_LIMIT]
    ):
        started.journal.decide(a_decision(run=run), _denial(denial))

    assert started.event_types()[2:] == [
        "TradingHalted",
        "SignalDenied",
        "SignalDenied",
        "TradingHalted",
        "SignalDenied",
    ]


def test_the_desk_shows_what_the_record_holds(started: Record) -> None:
    _, position = started.bought(hours=0)
    order = started.enter(hours=1)
    desks: list[Desk] = []

    def look(desk: Desk) -> Denial:
        desks.append(desk)
        return Denial.ORDER_IN_FLIGHT

    started.journal.decide(a_decision(run=2), look)

    (desk,) = desks
    assert desk.position == position
    assert desk.live_orders == (order,)
    assert (desk.account.cash, desk.account.reserved) == (9900, 110)
    assert desk.subscription == a_subscription()


def test_a_plan_that_raises_leaves_nothing(started: Record) -> None:
    def fail(_desk: Desk) -> Order:
        raise RuntimeError("no plan")

    with pytest.raises(RuntimeError):
        started.journal.decide(a_decision(), fail)
    assert started.decision_ids() == []


def test_deciding_for_a_bot_or_strategy_that_is_not_there_is_not_found(record: Record) -> None:
    with pytest.raises(NotFound):
        record.journal.decide(a_decision(), _denial(Denial.NOT_RUNNING))
    record.start()
    with pytest.raises(NotFound):
        record.journal.decide(a_decision(), _denial(Denial.NOT_RUNNING))


# Exits


def test_however_many_want_it_a_position_has_one_exit_at_a_version(started: Record) -> None:
    _, position = started.bought()

    first = started.exit(position)
    second = started.exit(position, ExitReason.TAKE_PROFIT)

    assert first is not None
    assert (first.position_id, first.position_version, first.reason) == (position.id, 0, "stop_loss")
    assert second is None


def test_a_signals_exit_yields_to_one_that_lives(started: Record) -> None:
    _, position = started.bought()
    exit_order = started.exit(position)
    assert exit_order is not None

    decided = started.journal.decide(a_decision(Side.SELL, run=2), lambda _desk: replace(exit_order))

    assert (decided.order, decided.denial) == (None, Denial.ORDER_IN_FLIGHT)


def test_an_exit_that_ended_makes_room_for_the_next(started: Record) -> None:
    _, position = started.bought()
    exit_order = started.exit(position)
    assert exit_order is not None
    sending = started.send(exit_order)

    started.journal.record_failure(sending, S.REJECTED, "venue_rejected", LATER)
    again = started.exit(position)

    assert again is not None
    assert (again.position_version, again.client_order_id != exit_order.client_order_id) == (1, True)


def test_leaving_a_position_denies_the_entry_that_waits_to_add_to_it(started: Record) -> None:
    # Given an entry that waits for its budget while a position of the same strategy is held
    _, position = started.bought()
    waiting = started.enter(hours=1)

    started.exit(position)

    found = {order.client_order_id: order for order in entries_of(started)}[waiting.client_order_id]
    assert (found.state, found.reason, found.reserved) == (S.DENIED, Denial.ORDER_IN_FLIGHT, 0)


def test_an_exit_is_sent_although_the_bot_stops(started: Record) -> None:
    _, position = started.bought()
    exit_order = started.exit(position)
    assert exit_order is not None
    started.stop()

    assert started.journal.mark_sending(exit_order, a_permit(), LATER, some_limits()) is not None


def test_a_position_too_small_to_sell_is_left_as_dust(started: Record) -> None:
    _, position = started.bought("0.5")
    started.market = a_market(lot_step=Decimal(1))

    assert started.exit(position) is None

    dust = started.position(position.id)
    assert (dust.state, dust.quantity, dust.closed_at is None) == (PositionState.DUST, Decimal("0.5"), False)
    assert started.event_types()[-1] == "PositionClosed"
    check_books(started)


def test_a_position_that_is_not_open_has_no_exit(started: Record) -> None:
    assert started.journal.plan_exit("p-unknown", lambda *_: Denial.BELOW_MIN_QUANTITY) is None


# Sending


def test_sending_keeps_the_attempt_and_the_fence(started: Record) -> None:
    sending = started.send(started.enter())

    assert (sending.state, sending.attempt) == (S.SENDING, 1)
    assert sending.valid_until == LATER + timedelta(seconds=5)
    assert started.journal.unfinished() == [sending]
    assert started.journal.entries_in_flight("default") == [sending]


def test_only_the_first_of_two_senders_may_transmit(started: Record) -> None:
    order = started.enter()

    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is not None
    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None


def test_an_entry_whose_bot_does_not_run_is_denied_at_the_last_look(started: Record) -> None:
    order = started.enter()
    started.pause()
    # As if it had been planned while the pause was being written.
    started.plan_again(order, Decimal(110))

    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None

    (denied,) = entries_of(started)
    assert (denied.state, denied.reason, denied.reserved) == (S.DENIED, "paused", 0)


def test_an_entry_past_its_candle_expires_instead_of_being_sent(started: Record) -> None:
    order = started.enter(expires_at=LATER)

    assert started.journal.mark_sending(order, a_permit(), LATER, some_limits()) is None

    (expired,) = entries_of(started)
    assert (expired.state, expired.reason, expired.reserved) == (S.EXPIRED, "signal_expired", 0)


# Failures and absences


@pytest.mark.parametrize(("state", "is_over"), [(S.REJECTED, True), (S.UNKNOWN, False), (S.PLANNED, False)])
def test_a_failure_frees_cash_only_where_it_is_an_end(started: Record, state: OrderState, is_over: bool) -> None:
    sending = started.send(started.enter())

    after = started.journal.record_failure(sending, state, "why", LATER)

    assert after.state is state
    assert after.reserved == (0 if is_over else 110)
    assert after.reason == ("why" if is_over else "crossed")
    assert started.event_types()[-1] == "OrderChanged"


def test_a_failure_of_another_attempt_changes_nothing(started: Record) -> None:
    first = started.send(started.enter())
    planned = started.journal.record_failure(first, S.PLANNED, "throttled", LATER)
    second = started.send(planned)

    after = started.journal.record_failure(first, S.REJECTED, "late answer", LATER)

    assert after == second == started.journal.unfinished()[0]


def test_a_failure_that_the_state_machine_forbids_is_a_defect(started: Record) -> None:
    unknown = started.journal.record_failure(started.send(started.enter()), S.UNKNOWN, "timeout", LATER)

    with pytest.raises(IllegalTransition):
        started.journal.record_failure(unknown, S.PLANNED, "never", LATER)


def test_two_spaced_absences_prove_that_an_order_was_not_placed(started: Record) -> None:
    order = started.send(started.enter())

    once = started.journal.record_not_found(order, LATER, Placement())
    too_soon = started.journal.record_not_found(once, LATER + timedelta(seconds=1), Placement())
    proved = started.journal.record_not_found(too_soon, LATER_STILL, Placement())

    assert [each.state for each in (once, too_soon, proved)] == [S.SENDING, S.SENDING, S.PLANNED]
    assert (once.not_found_count, too_soon.not_found_count, proved.not_found_count) == (1, 1, 0)
    assert started.states_told() == [
        "sending",
        "not_placed",
        "planned",
    ]


@pytest.mark.parametrize("is_paused", [True, False])
def test_an_absent_entry_that_may_not_enter_any_more_expires(started: Record, is_paused: bool) -> None:
    order = started.send(started.enter(expires_at=LATER + timedelta(seconds=4)))
    if is_paused:
        started.pause()
    started.journal.record_not_found(order, LATER, Placement())

    proved = started.journal.record_not_found(order, LATER + timedelta(seconds=3 if is_paused else 4), Placement())

    assert (proved.state, proved.reserved) == (S.EXPIRED, 0)
    assert proved.reason == ("paused" if is_paused else "signal_expired")


def test_an_exit_that_is_absent_is_planned_again_though_the_bot_stopped(started: Record) -> None:
    _, position = started.bought()
    exit_order = started.exit(position)
    assert exit_order is not None
    sending = started.send(exit_order)
    started.stop()
    started.journal.record_not_found(sending, LATER, Placement())

    proved = started.journal.record_not_found(sending, LATER_STILL, Placement())

    assert proved.state is S.PLANNED


def test_an_order_found_meanwhile_is_not_absent(started: Record) -> None:
    sending = started.send(started.enter())
    started.journal.record_not_found(sending, LATER, Placement())
    found = started.report(sending, state=S.ACKED)

    assert started.journal.record_not_found(sending, LATER_STILL, Placement()) == found


# Reports


def test_a_report_takes_an_order_to_its_end_with_its_fills(started: Record) -> None:
    sending = started.send(started.enter())
    fills = started.trade(sending, "0.4", "100"), started.trade(sending, "0.6", "101")

    after = started.report(sending, *fills)

    assert (after.state, after.filled, after.average_price) == (S.FILLED, 1, Decimal("100.6"))
    assert (after.exchange_order_id, after.reserved) == ("venue-1", 0)
    assert started.journal.unfinished() == []
    assert started.event_types()[-4:] == ["OrderFilled", "OrderFilled", "OrderChanged", "PositionOpened"]


def test_an_end_is_recorded_once_its_fills_are_complete(started: Record) -> None:
    sending = started.send(started.enter())
    one, two = started.trade(sending, "0.4", "100"), started.trade(sending, "0.6", "100")

    unseen = started.journal.record_report(
        sending, a_report(sending, filled=Decimal(1), fills=None), started.market, LATER
    )
    partial = started.report(sending, one, filled=Decimal(1))
    whole = started.report(sending, one, two)

    assert [each.state for each in (unseen, partial, whole)] == [S.ACKED, S.PARTIALLY_FILLED, S.FILLED]


def test_a_reservation_shrinks_as_its_order_fills(started: Record) -> None:
    sending = started.send(started.enter())

    after = started.report(sending, started.trade(sending, "0.4", "100"), state=S.PARTIALLY_FILLED)

    assert after.reserved == 70
    assert started.queries.account("default").reserved == 70  # type: ignore[union-attr]


def test_a_canceled_order_keeps_what_it_filled(started: Record) -> None:
    sending = started.send(started.enter())

    after = started.report(sending, started.trade(sending, "0.4", "100"), state=S.CANCELED)

    assert (after.state, after.filled, after.reserved) == (S.CANCELED, Decimal("0.4"), 0)
    assert started.position(str(after.position_id)).lots == 1
    check_books(started)


def test_an_older_answer_changes_nothing(started: Record) -> None:
    order, _ = started.bought()
    events = started.event_types()

    after = started.report(order, state=S.ACKED)

    assert after == order
    assert started.event_types() == events


def test_a_rejected_order_that_the_venue_filled_after_all_counts(started: Record) -> None:
    sending = started.send(started.enter())
    rejected = started.journal.record_failure(sending, S.REJECTED, "no", LATER)

    after = started.report(rejected, started.trade(rejected, "1", "100"))

    assert (after.state, after.filled) == (S.REJECTED, 1)
    assert started.position(str(after.position_id)).quantity == 1
    check_books(started)


def test_an_order_that_the_venue_knows_is_not_sent_again(started: Record) -> None:
    sending = started.send(started.enter())
    planned = started.journal.record_failure(sending, S.PLANNED, "throttled", LATER)

    after = started.report(planned, state=S.ACKED)

    assert after.state is S.ACKED
    assert started.journal.mark_sending(planned, a_permit(), LATER, some_limits()) is None


def test_the_last_sale_of_a_stopping_bot_ends_its_stopping(started: Record) -> None:
    _, position = started.bought()
    started.stop(OnStop.FLATTEN)
    exit_order = started.exit(position, ExitReason.FLATTEN)
    assert exit_order is not None
    sending = started.send(exit_order)

    started.report(sending, started.trade(sending, "1", "99"))

    bot = started.bots.bot("default")
    assert bot is not None
    assert (bot.observed, bot.version) == ("stopped", 3)
    assert started.event_types()[-2:] == ["PositionClosed", "BotFlattened"]


def test_dust_ends_a_stopping_too(started: Record) -> None:
    _, position = started.bought("0.5")
    started.stop(OnStop.FLATTEN)
    started.market = a_market(lot_step=Decimal(1))

    started.exit(position, ExitReason.FLATTEN)

    assert started.bots.bot("default").observed == "stopped"  # type: ignore[union-attr]
    assert started.event_types()[-1] == "BotFlattened"


def test_an_entry_that_comes_to_nothing_ends_a_stopping(started: Record) -> None:
    sending = started.send(started.enter())
    started.stop(OnStop.FLATTEN)

    started.journal.record_failure(sending, S.REJECTED, "no", LATER)

    assert started.event_types()[-1] == "BotFlattened"


# Evaluations


def _evaluation(candle_open_ms: int, **changes: object) -> Evaluation:
    plain = Evaluation(
        candle_open_ms, Action.HOLD, close=1.5, reason="nothing", indicators={"fast": 1.25, "slow": None}
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_each_group_remembers_its_newest_candle(started: Record) -> None:
    hourly, other = a_market_key(), a_market_key("ETH/USDT")
    started.journal.record_evaluations(hourly, 1000, {"g1": _evaluation(1000), "g2": _evaluation(1000)})
    started.journal.record_evaluations(hourly, 2000, {"g1": _evaluation(2000)})
    started.journal.record_evaluations(hourly, 1000, {"g1": _evaluation(1000)})

    newest = started.journal.last_evaluated([hourly, other])

    assert newest == {GroupKey(hourly, "g1"): 2000, GroupKey(hourly, "g2"): 1000}
    assert started.journal.last_evaluated([]) == {}
    assert started.decided_candles() == [("BTC/USDT", 1000), ("BTC/USDT", 2000)]


def test_candles_decided_long_ago_are_forgotten_market_by_market(started: Record) -> None:
    hourly, other = a_market_key(), a_market_key("ETH/USDT")
    for market in (hourly, other):
        for candle in (0, 1):
            started.journal.record_evaluations(market, candle * 3_600_000, {})

    started.journal.record_evaluations(hourly, 10_000 * 3_600_000, {})

    kept = [(symbol, open_ms // 3_600_000) for symbol, open_ms in started.decided_candles()]
    assert kept == [("BTC/USDT", 1), ("BTC/USDT", 10_000), ("ETH/USDT", 0), ("ETH/USDT", 1)]


def test_an_indicator_that_is_no_number_is_stored_as_none(started: Record) -> None:
    bad = _evaluation(1000, indicators={"rsi": float("nan"), "macd": float("inf"), "fast": 2.0})

    started.journal.record_evaluations(a_market_key(), 1000, {"g1": bad})

    (last,) = started.queries.last_evaluations("default")
    assert last.evaluation == replace(bad, indicators={"rsi": None, "macd": None, "fast": 2.0})


def test_an_order_of_no_record_is_not_found(started: Record) -> None:
    with pytest.raises(NotFound):
        started.journal.record_failure(an_order(), S.REJECTED, "no", NOON)
