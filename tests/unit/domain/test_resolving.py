"""What an unfinished order needs next, state by state and at each boundary."""

from datetime import timedelta

import pytest

from shared.domain.bots import Bot, Desired
from shared.domain.orders import TERMINAL, OrderState, Placement
from shared.domain.resolving import Step, next_step
from tests.builders import MS, NOON, a_bot, an_exit, an_order

S = OrderState
SECOND = timedelta(seconds=1)
RUNNING = a_bot()
PAUSED = a_bot(desired=Desired.PAUSED)
STOPPING = a_bot(desired=Desired.STOPPED, is_stopping=True)


@pytest.mark.parametrize(
    ("age", "step"),
    [(0 * SECOND, Step.WAIT), (2 * SECOND - MS, Step.WAIT), (2 * SECOND, Step.SEND), (3600 * SECOND, Step.SEND)],
)
def test_a_planned_order_is_left_to_its_planner_for_two_seconds(age: timedelta, step: Step) -> None:
    assert next_step(an_order(updated_at=NOON), RUNNING, NOON + age, Placement()) is step


def test_an_order_planned_again_waits_from_then_on() -> None:
    order = an_order(created_at=NOON - 60 * SECOND, updated_at=NOON)

    assert next_step(order, RUNNING, NOON + SECOND, Placement()) is Step.WAIT


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
def test_what_may_be_on_its_way_is_looked_up_only_once_the_venue_would_refuse_it(state: OrderState) -> None:
    # Given a signature that ends at noon, and five seconds for clocks and slow networks
    order = an_order(state=state, valid_until=NOON)

    assert next_step(order, RUNNING, NOON + 5 * SECOND, Placement()) is Step.WAIT
    assert next_step(order, RUNNING, NOON + 5 * SECOND + MS, Placement()) is Step.LOOK_UP


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
def test_what_was_never_signed_is_looked_up_at_once(state: OrderState) -> None:
    assert next_step(an_order(state=state), RUNNING, NOON, Placement()) is Step.LOOK_UP


@pytest.mark.parametrize("bot", [RUNNING, PAUSED, STOPPING])
@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
def test_what_may_be_on_its_way_is_never_sent_again(state: OrderState, bot: Bot) -> None:
    steps = {
        next_step(an_order(state=state, valid_until=NOON), bot, NOON + n * SECOND, Placement()) for n in range(-10, 60)
    }

    assert steps == {Step.WAIT, Step.LOOK_UP}


@pytest.mark.parametrize("state", [S.ACKED, S.PARTIALLY_FILLED])
def test_what_rests_is_followed_and_an_entry_is_cancelled_once_the_bot_may_not_enter(state: OrderState) -> None:
    entry, leaving = an_order(state=state), an_exit(state=state)

    assert [next_step(entry, bot, NOON, Placement()) for bot in (RUNNING, PAUSED, STOPPING)] == [
        Step.FOLLOW,
        Step.CANCEL,
        Step.CANCEL,
    ]
    assert [next_step(leaving, bot, NOON, Placement()) for bot in (RUNNING, PAUSED, STOPPING)] == [Step.FOLLOW] * 3


@pytest.mark.parametrize("state", sorted(TERMINAL | {S.QUARANTINED, S.NOT_PLACED}))
def test_what_has_ended_or_waits_for_a_person_needs_nothing(state: OrderState) -> None:
    late = NOON + 3600 * SECOND

    assert next_step(an_order(state=state, valid_until=NOON), PAUSED, late, Placement()) is Step.WAIT
