"""What one transmission of an order may become. Pure; called on rows that the transaction has locked."""

from dataclasses import replace
from datetime import UTC, datetime

from shared.domain.bots import Bot, Desired
from shared.domain.orders import Order, OrderState, Permit, Purpose, checked_transition
from shared.domain.risk import Denial
from shared.domain.values import ZERO


def sending(order: Order, bot: Bot, permit: Permit, now: datetime) -> Order:
    """The planned `order` as SENDING under `permit`; an entry that came too late is DENIED or EXPIRED instead."""
    refusal = entry_refusal(order, bot, now)
    if refusal is not None:
        return _ended(order, refused_state(refusal), refusal, now)
    return replace(
        order,
        state=checked_transition(order.state, OrderState.SENDING),
        attempt=order.attempt + 1,
        updated_at=now,
        valid_until=datetime.fromtimestamp(permit.valid_until_ms / 1000, tz=UTC),
        not_found_count=0,
        not_found_at=None,
    )


def absent(order: Order, now: datetime) -> Order:
    """`order` proved never to have reached the venue."""
    state = checked_transition(order.state, OrderState.NOT_PLACED)
    return replace(order, state=state, not_found_count=order.not_found_count + 1, updated_at=now)


def after_absence(order: Order, bot: Bot, now: datetime) -> Order:
    """A NOT_PLACED `order` planned once more, or EXPIRED where it is an entry that came too late."""
    refusal = entry_refusal(order, bot, now)
    if refusal is not None:
        return _ended(order, OrderState.EXPIRED, refusal, now)
    return replace(
        order, state=checked_transition(order.state, OrderState.PLANNED), not_found_count=0, not_found_at=None
    )


def entry_refusal(order: Order, bot: Bot, now: datetime) -> Denial | None:
    """Why an entry is not to be sent any more; an exit always is."""
    if order.purpose is not Purpose.ENTRY:
        return None
    if not bot.may_enter:
        return no_entry(bot)
    is_late = order.expires_at is not None and now >= order.expires_at
    return Denial.SIGNAL_EXPIRED if is_late else None


def refused_state(refusal: Denial) -> OrderState:
    return OrderState.EXPIRED if refusal is Denial.SIGNAL_EXPIRED else OrderState.DENIED


def no_entry(bot: Bot) -> Denial:
    return Denial.PAUSED if bot.desired is Desired.PAUSED else Denial.NOT_RUNNING


def _ended(order: Order, state: OrderState, reason: Denial, now: datetime) -> Order:
    return replace(
        order, state=checked_transition(order.state, state), reason=reason.value, reserved=ZERO, updated_at=now
    )
