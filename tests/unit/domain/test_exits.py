"""How a position is left: at once, or first at the price of now, and until nothing is held."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.folding import reopened
from shared.domain.orders import Order, OrderState
from shared.domain.planning import plan, plan_exit
from shared.domain.positions import ExitReason, Position, PositionState, left_by, settled
from shared.domain.risk import Denial
from shared.domain.values import OrderType, Side
from tests.builders import NOON, a_bot, a_decision, a_desk, a_grid, a_market, a_position, a_quote, an_exit, some_limits

D = Decimal
PATIENT = [ExitReason.TAKE_PROFIT, ExitReason.SIGNAL]
URGENT = [ExitReason.FLATTEN, ExitReason.STOP_LOSS, ExitReason.TRAILING_STOP]


def planned(reason: ExitReason, position: Position | None = None, price: str = "100", **how: int) -> Order:
    order = plan_exit(a_bot(), position or a_position(), reason, a_quote(price), **{"limit_exit_s": 30, **how})
    assert isinstance(order, Order)
    return order


@pytest.mark.parametrize("reason", PATIENT)
def test_an_exit_in_no_hurry_rests_at_the_price_of_now_for_its_time(reason: ExitReason) -> None:
    order = planned(reason, price="100.005")

    assert (order.type, order.price) == (OrderType.LIMIT, D("100.01"))  # Not below: up to the tick.
    assert order.expires_at == NOON + timedelta(seconds=30)


@pytest.mark.parametrize("reason", URGENT)
def test_a_loss_is_cut_at_market(reason: ExitReason) -> None:
    order = planned(reason)

    assert (order.type, order.price, order.expires_at) == (OrderType.MARKET, None, None)


@pytest.mark.parametrize("reason", PATIENT)
def test_no_exit_rests_unless_it_is_wished_for(reason: ExitReason) -> None:
    assert planned(reason, limit_exit_s=0).type is OrderType.MARKET


def test_only_the_first_try_rests() -> None:
    assert planned(ExitReason.TAKE_PROFIT, a_position(leaving=ExitReason.TAKE_PROFIT)).type is OrderType.MARKET


def test_a_part_is_sold_at_market_since_nobody_would_sell_what_it_left() -> None:
    grid = a_position(lots=4)

    assert planned(ExitReason.SIGNAL, grid, lots=1).type is OrderType.MARKET
    assert planned(ExitReason.SIGNAL, grid, lots=4).type is OrderType.LIMIT


def test_without_a_bid_nothing_can_rest() -> None:
    assert planned(ExitReason.TAKE_PROFIT, price="0").type is OrderType.MARKET


def test_a_sell_signal_is_in_no_hurry_either() -> None:
    limits = replace(some_limits(), limit_exit_s=30)

    order = plan(a_decision(Side.SELL), a_desk(position=a_position()), a_quote(), limits)

    assert isinstance(order, Order)
    assert order.type is OrderType.LIMIT


@pytest.mark.parametrize("reason", list(ExitReason))
def test_a_whole_exit_is_kept_up_until_nothing_is_held_and_a_part_is_not(reason: ExitReason) -> None:
    grid = a_position(lots=4)

    assert left_by(grid, planned(reason, grid)).leaving is reason
    assert left_by(grid, planned(reason, grid, lots=3)).leaving is None


def test_nothing_is_bought_into_what_is_being_left() -> None:
    # Given a grid that could buy four levels more, and whose stop was hit
    held = a_position(lots=1, leaving=ExitReason.STOP_LOSS)

    refused = plan(a_decision(), a_desk(subscription=a_grid(10), position=held), a_quote(), some_limits())

    assert refused is Denial.ORDER_IN_FLIGHT


def test_an_exit_that_sold_a_part_leaves_the_position_to_be_left() -> None:
    leaving = a_position(leaving=ExitReason.STOP_LOSS, quantity=D("0.4"))
    order = an_exit(state=OrderState.EXPIRED, filled=D("0.6"), average_price=D(90))

    after = settled(leaving, order, a_market(), NOON)

    assert (after.state, after.leaving, after.version) == (PositionState.OPEN, ExitReason.STOP_LOSS, 1)


def test_what_a_late_fill_brings_back_is_left_too() -> None:
    leaving = a_position(leaving=ExitReason.STOP_LOSS, quantity=D(0))

    closed = settled(leaving, an_exit(state=OrderState.FILLED, filled=D(1)), a_market(), NOON)

    assert closed.state is PositionState.CLOSED
    assert reopened(closed).leaving is ExitReason.STOP_LOSS
