"""What one transmission of an order may become."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.bots import Bot, Desired
from shared.domain.gate import Gate
from shared.domain.orders import IllegalTransition, OrderState, Permit
from shared.domain.risk import Denial
from shared.domain.transmission import Standing, absent, after_absence, sending
from shared.domain.values import ZERO
from tests.builders import NOON, a_bot, an_account, an_exit, an_order, ms, some_limits

PERMIT = Permit(signed_at_ms=ms(NOON), valid_until_ms=ms(NOON) + 5000)
PLANNED = an_order(state=OrderState.PLANNED, expires_at=NOON + timedelta(minutes=1), attempt=0)
FRESH = Permit(signed_at_ms=ms(NOON) + 60_000, valid_until_ms=ms(NOON) + 65_000)
LATE = NOON + timedelta(minutes=1)


def standing(bot: Bot, **changes: Any) -> Standing:
    return replace(Standing(bot, an_account()), **changes)


def test_a_planned_order_is_sent_under_its_permit() -> None:
    sent = sending(PLANNED, standing(a_bot()), PERMIT, NOON, some_limits())

    assert (sent.state, sent.attempt) == (OrderState.SENDING, 1)
    assert sent.valid_until == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("desired", "denial"), [(Desired.PAUSED, Denial.PAUSED), (Desired.STOPPED, Denial.NOT_RUNNING)]
)
def test_an_entry_of_a_bot_that_no_longer_enters_is_denied(desired: Desired, denial: Denial) -> None:
    refused = sending(PLANNED, standing(a_bot(desired=desired)), PERMIT, NOON, some_limits())

    assert (refused.state, refused.reason, refused.reserved) == (OrderState.DENIED, denial, ZERO)


def test_an_entry_expires_at_the_very_moment() -> None:
    before = sending(PLANNED, standing(a_bot()), FRESH, LATE - timedelta(microseconds=1), some_limits())
    after = sending(PLANNED, standing(a_bot()), FRESH, LATE, some_limits())

    assert before.state is OrderState.SENDING
    assert (after.state, after.reason) == (OrderState.EXPIRED, Denial.SIGNAL_EXPIRED)


@pytest.mark.parametrize("desired", Desired)
def test_an_exit_is_sent_whatever_its_bot_is_asked_to_do(desired: Desired) -> None:
    order = an_exit(state=OrderState.PLANNED)

    assert sending(order, standing(a_bot(desired=desired)), FRESH, LATE, some_limits()).state is OrderState.SENDING


def test_a_signature_that_has_grown_too_old_is_not_worth_its_bytes() -> None:
    order = an_exit(state=OrderState.PLANNED)

    assert sending(order, standing(a_bot()), PERMIT, NOON + timedelta(seconds=5), some_limits()) is order


def test_an_entry_waits_for_its_accounts_reconciliation_and_an_exit_does_not() -> None:
    held_back = standing(a_bot(), gate=Gate(is_reconciled=False))

    assert sending(PLANNED, held_back, PERMIT, NOON, some_limits()) is PLANNED
    leaving = sending(an_exit(state=OrderState.PLANNED), held_back, PERMIT, NOON, some_limits())
    assert leaving.state is OrderState.SENDING


@pytest.mark.parametrize(
    ("changes", "denial"),
    [
        ({"gate": Gate(has_drift=True)}, Denial.ACCOUNT_DRIFT),
        ({"gate": Gate(has_quarantined=True)}, Denial.ORDER_QUARANTINED),
        ({"account": an_account(peak_equity=Decimal(20_000))}, Denial.DRAWDOWN_LIMIT),
        ({"account": an_account(day_start_equity=Decimal(11_000))}, Denial.DAILY_LOSS_LIMIT),
    ],
)
def test_what_has_changed_since_it_was_planned_stops_an_entry_and_no_exit(
    changes: dict[str, Any], denial: Denial
) -> None:
    entry = sending(PLANNED, standing(a_bot(), **changes), PERMIT, NOON, some_limits())
    leaving = sending(an_exit(state=OrderState.PLANNED), standing(a_bot(), **changes), PERMIT, NOON, some_limits())

    assert (entry.state, entry.reason) == (OrderState.DENIED, denial)
    assert leaving.state is OrderState.SENDING


def test_an_entry_planned_before_its_bot_was_let_run_again_is_not_sent() -> None:
    bot = a_bot(trades_from=NOON + timedelta(seconds=1))

    refused = sending(PLANNED, standing(bot), PERMIT, NOON + timedelta(seconds=2), some_limits())

    assert (refused.state, refused.reason) == (OrderState.DENIED, Denial.CLOSED_BEFORE_START)


def test_an_order_proved_absent_is_planned_once_more_with_nothing_counted() -> None:
    sent = sending(PLANNED, standing(a_bot()), PERMIT, NOON, some_limits())

    gone = absent(sent, NOON)
    again = after_absence(gone, a_bot(), NOON)

    assert (gone.state, gone.not_found_count) == (OrderState.NOT_PLACED, 1)
    assert (again.state, again.attempt, again.not_found_count) == (OrderState.PLANNED, 1, 0)


def test_an_absent_entry_that_came_too_late_expires_and_frees_its_cash() -> None:
    gone = absent(sending(PLANNED, standing(a_bot()), PERMIT, NOON, some_limits()), LATE)

    late = after_absence(gone, a_bot(), LATE)
    paused = after_absence(gone, a_bot(desired=Desired.PAUSED), NOON)

    assert (late.state, late.reason, late.reserved) == (OrderState.EXPIRED, Denial.SIGNAL_EXPIRED, ZERO)
    assert (paused.state, paused.reason) == (OrderState.EXPIRED, Denial.PAUSED)


def test_an_order_that_the_venue_has_cannot_be_proved_absent() -> None:
    with pytest.raises(IllegalTransition):
        absent(an_order(state=OrderState.FILLED), NOON)
