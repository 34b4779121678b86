"""What one transaction writes of a report, a failure or a denial."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.events import EventType
from shared.domain.orders import OrderState
from shared.domain.positions import PositionState, Protection
from shared.domain.recording import (
    Held,
    Moved,
    as_dust,
    effects_of_report,
    events_of_denial,
    position_events,
    unsold,
)
from shared.domain.risk import Denial
from shared.domain.values import Side
from tests.builders import NOON, a_bot, a_buy, a_decision, a_market, a_position, an_exit, an_order, no_position

LATER = NOON + timedelta(seconds=1)
HELD = Held(no_position(), Protection(stop_loss_frac=Decimal("0.02")), a_market())


def test_a_first_fill_opens_a_position_moves_money_and_tells_all_of_it() -> None:
    sending = an_order(state=OrderState.SENDING)
    filled = replace(sending, state=OrderState.FILLED, filled=Decimal(1), average_price=Decimal(100), updated_at=LATER)

    effects = effects_of_report(a_bot(), sending, filled, [a_buy("1", "100", "0.1")], HELD, LATER)

    assert effects.order.position_id == "p1"
    assert effects.position is not None
    assert (effects.position.quantity, effects.position.stop_loss) == (1, 98)
    assert effects.moved == Moved(cash=Decimal("-100.1"), fees=Decimal("0.1"))
    assert sum(line.amount for line in effects.lines) == 0
    assert [event.type for event in effects.events] == [
        EventType.ORDER_FILLED,
        EventType.ORDER_CHANGED,
        EventType.POSITION_OPENED,
    ]


def test_a_report_that_brings_nothing_new_writes_nothing_but_its_order() -> None:
    acked = an_order(state=OrderState.ACKED)

    effects = effects_of_report(a_bot(), acked, acked, [], None, LATER)

    assert (effects.position, effects.lines, effects.moved, effects.events) == (None, (), Moved(), ())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (PositionState.OPEN, PositionState.OPEN, []),
        (PositionState.OPEN, PositionState.CLOSED, [EventType.POSITION_CLOSED]),
        (PositionState.OPEN, PositionState.DUST, [EventType.POSITION_CLOSED]),
        (PositionState.CLOSED, PositionState.OPEN, [EventType.POSITION_OPENED]),
        (PositionState.DUST, PositionState.DUST, []),
    ],
)
def test_a_position_tells_when_it_opens_and_closes(
    before: PositionState, after: PositionState, told: list[EventType]
) -> None:
    events = position_events(a_position(state=before), a_position(state=after), "stop_loss", LATER)

    assert [event.type for event in events] == told


def test_an_exit_that_sold_nothing_makes_room_for_the_next_though_its_market_is_gone() -> None:
    rejected = an_exit(state=OrderState.REJECTED)

    assert unsold(a_position(), rejected, a_market(), LATER).version == 1
    assert unsold(a_position(), rejected, None, LATER).version == 1


def test_dust_is_closed_and_keeps_what_it_holds() -> None:
    dust = as_dust(a_position(), LATER)

    assert (dust.state, dust.quantity, dust.lots, dust.closed_at) == (PositionState.DUST, 1, 0, LATER)


@pytest.mark.parametrize(
    ("denial", "last", "told"),
    [
        (Denial.ALREADY_IN_POSITION, None, []),
        (Denial.INSUFFICIENT_CASH, None, [EventType.SIGNAL_DENIED]),
        (Denial.DRAWDOWN_LIMIT, None, [EventType.TRADING_HALTED, EventType.SIGNAL_DENIED]),
        (Denial.DRAWDOWN_LIMIT, "drawdown_limit", [EventType.SIGNAL_DENIED]),
        (Denial.DRAWDOWN_LIMIT, "daily_loss_limit", [EventType.TRADING_HALTED, EventType.SIGNAL_DENIED]),
    ],
)
def test_a_halt_is_told_once(denial: Denial, last: str | None, told: list[EventType]) -> None:
    assert [event.type for event in events_of_denial(a_decision(), denial, last, LATER)] == told


def test_no_one_hears_of_a_sale_that_was_not_made() -> None:
    assert events_of_denial(a_decision(Side.SELL), Denial.INSUFFICIENT_CASH, None, LATER) == []
