"""What one transmission of an order may become."""

from datetime import timedelta

import pytest

from shared.domain.bots import Desired
from shared.domain.orders import IllegalTransition, OrderState, Permit
from shared.domain.risk import Denial
from shared.domain.transmission import absent, after_absence, sending
from shared.domain.values import ZERO
from tests.builders import NOON, a_bot, an_exit, an_order, ms

PERMIT = Permit(signed_at_ms=ms(NOON), valid_until_ms=ms(NOON) + 5000)
PLANNED = an_order(state=OrderState.PLANNED, expires_at=NOON + timedelta(minutes=1), attempt=0)
LATE = NOON + timedelta(minutes=1)


def test_a_planned_order_is_sent_under_its_permit() -> None:
    sent = sending(PLANNED, a_bot(), PERMIT, NOON)

    assert (sent.state, sent.attempt) == (OrderState.SENDING, 1)
    assert sent.valid_until == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("desired", "denial"), [(Desired.PAUSED, Denial.PAUSED), (Desired.STOPPED, Denial.NOT_RUNNING)]
)
def test_an_entry_of_a_bot_that_no_longer_enters_is_denied(desired: Desired, denial: Denial) -> None:
    refused = sending(PLANNED, a_bot(desired=desired), PERMIT, NOON)

    assert (refused.state, refused.reason, refused.reserved) == (OrderState.DENIED, denial, ZERO)


def test_an_entry_expires_at_the_very_moment() -> None:
    before = sending(PLANNED, a_bot(), PERMIT, LATE - timedelta(microseconds=1))
    after = sending(PLANNED, a_bot(), PERMIT, LATE)

    assert before.state is OrderState.SENDING
    assert (after.state, after.reason) == (OrderState.EXPIRED, Denial.SIGNAL_EXPIRED)


@pytest.mark.parametrize("desired", Desired)
def test_an_exit_is_sent_whatever_its_bot_is_asked_to_do(desired: Desired) -> None:
    order = an_exit(state=OrderState.PLANNED)

    assert sending(order, a_bot(desired=desired), PERMIT, LATE).state is OrderState.SENDING


def test_an_order_proved_absent_is_planned_once_more_with_nothing_counted() -> None:
    sent = sending(PLANNED, a_bot(), PERMIT, NOON)

    gone = absent(sent, NOON)
    again = after_absence(gone, a_bot(), NOON)

    assert (gone.state, gone.not_found_count) == (OrderState.NOT_PLACED, 1)
    assert (again.state, again.attempt, again.not_found_count) == (OrderState.PLANNED, 1, 0)


def test_an_absent_entry_that_came_too_late_expires_and_frees_its_cash() -> None:
    gone = absent(sending(PLANNED, a_bot(), PERMIT, NOON), LATE)

    late = after_absence(gone, a_bot(), LATE)
    paused = after_absence(gone, a_bot(desired=Desired.PAUSED), NOON)

    assert (late.state, late.reason, late.reserved) == (OrderState.EXPIRED, Denial.SIGNAL_EXPIRED, ZERO)
    assert (paused.state, paused.reason) == (OrderState.EXPIRED, Denial.PAUSED)


def test_an_order_that_the_venue_has_cannot_be_proved_absent() -> None:
    with pytest.raises(IllegalTransition):
        absent(an_order(state=OrderState.FILLED), NOON)
