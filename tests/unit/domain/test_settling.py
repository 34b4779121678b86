"""What an order's end leaves of a position: lots, state and version."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.orders import Order, OrderState
from shared.domain.planning import plan_exit
from shared.domain.positions import ExitReason, Position, PositionState, Protection, folded, settled
from shared.domain.values import ZERO
from tests.builders import (
    HOUR,
    NOON,
    a_bot,
    a_buy,
    a_market,
    a_position,
    a_quote,
    a_sell,
    an_exit,
    an_order,
    no_position,
)

D = Decimal
NONE = Protection()


def entered(position: Position, quantity: str, filled: str, lots: int = 1, price: str = "100") -> Position:
    """`position` after an entry for `quantity`, of which `filled` came, has ended."""
    if D(filled):
        position = folded(position, a_buy(filled, price), NONE)
    return settled(position, _ended(an_order(quantity=D(quantity), lots=lots), filled, price), a_market(), NOON)


def left(position: Position, lots: int | None = None, frac: str = "1", price: str = "100") -> Position:
    """`position` after an exit planned for it, of which the part `frac` was filled, has ended."""
    order = plan_exit(a_bot(), position, ExitReason.SIGNAL, a_quote(price), lots)
    assert isinstance(order, Order), order
    filled = str(order.quantity * D(frac))
    if D(filled):
        position = folded(position, a_sell(filled, price), NONE)
    return settled(position, _ended(order, filled, price), a_market(), NOON)


def _ended(order: Order, filled: str, price: str) -> Order:
    done = D(filled) == order.quantity
    return replace(
        order,
        state=OrderState.FILLED if done else OrderState.EXPIRED,
        filled=D(filled),
        average_price=D(price) if D(filled) else None,
    )


# Entries


def test_a_filled_entry_opens_its_lots() -> None:
    position = entered(no_position(), "3", "3", lots=3)

    assert (position.state, position.lots, position.quantity) == (PositionState.OPEN, 3, D(3))
    assert (position.version, position.closed_at) == (0, None)


@pytest.mark.parametrize(("filled", "lots"), [("0.5", 1), ("1", 1), ("1.2", 2), ("2.999", 3)])
def test_an_entry_filled_in_part_takes_every_level_that_it_touched(filled: str, lots: int) -> None:
    assert entered(no_position(), "3", filled, lots=3).lots == lots


def test_lots_of_several_entries_add_up() -> None:
    assert entered(entered(no_position(), "1", "1"), "2", "2", lots=2).lots == 3


def test_an_entry_that_was_never_filled_leaves_nothing_open() -> None:
    position = entered(no_position(), "1", "0")

    assert (position.state, position.lots, position.closed_at) == (PositionState.CLOSED, 0, NOON)


def test_an_entry_that_was_never_filled_leaves_what_was_held_before() -> None:
    before = a_position(lots=2)

    assert entered(before, "1", "0") == before


def test_an_entry_that_brings_less_than_the_venue_sells_is_dust_and_blocks_nothing() -> None:
    # Given a lot step of 0.001, of which a fee in base takes a part
    position = folded(no_position(), a_buy("0.001", "100000", fee="0.000001", fee_currency="BTC"), NONE)

    position = settled(position, _ended(an_order(quantity=D(1)), "0.001", "100000"), a_market(), NOON)

    assert (position.state, position.lots, position.closed_at) == (PositionState.DUST, 0, NOON)


def test_an_entry_that_brings_less_than_the_smallest_notional_is_dust() -> None:
    # Given 0.04 × 100 = 4 USDT, where the venue takes no order below 5
    assert entered(no_position(), "1", "0.04").state is PositionState.DUST


def test_a_whole_entry_at_a_slightly_lower_price_than_planned_is_no_dust() -> None:
    # Given an entry worth exactly the smallest notional when planned, then filled a little below
    assert entered(no_position(), "0.05", "0.05", price="99.99").state is PositionState.OPEN


# Exits


def test_a_filled_exit_closes_the_position() -> None:
    position = left(a_position(lots=3))

    assert (position.state, position.lots, position.quantity) == (PositionState.CLOSED, 0, ZERO)
    assert position.closed_at == NOON


@pytest.mark.parametrize("frac", ["0", "0.5"])
def test_an_exit_that_leaves_something_leaves_it_open_at_a_new_version(frac: str) -> None:
    position = left(a_position(), frac=frac)

    assert (position.state, position.version, position.closed_at) == (PositionState.OPEN, 1, None)
    assert position.quantity == 1 - D(frac)


def test_what_is_left_below_a_lot_step_is_dust() -> None:
    # Given 0.9995 held on a grid of 0.001
    position = left(a_position(quantity=D("0.9995")))

    assert (position.state, position.quantity, position.lots) == (PositionState.DUST, D("0.0005"), 0)
    assert position.closed_at == NOON


def test_what_is_left_below_the_smallest_quantity_is_dust() -> None:
    market = a_market(min_quantity=D("0.01"))
    held = folded(a_position(quantity=D(1)), a_sell("0.991", "1000"), NONE)
    order = an_exit(filled=D("0.991"), average_price=D(1000))

    assert settled(held, order, market, NOON).state is PositionState.DUST


def test_what_is_left_at_the_smallest_quantity_and_notional_is_still_watched() -> None:
    # Given 0.050 left, worth 5 USDT, on a venue that sells no less than either
    held = folded(a_position(), a_sell("0.95", "100"), NONE)
    order = an_exit(quantity=D(1), filled=D("0.95"), average_price=D(100))

    position = settled(held, order, a_market(min_quantity=D("0.05"), min_notional=D(5)), NOON)

    assert (position.state, position.lots, position.quantity) == (PositionState.OPEN, 1, D("0.05"))


def test_what_a_partial_exit_leaves_below_the_smallest_notional_is_dust() -> None:
    # Given 0.04 left, worth 4 USDT, where the venue takes no order below 5: it would be refused for ever.
    assert left(a_position(), frac="0.96").state is PositionState.DUST


@pytest.mark.parametrize("frac", ["0", "0.5", "0.9995", "1"])
def test_no_exit_reuses_the_id_of_one_that_ended(frac: str) -> None:
    # Given an exit that ended, whatever became of it
    before = a_position()
    first = plan_exit(a_bot(), before, ExitReason.STOP_LOSS, a_quote())
    after = left(before, frac=frac)

    # When something is held again, by a late fill where need be
    again = plan_exit(a_bot(), folded(after, a_buy("1", "100"), NONE), ExitReason.STOP_LOSS, a_quote())

    assert isinstance(first, Order)
    assert isinstance(again, Order)
    assert first.client_order_id != again.client_order_id


def test_a_late_fill_of_an_ended_entry_is_open_once_settled() -> None:
    # Given a position that its exit had closed, and a fill of its entry that comes after
    closed = left(a_position())
    late = folded(closed, a_buy("1", "100"), NONE)

    position = settled(late, an_exit(filled=D(1), average_price=D(100)), a_market(), NOON + HOUR)

    assert (position.state, position.closed_at) == (PositionState.OPEN, None)
    assert position.lots >= 1


# Grid lots


def test_grid_exits_leave_lot_by_lot_until_nothing_is_left() -> None:
    position = entered(no_position(), "3", "3", lots=3)
    seen = []

    for _ in range(3):
        position = left(position, lots=1)
        seen.append((position.lots, position.quantity, position.state.value))

    assert seen == [(2, D(2), "open"), (1, D(1), "open"), (0, D(0), "closed")]


def test_what_rounding_keeps_back_leaves_with_the_last_lot() -> None:
    # Given 1.000 in 3 lots on a grid of 0.001: a third is 0.333…
    position = a_position(quantity=D(1), lots=3)
    quantities = []

    while position.state is PositionState.OPEN:
        before = position.quantity
        position = left(position, lots=1)
        quantities.append(before - position.quantity)

    assert quantities == [D("0.333"), D("0.333"), D("0.334")]
    assert position.state is PositionState.CLOSED


def test_a_lot_sold_in_part_still_holds_its_level() -> None:
    # Given 5 lots; when 3 are to be sold and half of that comes: 1 whole lot and a half are gone
    position = left(a_position(quantity=D(5), cost=D(500), lots=5), lots=3, frac="0.5")

    assert (position.quantity, position.lots) == (D("3.5"), 4)


def test_a_full_exit_that_hardly_filled_frees_no_level() -> None:
    # A grid that counted them free would buy beyond its full position.
    assert left(a_position(quantity=D(5), cost=D(500), lots=5), frac="0.1").lots == 5


def test_a_position_that_is_open_has_a_lot() -> None:
    # Given all lots sold, and something held after all
    late = folded(a_position(), a_buy("1", "100"), NONE)

    position = settled(late, an_exit(quantity=D(1), filled=D(1), average_price=D(100)), a_market(), NOON)

    assert (position.state, position.lots) == (PositionState.OPEN, 1)
