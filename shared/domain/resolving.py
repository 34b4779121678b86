"""What an unfinished order needs next. Pure; the cycle carries it out."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.bots import Bot
from shared.domain.orders import IN_FLIGHT, RESTING, Order, OrderState, Placement, Purpose
from shared.domain.transmission import entry_refusal

LOOK_UP_GRACE = timedelta(seconds=5)  # Past the signature's end, for clocks and slow networks.
# Multiples of it, less their whole part, fall evenly over 0 to 1, however many there are.
_GOLDEN = 0.6180339887498949


class Step(StrEnum):
    SEND = "send"
    REFUSE = "refuse"
    LOOK_UP = "look_up"
    FOLLOW = "follow"
    CANCEL = "cancel"
    QUARANTINE = "quarantine"
    WAIT = "wait"


def in_turn(orders: Iterable[Order], turn: int) -> list[Order]:
    """`orders` as they are to be looked after: exits to be sent, what may be on its way, the rest, entries to be sent.

    Budget or time may run out in each `turn`: another order goes first in it, or the last would never be asked for.
    """
    ranked: dict[int, list[Order]] = {}
    for order in orders:
        ranked.setdefault(_rank(order), []).append(order)
    return [order for _, group in sorted(ranked.items()) for order in _turned(group, turn)]


def _rank(order: Order) -> int:
    if order.state is OrderState.PLANNED:
        return 3 if order.purpose is Purpose.ENTRY else 0
    return 1 if order.state in IN_FLIGHT else 2


def _turned(group: list[Order], turn: int) -> list[Order]:
    first = int(turn * _GOLDEN % 1 * len(group))
    return group[first:] + group[:first]


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
