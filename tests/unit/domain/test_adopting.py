"""Whose an order is that the record does not know."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.adopting import Candidates, adoption, is_ours
from shared.domain.orders import Order, OrderState, OrderType, Purpose
from shared.domain.planning import plan, plan_exit
from shared.domain.positions import ExitReason, Position
from shared.domain.values import Side
from shared.domain.venue import VenueOrder
from tests.builders import (
    HOUR,
    NOON,
    a_bot,
    a_decision,
    a_desk,
    a_grid,
    a_position,
    a_quote,
    a_subscription,
    some_limits,
)
from tests.builders_accounts import a_venue_order

EVERYBODY = Candidates(
    strategies=((a_bot(id="other"), a_subscription(id="s0", bot_id="other")), (a_bot(), a_subscription())),
    positions=((a_bot(), a_position(id="p0")), (a_bot(), a_position())),
)


def _planned(**changes: object) -> Order:
    """What the record would have planned, had it not been lost."""
    order = plan(a_decision(**changes), a_desk(bot=a_bot(run=changes.get("run", 1))), a_quote(), some_limits())
    assert isinstance(order, Order)
    return order


def _exit(position: Position) -> Order:
    order = plan_exit(a_bot(), position, ExitReason.STOP_LOSS, a_quote())
    assert isinstance(order, Order)
    return order


def _at_the_venue(order: Order, at: datetime = NOON + timedelta(seconds=1)) -> VenueOrder:
    return a_venue_order(
        client_order_id=order.client_order_id, side=order.side, quantity=order.quantity, type=order.type.value, at=at
    )


def test_an_entry_is_found_by_the_candle_that_it_answered() -> None:
    planned = _planned()

    found = adoption(_at_the_venue(planned), EVERYBODY)

    assert found is not None
    assert found.decision == replace(a_decision(), reason="adopted")
    order = found.order
    assert (order.client_order_id, order.bot_id, order.strategy_id) == (planned.client_order_id, "default", "s1")
    assert (order.purpose, order.side, order.type) == (Purpose.ENTRY, Side.BUY, OrderType.MARKET)
    assert (order.state, order.attempt, order.exchange_order_id) == (OrderState.SENDING, 1, "7")
    assert (order.quantity, order.reserved, order.valid_until) == (planned.quantity, 0, None)


@pytest.mark.parametrize(("after", "is_found"), [(0, True), (59, True), (119, True), (60 * 24, False), (-120, False)])
def test_only_candles_around_the_orders_time_can_have_been_meant(after: int, is_found: bool) -> None:
    listed = _at_the_venue(_planned(), at=NOON + timedelta(minutes=after))

    assert (adoption(listed, EVERYBODY) is not None) is is_found


def test_a_start_that_the_record_has_missed_is_a_run_ahead() -> None:
    found = adoption(_at_the_venue(_planned(run=3)), EVERYBODY)

    assert found is not None
    assert found.decision is not None
    assert found.decision.run == 3


def test_a_grids_entry_counts_as_all_its_levels() -> None:
    grid = a_grid(levels=10)
    planned = plan(
        a_decision(subscription=grid, lots=2), a_desk(subscription=grid), a_quote(), some_limits(risk_frac=Decimal(1))
    )
    assert isinstance(planned, Order)

    found = adoption(_at_the_venue(planned), Candidates(strategies=((a_bot(), grid),)))

    assert found is not None
    assert found.order.lots == 5


@pytest.mark.parametrize("version", [0, 1, 19])
def test_an_exit_is_found_by_its_position_and_version(version: int) -> None:
    planned = _exit(a_position(version=version))

    found = adoption(_at_the_venue(planned), EVERYBODY)

    assert found is not None
    assert found.decision is None
    order = found.order
    assert (order.purpose, order.position_id, order.position_version) == (Purpose.EXIT, "p1", version)
    assert (order.client_order_id, order.lots) == (planned.client_order_id, 1)


def test_a_part_that_was_sold_counts_the_lots_that_it_is_nearest_to() -> None:
    held = a_position(quantity=Decimal("0.998"), lots=5)
    planned = _exit(held)

    found = adoption(replace(_at_the_venue(planned), quantity=Decimal("0.4")), Candidates(positions=((a_bot(), held),)))

    assert found is not None
    assert found.order.lots == 2


def test_an_order_on_another_market_is_nobodys() -> None:
    assert adoption(replace(_at_the_venue(_planned()), symbol="ETH/USDT"), EVERYBODY) is None
    assert adoption(replace(_at_the_venue(_exit(a_position())), symbol="ETH/USDT"), EVERYBODY) is None


def test_another_accounts_bot_is_no_candidate() -> None:
    live = Candidates(strategies=((a_bot(account="live"), a_subscription()),))

    assert adoption(_at_the_venue(_planned()), live) is None
    assert adoption(_at_the_venue(_planned(), at=NOON + HOUR), EVERYBODY) is not None


@pytest.mark.parametrize(
    ("client_id", "ours"),
    [
        (_planned().client_order_id, True),
        ("b" + "2" * 25, True),
        ("b" + "2" * 24, False),
        ("b" + "1" * 25, False),
        ("B" + "2" * 25, False),
        ("x" + "2" * 25, False),
        ("", False),
        ("web_b" + "2" * 25, False),
    ],
)
def test_our_ids_have_a_form_of_their_own(client_id: str, ours: bool) -> None:
    assert is_ours(client_id) is ours
