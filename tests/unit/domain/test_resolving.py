"""What an unfinished order needs next, state by state and at each boundary."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.bots import Bot, Desired
from shared.domain.orders import TERMINAL, Order, OrderState, Placement
from shared.domain.resolving import Step, in_turn, next_step
from tests.builders import MS, NOON, a_bot, an_exit, an_order

S = OrderState
SECOND = timedelta(seconds=1)
RUNNING = a_bot()
PAUSED = a_bot(desired=Desired.PAUSED)
STOPPING = a_bot(desired=Desired.STOPPED, is_stopping=True)


def test_what_is_planned_is_to_be_sent_by_whoever_may_take_it() -> None:
    assert next_step(an_order(updated_at=NOON), RUNNING, NOON, Placement()) is Step.SEND


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


@pytest.mark.parametrize("state", sorted(TERMINAL | {S.NOT_PLACED}))
def test_what_has_ended_needs_nothing(state: OrderState) -> None:
    late = NOON + 3600 * SECOND

    assert next_step(an_order(state=state, valid_until=NOON), PAUSED, late, Placement()) is Step.WAIT


def test_what_is_quarantined_is_asked_for_further_and_never_sent() -> None:
    order = an_order(state=S.QUARANTINED, valid_until=NOON)

    assert next_step(order, RUNNING, NOON + 3600 * SECOND, Placement()) is Step.LOOK_UP


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
def test_a_venue_that_can_not_be_asked_leaves_the_order_to_a_person(state: OrderState) -> None:
    order, venue = an_order(state=state, valid_until=NOON), Placement(has_window=False, finds_by_client_id=False)

    assert next_step(order, RUNNING, NOON, venue) is Step.WAIT
    assert next_step(order, RUNNING, NOON + 6 * SECOND, venue) is Step.QUARANTINE
    assert next_step(replace(order, state=S.QUARANTINED), RUNNING, NOON + 6 * SECOND, venue) is Step.WAIT


def test_a_limit_exit_whose_time_is_up_is_cancelled() -> None:
    order = an_exit(state=S.ACKED, expires_at=NOON)

    assert next_step(order, RUNNING, NOON - MS, Placement()) is Step.FOLLOW
    assert next_step(order, RUNNING, NOON, Placement()) is Step.CANCEL


def many(state: OrderState, number: int = 20) -> list[Order]:
    return [an_order(client_order_id=f"b{place}", state=state) for place in range(number)]


def test_exits_are_sent_before_anything_is_asked_and_entries_after() -> None:
    entry, exit_, lost, resting = an_order(), an_exit(), an_order(state=S.UNKNOWN), an_exit(state=S.ACKED)

    assert in_turn([entry, resting, lost, exit_], 0) == [exit_, lost, resting, entry]


def test_each_order_is_looked_after_once_in_each_turn() -> None:
    orders = many(S.ACKED) + many(S.UNKNOWN)

    for turn in range(30):
        found = in_turn(orders, turn)
        assert len(found) == len(orders)
        assert all(each in found for each in orders)


@pytest.mark.parametrize("state", [S.UNKNOWN, S.ACKED, S.QUARANTINED])
def test_where_calls_run_out_no_order_waits_for_ever(state: OrderState) -> None:
    # Given calls for five of twenty in each turn
    orders, asked = many(state), dict.fromkeys((f"b{place}" for place in range(20)), 0)

    for turn in range(1_000, 1_040):
        for order in in_turn(orders, turn)[:5]:
            asked[order.client_order_id] += 1

    # Then each was asked for about as often as any other
    assert min(asked.values()) >= 8
