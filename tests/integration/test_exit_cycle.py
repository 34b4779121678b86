"""A position that is to be left is left until nothing is held, whatever rests in the way or goes wrong."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.errors import Rejected, Throttled, Unclear
from shared.domain.orders import Order, OrderState, Purpose
from shared.domain.positions import ExitReason, PositionState
from shared.domain.values import OrderType
from tests.fakes_exchange import FakeExchange
from tests.support.difficult_venues import LosesCancels, MarketToLimit, SlowTrades, at
from tests.support.trading_desk import Desk
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle

S = OrderState
PATIENCE_S = 30


def exits(desk: Desk) -> list[Order]:
    """Oldest first."""
    return [order for order in reversed(desk.orders()) if order.purpose is Purpose.EXIT]


def at_price(desk: Desk, price: str) -> None:
    desk.venue.set_price("BTC/USDT", price)
    position_cycle(desk.worker)


def is_flat(desk: Desk) -> bool:
    """Closed, or less is left than the venue trades."""
    return desk.position().state is not PositionState.OPEN and desk.position().quantity < Decimal("0.00001")


def patient(desk: Desk) -> Desk:
    desk.worker.limits = replace(desk.worker.limits, limit_exit_s=PATIENCE_S)
    return desk


def resting_exit(desk: Desk) -> Order:
    """A take-profit that rests at 120, nothing of it filled; the stop is at 104.5."""
    patient(desk).enter(stop_loss_pct=5, take_profit_pct=5)
    desk.venue.fill_next("0")
    at_price(desk, "120")
    (order,) = exits(desk)
    assert (order.state, order.type, order.price) == (S.ACKED, OrderType.LIMIT, 120)
    return order


# Entries in the way


def test_an_entry_that_rests_is_cancelled_before_its_stop_sells_and_nothing_is_bought_after(desk: Desk) -> None:
    # Given an entry filled by half, the rest of it at the venue
    at(desk, MarketToLimit)
    desk.venue.fill_next("0.5")
    desk.enter(stop_loss_pct=5)
    (entry,) = desk.orders()
    assert entry.state is S.PARTIALLY_FILLED

    at_price(desk, "104")
    desk.venue.set_price("BTC/USDT", "90")
    resolve_cycle(desk.worker)
    position_cycle(desk.worker)

    sold, bought = desk.orders()
    assert (bought.state, bought.filled) == (S.CANCELED, entry.filled)
    assert (sold.state, sold.reason) == (S.FILLED, "stop_loss")
    assert is_flat(desk)
    assert desk.venue.calls["cancel"] == 1


def test_what_an_entry_buys_after_its_stop_was_hit_is_sold_too(desk: Desk) -> None:
    # Given an entry filled by half that the venue does not cancel
    at(desk, MarketToLimit)
    desk.venue.fill_next("0.5")
    desk.enter(stop_loss_pct=5)
    (entry,) = desk.orders()
    desk.venue.fail("cancel", Unclear("no answer"))
    at_price(desk, "104")
    assert exits(desk)[0].state is S.FILLED

    desk.venue.fill(entry.client_order_id)
    resolve_cycle(desk.worker)
    position_cycle(desk.worker)

    assert [order.state for order in exits(desk)] == [S.FILLED, S.FILLED]
    assert is_flat(desk)


# Patient exits


def test_a_gain_is_taken_at_the_price_of_then_while_it_lasts(desk: Desk) -> None:
    order = resting_exit(desk)
    assert desk.position().leaving is ExitReason.TAKE_PROFIT

    desk.venue.fill(order.client_order_id)
    resolve_cycle(desk.worker)

    assert [each.state for each in exits(desk)] == [S.FILLED]
    assert is_flat(desk)


def test_a_patient_exit_whose_time_is_up_goes_to_market_whatever_the_price_by_then(desk: Desk) -> None:
    resting_exit(desk)
    at_price(desk, "111")  # Below its target of 115.5, above its stop.
    assert len(exits(desk)) == 1

    desk.venue.advance(PATIENCE_S - 1)
    resolve_cycle(desk.worker)
    assert exits(desk)[0].state is S.ACKED
    desk.venue.advance(1)
    resolve_cycle(desk.worker)
    position_cycle(desk.worker)

    given_up, sold = exits(desk)
    assert (given_up.state, given_up.filled) == (S.CANCELED, 0)
    assert (sold.state, sold.type, sold.reason, sold.position_version) == (
        S.FILLED,
        OrderType.MARKET,
        "take_profit",
        1,
    )
    assert is_flat(desk)


def test_what_a_patient_exit_did_not_sell_in_its_time_is_sold_at_market(desk: Desk) -> None:
    order = resting_exit(desk)
    desk.venue.fill(order.client_order_id, quantity="4")
    resolve_cycle(desk.worker)
    assert desk.position().state is PositionState.OPEN

    desk.venue.advance(PATIENCE_S)
    resolve_cycle(desk.worker)
    position_cycle(desk.worker)

    assert [(each.state, each.filled) for each in exits(desk)] == [
        (S.CANCELED, 4),
        (S.FILLED, order.quantity - 4),
    ]
    assert is_flat(desk)


def test_a_stop_does_not_wait_for_a_patient_exit(desk: Desk) -> None:
    resting_exit(desk)

    at_price(desk, "104")

    given_up, sold = exits(desk)
    assert given_up.state is S.CANCELED
    assert (sold.state, sold.type, sold.reason) == (S.FILLED, OrderType.MARKET, "stop_loss")
    assert is_flat(desk)


def test_a_patient_exit_that_filled_as_its_stop_was_hit_has_sold_everything(desk: Desk) -> None:
    order = resting_exit(desk)
    desk.venue.fill(order.client_order_id)

    at_price(desk, "104")
    position_cycle(desk.worker)

    assert [each.state for each in exits(desk)] == [S.FILLED]
    assert len(desk.venue.placements) == 2
    assert is_flat(desk)


def test_a_cancel_whose_answer_was_lost_is_looked_up_and_the_stop_goes_on(desk: Desk) -> None:
    at(desk, LosesCancels)
    resting_exit(desk)

    at_price(desk, "104")

    assert [each.state for each in exits(desk)] == [S.CANCELED, S.FILLED]
    assert is_flat(desk)


def test_a_cancel_that_was_lost_itself_is_tried_again_and_nothing_is_sold_twice(desk: Desk) -> None:
    resting_exit(desk)
    desk.venue.fail("cancel", Unclear("the request was lost"))

    at_price(desk, "104")
    assert [each.state for each in exits(desk)] == [S.ACKED]
    position_cycle(desk.worker)

    assert [each.state for each in exits(desk)] == [S.CANCELED, S.FILLED]
    assert is_flat(desk)


def test_a_patient_exit_whose_time_is_up_is_cancelled_until_the_venue_has_heard_it(desk: Desk) -> None:
    resting_exit(desk)
    desk.venue.advance(PATIENCE_S)
    desk.venue.fail("cancel", Unclear("the request was lost"))

    resolve_cycle(desk.worker)
    position_cycle(desk.worker)
    assert [each.state for each in exits(desk)] == [S.ACKED]
    resolve_cycle(desk.worker)
    position_cycle(desk.worker)

    assert [each.state for each in exits(desk)] == [S.CANCELED, S.FILLED]
    assert is_flat(desk)


# Until nothing is held


@pytest.mark.parametrize("venue", [FakeExchange, MarketToLimit])
def test_an_exit_that_the_venue_refuses_is_tried_again_until_nothing_is_held(
    desk: Desk, venue: type[FakeExchange]
) -> None:
    at(desk, venue).enter(stop_loss_pct=5)
    desk.venue.fail("submit", Rejected("maintenance"), times=3)

    at_price(desk, "104")
    for _ in range(5):
        at_price(desk, "110")  # Above the stop again: it is left all the same.

    assert [(each.state, each.position_version) for each in exits(desk)] == [
        (S.REJECTED, 0),
        (S.REJECTED, 1),
        (S.REJECTED, 2),
        (S.FILLED, 3),
    ]
    assert exits(desk)[-1].reason == "stop_loss"
    assert is_flat(desk)


def test_an_exit_filled_in_part_that_the_venue_ended_sells_the_rest(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.fill_next("0.5")

    at_price(desk, "104")
    assert (exits(desk)[0].state, desk.position().state) == (S.EXPIRED, PositionState.OPEN)
    at_price(desk, "110")

    assert [each.state for each in exits(desk)] == [S.EXPIRED, S.FILLED]
    assert is_flat(desk)


def test_an_exit_put_off_by_the_budget_is_not_planned_twice(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.fail("permit", Throttled("no budget"), times=3)

    for _ in range(3):
        at_price(desk, "104")
    resolve_cycle(desk.worker)
    resolve_cycle(desk.worker)
    resolve_cycle(desk.worker)

    assert [each.state for each in exits(desk)] == [S.FILLED]
    assert is_flat(desk)


def test_a_stop_is_done_only_once_its_fills_are_there(desk: Desk) -> None:
    # Given a venue that says "filled" before it shows the trades
    venue = at(desk, SlowTrades).venue
    assert isinstance(venue, SlowTrades)
    desk.enter(stop_loss_pct=5)
    venue.are_trades_shown = False

    at_price(desk, "104")
    for _ in range(3):
        resolve_cycle(desk.worker)
        position_cycle(desk.worker)
    assert [each.state for each in exits(desk)] == [S.ACKED]
    assert desk.position().state is PositionState.OPEN
    venue.are_trades_shown = True
    resolve_cycle(desk.worker)

    assert [each.state for each in exits(desk)] == [S.FILLED]
    assert len(venue.placements) == 2
    assert is_flat(desk)
