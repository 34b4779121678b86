"""What an unfinished order needs next. Pure; the cycle carries it out."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.bots import Bot
from shared.domain.orders import IN_FLIGHT, RESTING, Order, OrderState, Placement, Purpose
from shared.domain.transmission import entry_refusal

LOOK_UP_GRACE = timedelta(seconds=5)  # Past the signature's end, for clocks and slow networks.


class Step(StrEnum):
    SEND = "send"
    REFUSE = "refuse"
    LOOK_UP = "look_up"
    FOLLOW = "follow"
    CANCEL = "cancel"
    QUARANTINE = "quarantine"
    WAIT = "wait"


def next_step(order: Order, bot: Bot, now: datetime, placement: Placement) -> Step:
    """`now` is the exchange's clock. A signed request is looked up only once the venue would refuse it."""
    if order.state is OrderState.PLANNED:
        return Step.SEND if entry_refusal(order, bot, now) is None else Step.REFUSE
    if order.state in IN_FLIGHT:
        is_fenced = order.valid_until is None or now > order.valid_until + LOOK_UP_GRACE
        return _question(placement, Step.QUARANTINE) if is_fenced else Step.WAIT
    if order.state is OrderState.QUARANTINED:
        return _question(placement, Step.WAIT)
    if order.state not in RESTING:
        return Step.WAIT
    return Step.CANCEL if _is_unwanted(order, bot, now) else Step.FOLLOW


def _question(placement: Placement, otherwise: Step) -> Step:
    return Step.LOOK_UP if placement.finds_by_client_id else otherwise


def _is_unwanted(order: Order, bot: Bot, now: datetime) -> bool:
    """An entry that its bot would not make any more; a limit exit whose time is up, and which goes to market next."""
    if order.purpose is Purpose.ENTRY:
        return not bot.may_enter
    return order.expires_at is not None and now >= order.expires_at
