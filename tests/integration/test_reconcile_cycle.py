"""An account against its venue: gate, drift, foreign hands, and a record that was restored behind its venue."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from shared.domain.errors import Conflict, ExchangeDown, Unclear
from shared.domain.events import EventType
from shared.domain.orders import Order, OrderState, OrderType, Purpose, client_order_id
from shared.domain.positions import PositionState
from shared.domain.reconciling import AccountKey, Conclusion, Verdict
from shared.domain.values import Side, round_down
from tests.builders import an_order
from tests.fakes_exchange import FakeExchange, market
from tests.support.record import Record, check_books
from tests.support.trading_desk import CROSS_DOWN, CROSS_UP, Desk
from worker.cycles.positions import position_cycle
from worker.cycles.reconciling import reconcile_cycle
from worker.cycles.resolving import resolve_cycle

KEY = AccountKey("binance", "live")
FOREIGN = "web_123456"


def _by_hand(**changes: object) -> Order:
    """A person's order on the same account."""
    plain = {"client_order_id": FOREIGN, "account": "live", "quantity": Decimal("0.5")}
    return an_order(**{**plain, **changes})


def _events(desk: Desk, *kinds: EventType) -> list[EventType]:
    wanted = ", ".join(f"'{kind}'" for kind in kinds)
    return [EventType(str(row[0])) for row in desk.sql(f"SELECT type FROM outbox WHERE type IN ({wanted}) ORDER BY id")]


ACCOUNT_EVENTS = (EventType.ACCOUNT_RECONCILED, EventType.ACCOUNT_DRIFTED, EventType.DRIFT_ACCEPTED)


@pytest.fixture
def reconciled(desk: Desk) -> Desk:
    """A bot that trades on an account with money of its own, looked at once."""
    desk.venue.set_balance("USDT", "50000")
    desk.start(is_reconciled=False)
    desk.subscribe(stop_loss_pct=5)
    desk.show(CROSS_UP)
    desk.reconcile()
    return desk


def _restored_behind(desk: Desk) -> None:
    """As from a backup of before the last order: the venue goes on as it is."""
    with desk.worker.services.engine.begin() as conn:
        for statement in (
            "UPDATE bots SET cash = initial_balance, realised = 0, fees = 0",
            "DELETE FROM ledger WHERE kind <> 'capital'",
            "UPDATE reconciliations SET summed_to = NULL, settling_to = NULL, settling_at = NULL",
            *(f"DELETE FROM {table}" for table in ("account_sums", "fills", "orders", "positions")),
            *(f"DELETE FROM {table}" for table in ("decisions", "decided_candles", "evaluations")),
        ):
            conn.exec_driver_sql(statement)
    desk.worker.services.reconciliations.demand()


# The gate


def test_entries_of_a_new_bot_wait_for_the_first_look(desk: Desk) -> None:
    # Given
    desk.start(is_reconciled=False)
    desk.subscribe()
    desk.show(CROSS_UP)
    # When
    desk.tick()
    waiting = desk.orders()[0]
    standing = desk.reconcile()
    desk.venue.advance(6)
    resolve_cycle(desk.worker)
    # Then
    assert (waiting.state, len(desk.venue.placements)) == (OrderState.PLANNED, 1)
    assert desk.orders()[0].state is OrderState.FILLED
    assert not standing.reconciliation.is_waiting
    assert _events(desk, *ACCOUNT_EVENTS) == [EventType.ACCOUNT_RECONCILED]


def test_a_worker_that_starts_demands_another_look(reconciled: Desk) -> None:
    reconciled.worker.services.reconciliations.demand()

    reconciled.tick()
    assert reconciled.orders()[0].state is OrderState.PLANNED
    reconcile_cycle(reconciled.worker)
    reconciled.venue.advance(6)
    resolve_cycle(reconciled.worker)

    assert reconciled.orders()[0].state is OrderState.FILLED


def test_an_account_is_not_asked_for_again_before_its_time(reconciled: Desk) -> None:
    asked = reconciled.venue.calls["balances"]

    reconcile_cycle(reconciled.worker)

    assert reconciled.venue.calls["balances"] == asked


def test_a_venue_that_does_not_answer_keeps_the_gate_shut(desk: Desk) -> None:
    desk.start(is_reconciled=False)
    desk.venue.fail("balances", ExchangeDown("no answer"))

    standing = desk.reconcile()

    assert standing.reconciliation.is_waiting
    assert "no answer" in standing.reconciliation.why
    assert not desk.reconcile().reconciliation.is_waiting


def test_an_order_in_flight_lets_the_look_wait_for_it(reconciled: Desk) -> None:
    # Given
    reconciled.venue.fail("submit", Unclear("the request was lost"))
    reconciled.tick()
    reconciled.worker.services.reconciliations.demand()
    # When
    standing = reconciled.reconcile()
    # Then
    assert standing.reconciliation.is_waiting
    assert standing.reconciliation.why == "orders in flight: 1"
    assert standing.reconciliation.suspected.differences == ()


def test_an_agreeing_look_asks_for_no_trades(reconciled: Desk) -> None:
    reconciled.tick()
    asked = reconciled.venue.calls["trades_since"]

    standing = reconciled.reconcile()

    assert reconciled.venue.calls["trades_since"] == asked
    assert standing.reconciliation.is_clean
    assert standing.reconciliation.why == ""


# Drift


def test_a_deposit_is_a_drift_at_the_second_look_and_holds_entries_alone(reconciled: Desk) -> None:
    # Given a position, and money that no order brought
    reconciled.tick()
    position = reconciled.position()
    reconciled.venue.deposit("USDT", "250")
    # When
    first = reconciled.reconcile()
    second = reconciled.reconcile()
    # Then
    assert first.reconciliation.is_clean
    (difference,) = second.reconciliation.confirmed.differences
    assert (difference.asset, difference.amount) == ("USDT", 250)
    assert _events(reconciled, *ACCOUNT_EVENTS) == [EventType.ACCOUNT_RECONCILED, EventType.ACCOUNT_DRIFTED]
    # And an exit goes on
    reconciled.venue.set_price("BTC/USDT", "1")
    position_cycle(reconciled.worker)
    assert reconciled.position().state is not PositionState.OPEN
    assert position.state is PositionState.OPEN
    # And an entry does not
    reconciled.next_candle()
    reconciled.show(CROSS_UP)
    reconciled.tick()
    assert reconciled.sql("SELECT denial FROM decisions ORDER BY id DESC LIMIT 1") == [("account_drift",)]


def test_what_a_bot_reckons_in_is_looked_at_before_it_has_any_strategy(desk: Desk) -> None:
    desk.start(is_reconciled=False)
    desk.reconcile()
    desk.venue.deposit("USDT", "250")

    standing = desk.reconcile(times=2)

    assert [each.asset for each in standing.reconciliation.confirmed.differences] == ["USDT"]


def test_an_accepted_drift_is_part_of_the_opening_and_entries_go_again(reconciled: Desk) -> None:
    # Given
    reconciled.venue.deposit("USDT", "250")
    reconciled.reconcile(times=2)
    # When
    accepted = reconciled.worker.services.reconciliations.accept(KEY, "I paid in")
    standing = reconciled.reconcile()
    reconciled.tick()
    # Then
    assert accepted.reconciliation.is_clean
    assert standing.reconciliation.is_clean
    assert [(each.reason, each.drift.differences[0].amount) for each in standing.acceptances] == [("I paid in", 250)]
    assert reconciled.orders()[0].state is OrderState.FILLED
    kinds = _events(reconciled, *ACCOUNT_EVENTS)
    assert kinds == [EventType.ACCOUNT_RECONCILED, EventType.ACCOUNT_DRIFTED, EventType.DRIFT_ACCEPTED]


def test_there_is_nothing_to_accept_where_nothing_drifts(reconciled: Desk) -> None:
    with pytest.raises(Conflict, match="no drift"):
        reconciled.worker.services.reconciliations.accept(KEY, "just so")


def test_a_drift_that_is_gone_is_reconciled_by_itself(reconciled: Desk) -> None:
    reconciled.venue.deposit("USDT", "250")
    reconciled.reconcile(times=2)

    reconciled.venue.deposit("USDT", "-250")
    standing = reconciled.reconcile()

    assert standing.reconciliation.is_clean
    assert _events(reconciled, *ACCOUNT_EVENTS)[-1] is EventType.ACCOUNT_RECONCILED


def test_a_difference_that_changes_between_two_looks_is_no_drift_yet(reconciled: Desk) -> None:
    reconciled.venue.deposit("USDT", "250")
    reconciled.reconcile()
    reconciled.venue.deposit("USDT", "1")

    standing = reconciled.reconcile()

    assert standing.reconciliation.is_clean
    assert standing.reconciliation.suspected.differences[0].amount == 251


def test_an_asset_that_no_bot_trades_may_change(reconciled: Desk) -> None:
    reconciled.venue.deposit("DOGE", "1000000")

    assert reconciled.reconcile(times=2).reconciliation.is_clean


def test_what_is_summed_up_once_is_not_summed_again(reconciled: Desk) -> None:
    # Given looks that are minutes apart, and fills before, between and after them
    record, engine = reconciled.worker.services.reconciliations, reconciled.worker.services.engine
    reconciled.tick()
    for closes in (CROSS_DOWN, CROSS_UP):
        with engine.begin() as conn:
            conn.exec_driver_sql("UPDATE reconciliations SET settling_at = settling_at - interval '5 minutes'")
        assert reconciled.reconcile().reconciliation.is_clean
        reconciled.next_candle()
        reconciled.show(closes)
        reconciled.tick()
    # When
    booked = record.books(KEY).booked
    # Then
    summed = reconciled.sql("SELECT asset, lines FROM account_sums ORDER BY asset")
    assert summed == [("BTC", 2), ("USDT", 1)]
    ledger = "SELECT asset, sum(amount), count(*) FROM ledger WHERE ledger_account = 'assets' AND kind <> 'capital'"
    whole = {asset: (amount, lines) for asset, amount, lines in reconciled.sql(f"{ledger} GROUP BY asset")}
    assert {asset: (each.amount, each.lines) for asset, each in booked.items()} == whole
    assert reconciled.reconcile().reconciliation.is_clean


# Foreign hands


def test_a_foreign_trade_explains_what_it_moved(reconciled: Desk) -> None:
    # Given
    reconciled.venue.trade_by_hand(_by_hand())
    # When
    standing = reconciled.reconcile(times=2)
    # Then
    assert standing.reconciliation.is_clean
    assert standing.reconciliation.suspected.differences == ()
    assert _events(reconciled, EventType.EXTERNAL_ORDER_SEEN, EventType.ACCOUNT_DRIFTED) == [
        EventType.EXTERNAL_ORDER_SEEN
    ]
    assert reconciled.sql("SELECT client_order_id, is_open FROM external_orders") == [(FOREIGN, False)]
    assert reconciled.reconcile(times=2).reconciliation.is_clean


def test_a_foreign_order_is_shown_while_it_rests_and_never_touched(reconciled: Desk) -> None:
    # Given
    reconciled.venue.trade_by_hand(_by_hand(type=OrderType.LIMIT, price=Decimal(1)))
    # When
    standing = reconciled.reconcile(times=2)
    resolve_cycle(reconciled.worker)
    # Then
    assert [each.client_order_id for each in standing.external_orders] == [FOREIGN]
    assert reconciled.venue.open_orders()[0].state is OrderState.ACKED
    assert reconciled.venue.calls["cancel"] == 0
    assert _events(reconciled, EventType.EXTERNAL_ORDER_SEEN) == [EventType.EXTERNAL_ORDER_SEEN]


# A record behind its venue


def test_an_order_that_the_record_lost_is_adopted_and_its_stop_works(reconciled: Desk) -> None:
    # Given
    reconciled.tick()
    lost = reconciled.orders()[0]
    _restored_behind(reconciled)
    # When
    reconciled.reconcile(times=3)
    # Then
    found, held = reconciled.orders()[0], reconciled.position()
    assert (found.client_order_id, found.state, found.filled) == (lost.client_order_id, OrderState.FILLED, lost.filled)
    assert (held.state, held.strategy_id, held.id) == (PositionState.OPEN, lost.strategy_id, lost.position_id)
    assert held.stop_loss is not None
    assert _events(reconciled, EventType.ORDER_ADOPTED, EventType.POSITION_OPENED)[-2:] == [
        EventType.ORDER_ADOPTED,
        EventType.POSITION_OPENED,
    ]
    check_books(Record(reconciled.worker.services.engine))
    # And
    reconciled.venue.set_price("BTC/USDT", str(held.stop_loss - 1))
    position_cycle(reconciled.worker)
    assert reconciled.position().state is not PositionState.OPEN
    assert len(reconciled.venue.placements) == 2
    assert reconciled.reconcile().reconciliation.is_clean


def test_a_lost_entry_is_not_sent_again_by_the_candle_that_is_decided_anew(reconciled: Desk) -> None:
    # Given
    reconciled.tick()
    lost = reconciled.orders()[0]
    _restored_behind(reconciled)
    # When the same candle is decided again before the account was looked at
    reconciled.tick()
    assert reconciled.orders()[0].state is OrderState.PLANNED
    reconciled.reconcile(times=3)
    resolve_cycle(reconciled.worker)
    # Then
    assert reconciled.orders()[0].client_order_id == lost.client_order_id
    assert reconciled.orders()[0].state is OrderState.FILLED
    assert reconciled.venue.placements == [lost.client_order_id]


def test_a_lost_sale_is_found_after_its_lost_entry(reconciled: Desk) -> None:
    # Given
    reconciled.tick()
    reconciled.next_candle()
    reconciled.show(CROSS_DOWN)
    reconciled.tick()
    lost = reconciled.orders()[0]
    assert lost.purpose is Purpose.EXIT
    _restored_behind(reconciled)
    # When
    standing = reconciled.reconcile(times=5)
    # Then
    assert reconciled.orders()[0].client_order_id == lost.client_order_id
    assert reconciled.position().state is not PositionState.OPEN
    assert standing.reconciliation.is_clean
    check_books(Record(reconciled.worker.services.engine))


def test_a_sale_that_the_record_lost_is_not_made_twice_by_a_stop_that_comes_first(reconciled: Desk) -> None:
    # Given a sale of which the record has no trace
    reconciled.tick()
    held = reconciled.position()
    client_id = client_order_id("live", f"{held.id}|{held.version}", Side.SELL)
    quantity = round_down(held.quantity, Decimal("0.00001"))
    reconciled.venue.trade_by_hand(_by_hand(client_order_id=client_id, side=Side.SELL, quantity=quantity))
    reconciled.worker.services.reconciliations.demand()
    # When the stop is hit before the account was looked at
    reconciled.venue.set_price("BTC/USDT", "1")
    position_cycle(reconciled.worker)
    # Then
    assert reconciled.venue.calls["submit"] == 1
    assert (reconciled.orders()[0].client_order_id, reconciled.orders()[0].filled) == (client_id, quantity)
    assert reconciled.position().state is not PositionState.OPEN
    check_books(Record(reconciled.worker.services.engine))
    assert reconciled.reconcile(times=2).reconciliation.is_clean


def test_a_stop_does_not_wait_for_a_venue_that_answers_no_question(reconciled: Desk) -> None:
    reconciled.tick()
    reconciled.worker.services.reconciliations.demand()
    reconciled.venue.fail("report", ExchangeDown("no answer"))
    reconciled.venue.set_price("BTC/USDT", "1")

    position_cycle(reconciled.worker)

    assert reconciled.position().state is not PositionState.OPEN
    assert len(reconciled.venue.placements) == 2


def test_an_order_of_our_form_that_nobody_sent_is_a_drift_that_names_it(reconciled: Desk) -> None:
    # Given
    stray = _by_hand(client_order_id="b" + "a" * 25, type=OrderType.LIMIT, price=Decimal(1), side=Side.BUY)
    reconciled.venue.trade_by_hand(stray)
    # When
    standing = reconciled.reconcile(times=2)
    # Then
    assert not standing.reconciliation.is_clean
    assert [each.client_order_id for each in standing.reconciliation.confirmed.strays] == [stray.client_order_id]
    # And once it is accepted it is as foreign as any
    reconciled.worker.services.reconciliations.accept(KEY, "mine, of another machine")
    settled = reconciled.reconcile(times=2)
    assert settled.reconciliation.is_clean
    assert [each.client_order_id for each in settled.external_orders] == [stray.client_order_id]
    assert reconciled.venue.calls["cancel"] == 0


@pytest.mark.parametrize("trouble", [RuntimeError("a defect"), SoftTimeLimitExceeded()])
def test_an_account_that_can_not_be_looked_at_keeps_no_other_one_waiting(reconciled: Desk, trouble: Exception) -> None:
    # Given bots on two exchanges, and one of these is nothing but trouble
    other = FakeExchange(replace(market(), exchange="okx"))
    other.name, other.account = "okx", "live-okx"
    reconciled.worker.exchanges["okx"] = other
    elsewhere = replace(reconciled.bot(), id="elsewhere", exchange="okx", account="live-okx")
    reconciled.worker.services.bots.change("elsewhere", lambda _bot, _holds: elsewhere, EventType.BOT_STARTED)
    reconciled.worker.services.reconciliations.demand()
    reconciled.venue.fail("open_orders", trouble, times=9)

    # When two ticks have come
    for _ in range(2):
        with suppress(SoftTimeLimitExceeded):
            reconcile_cycle(reconciled.worker)

    # Then
    found = {each.reconciliation.exchange: each for each in reconciled.worker.services.reconciliations.standings()}
    assert found["binance"].reconciliation.is_waiting
    assert not found["okx"].reconciliation.is_waiting


def test_two_workers_that_look_at_once_conclude_once(reconciled: Desk) -> None:
    record = reconciled.worker.services.reconciliations
    reconciled.venue.deposit("USDT", "250")
    earlier = record.books(KEY)
    reconciled.reconcile(times=2)

    assert not record.conclude(KEY, earlier, Conclusion(Verdict.CLEAN))
    (standing,) = record.standings()
    assert not standing.reconciliation.is_clean
