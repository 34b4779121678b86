"""The five states, their precedence and their boundaries."""

from datetime import timedelta

import pytest

from shared.domain.bots import Bot, Desired, PausedBy
from shared.domain.health import (
    UNRESOLVED_AFTER,
    BreakerState,
    Doubts,
    HealthStatus,
    Vitals,
    doubts,
    is_due_to_pause,
    status,
)
from shared.domain.orders import OrderState
from tests.builders import HOUR, MS, NOON, a_bot, an_order

RUNNING = a_bot(updated_at=NOON - HOUR)
FRESH = Vitals(last_success_at=NOON)
SECOND = timedelta(seconds=1)


def test_a_bot_never_started_is_stopped() -> None:
    assert status(None, FRESH, NOON) is HealthStatus.STOPPED


def test_the_gravest_state_is_shown_first() -> None:
    # Given a bot for which every state holds; each step takes away the one that was shown
    sick = Vitals(last_success_at=NOON - HOUR, consecutive_errors=10)
    failing = Vitals(last_success_at=NOON, consecutive_errors=10)
    steps: list[tuple[Bot, Vitals, HealthStatus]] = [
        (a_bot(desired=Desired.STOPPED, updated_at=NOON - HOUR), sick, HealthStatus.STOPPED),
        (a_bot(desired=Desired.PAUSED, updated_at=NOON - HOUR), sick, HealthStatus.PAUSED),
        (RUNNING, sick, HealthStatus.UNHEALTHY),
        (RUNNING, failing, HealthStatus.DEGRADED),
        (RUNNING, FRESH, HealthStatus.HEALTHY),
    ]

    assert [status(bot, vitals, NOON) for bot, vitals, _ in steps] == [expected for *_, expected in steps]


def test_a_bot_that_flattens_is_shown_as_stopped() -> None:
    bot = a_bot(desired=Desired.STOPPED, is_stopping=True)

    assert status(bot, FRESH, NOON) is HealthStatus.STOPPED


def test_a_pause_by_the_system_is_a_pause() -> None:
    bot = a_bot(desired=Desired.PAUSED, paused_by=PausedBy.SYSTEM)

    assert status(bot, Vitals(consecutive_errors=10), NOON) is HealthStatus.PAUSED


@pytest.mark.parametrize(
    ("age_s", "shown"),
    [(299, HealthStatus.HEALTHY), (300, HealthStatus.UNHEALTHY), (301, HealthStatus.UNHEALTHY)],
)
def test_five_minutes_without_an_update_are_unhealthy(age_s: int, shown: HealthStatus) -> None:
    assert status(RUNNING, Vitals(last_success_at=NOON - age_s * SECOND), NOON) is shown


def test_a_start_counts_as_an_update_for_five_minutes() -> None:
    # Given a bot that has just started, on an exchange whose last update is an hour old, or missing
    for vitals in (Vitals(), Vitals(last_success_at=NOON - HOUR)):
        assert status(a_bot(updated_at=NOON - 299 * SECOND), vitals, NOON) is HealthStatus.HEALTHY
        assert status(a_bot(updated_at=NOON - 300 * SECOND), vitals, NOON) is HealthStatus.UNHEALTHY


@pytest.mark.parametrize(("errors", "shown"), [(4, HealthStatus.HEALTHY), (5, HealthStatus.DEGRADED)])
def test_five_errors_in_a_row_are_degraded(errors: int, shown: HealthStatus) -> None:
    assert status(RUNNING, Vitals(NOON, errors), NOON) is shown


@pytest.mark.parametrize(("errors", "is_due"), [(0, False), (9, False), (10, True), (11, True)])
def test_ten_errors_in_a_row_are_due_to_pause(errors: int, is_due: bool) -> None:
    assert is_due_to_pause(errors) is is_due


@pytest.mark.parametrize("breaker", [BreakerState.OPEN, BreakerState.HALF_OPEN])
def test_calls_held_back_are_degraded_however_few_errors_were_counted(breaker: BreakerState) -> None:
    assert status(RUNNING, Vitals(last_success_at=NOON, breaker=breaker), NOON) is HealthStatus.DEGRADED


def test_an_order_in_quarantine_degrades_a_bot_that_is_well_otherwise() -> None:
    found = Doubts(quarantined=("b1",))

    assert status(RUNNING, FRESH, NOON, found) is HealthStatus.DEGRADED
    assert status(RUNNING, FRESH, NOON, Doubts(unresolved=("b1",))) is HealthStatus.HEALTHY
    assert status(a_bot(desired=Desired.PAUSED), FRESH, NOON, found) is HealthStatus.PAUSED


@pytest.mark.parametrize("state", [OrderState.SENDING, OrderState.UNKNOWN])
def test_what_is_asked_for_longer_than_a_minute_is_unresolved(state: OrderState) -> None:
    order = an_order(state=state, updated_at=NOON)

    assert doubts([order], NOON + UNRESOLVED_AFTER - MS) == Doubts()
    assert doubts([order], NOON + UNRESOLVED_AFTER) == Doubts(unresolved=(order.client_order_id,))


def test_what_rests_is_unresolved_only_while_the_venue_does_not_answer_for_it() -> None:
    resting = an_order(state=OrderState.ACKED, updated_at=NOON - HOUR)
    silent = an_order(client_order_id="b1", state=OrderState.ACKED, doubt_since=NOON - UNRESOLVED_AFTER)

    assert doubts([resting, silent], NOON) == Doubts(unresolved=("b1",))


def test_orders_in_quarantine_are_named_in_their_order_and_those_that_wait_to_be_sent_are_not() -> None:
    one, two = (an_order(client_order_id=name, state=OrderState.QUARANTINED) for name in ("b1", "b2"))

    assert doubts([one, an_order(updated_at=NOON - HOUR), two], NOON) == Doubts(quarantined=("b1", "b2"))
