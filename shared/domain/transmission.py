"""What one transmission of an order may become. Pure; called on rows that the transaction has locked."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.domain.bots import Bot, Desired
from shared.domain.gate import Gate
from shared.domain.orders import Order, OrderState, Permit, Purpose, checked_transition
from shared.domain.portfolio import Account
from shared.domain.risk import Denial, Limits, halt
from shared.domain.values import ZERO


@dataclass(frozen=True, slots=True)
class Standing:
    """What an order is held against in the transaction that commits SENDING."""

    bot: Bot
    account: Account
    gate: Gate = field(default_factory=Gate)


def sending(order: Order, standing: Standing, permit: Permit, now: datetime, limits: Limits) -> Order:
    """The planned `order` as SENDING under `permit`; an entry that may not go any more is DENIED or EXPIRED.

    Unchanged where it has to wait: the signature has grown too old, or the account of an entry is not reconciled.
    """
    refusal = _refusal(order, standing, limits, now)
    if refusal is not None:
        return _ended(order, refused_state(refusal), refusal, now)
    valid_until = datetime.fromtimestamp(permit.valid_until_ms / 1000, tz=UTC)
    if now >= valid_until or (order.purpose is Purpose.ENTRY and not standing.gate.is_reconciled):
        return order
    return replace(
        order,
        state=checked_transition(order.state, OrderState.SENDING),
        attempt=order.attempt + 1,
        updated_at=now,
        valid_until=valid_until,
        not_found_count=0,
        not_found_at=None,
        doubt_since=None,
    )


def absent(order: Order, now: datetime) -> Order:
    """`order` proved never to have reached the venue."""
    state = checked_transition(order.state, OrderState.NOT_PLACED)
    return replace(order, state=state, not_found_count=order.not_found_count + 1, updated_at=now, doubt_since=None)


def after_absence(order: Order, bot: Bot, now: datetime) -> Order:
    """A NOT_PLACED `order` planned once more, or EXPIRED where it is an entry that came too late."""
    refusal = entry_refusal(order, bot, now)
    if refusal is not None:
        return _ended(order, OrderState.EXPIRED, refusal, now)
    state = checked_transition(order.state, OrderState.PLANNED)
    return replace(order, state=state, not_found_count=0, not_found_at=None, lease_until=None)


def entry_refusal(order: Order, bot: Bot, now: datetime) -> Denial | None:
    """Why an entry is not to be sent any more; an exit always is."""
    if order.purpose is not Purpose.ENTRY:
        return None
    if not bot.may_enter:
        return no_entry(bot)
    if order.created_at < bot.trades_from:
        return Denial.CLOSED_BEFORE_START  # Planned before the bot was paused or stopped, and let run again.
    is_late = order.expires_at is not None and now >= order.expires_at
    return Denial.SIGNAL_EXPIRED if is_late else None


def refused_state(refusal: Denial) -> OrderState:
    return OrderState.EXPIRED if refusal is Denial.SIGNAL_EXPIRED else OrderState.DENIED


def no_entry(bot: Bot) -> Denial:
    return Denial.PAUSED if bot.desired is Desired.PAUSED else Denial.NOT_RUNNING


def _refusal(order: Order, standing: Standing, limits: Limits, now: datetime) -> Denial | None:
    if order.purpose is not Purpose.ENTRY:
        return None
    return entry_refusal(order, standing.bot, now) or standing.gate.refusal or halt(standing.account, limits)


def _ended(order: Order, state: OrderState, reason: Denial, now: datetime) -> Order:
    return replace(
        order, state=checked_transition(order.state, state), reason=reason.value, reserved=ZERO, updated_at=now
    )
