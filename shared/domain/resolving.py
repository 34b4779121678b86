"""What an unfinished order needs next. Pure; the cycle carries it out."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.bots import Bot
from shared.domain.orders import IN_FLIGHT, RESTING, Order, OrderState, Purpose
from shared.domain.transmission import entry_refusal

SEND_GRACE = timedelta(seconds=2)  # The worker that planned it is probably sending it now.
LOOK_UP_GRACE = timedelta(seconds=5)  # Past the signature's end, for clocks and slow networks.
NOT_FOUND_GAP_S = 3.0


class Step(StrEnum):
    SEND = "send"
    REFUSE = "refuse"
    LOOK_UP = "look_up"
    FOLLOW = "follow"
    CANCEL = "cancel"
    WAIT = "wait"


def next_step(order: Order, bot: Bot, now: datetime) -> Step:
    """`now` is the exchange's clock. A signed request is looked up only once the venue would refuse it."""
    if order.state is OrderState.PLANNED:
        if now < order.updated_at + SEND_GRACE:
            return Step.WAIT
        return Step.SEND if entry_refusal(order, bot, now) is None else Step.REFUSE
    if order.state in IN_FLIGHT:
        is_fenced = order.valid_until is None or now > order.valid_until + LOOK_UP_GRACE
        return Step.LOOK_UP if is_fenced else Step.WAIT
    if order.state not in RESTING:
        return Step.WAIT
    return Step.CANCEL if order.purpose is Purpose.ENTRY and not bot.may_enter else Step.FOLLOW
