"""What an order becomes while the venue does not say what happened to it. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.orders import IN_FLIGHT, Order, OrderState, Placement, checked_transition
from shared.domain.transmission import absent
from shared.domain.values import ZERO

# Two healthy answers, so far apart, are more than a replica that lags.
NOT_FOUND_GAP = timedelta(seconds=3)
QUARANTINE_AFTER = timedelta(minutes=15)


def not_found(order: Order, at: datetime, placement: Placement) -> Order:
    """`order` after a healthy "no such order": NOT_PLACED by the second, where the venue can prove it.

    One that the venue has known before, or that no signature fences, is not proved absent by that: it stays in doubt.
    """
    if not _is_proof(order, placement):
        return unanswered(order, at)
    if order.not_found_at is None:
        return replace(order, not_found_count=1, not_found_at=at, doubt_since=order.doubt_since or at)
    return absent(order, at) if at - order.not_found_at >= NOT_FOUND_GAP else order


def unanswered(order: Order, at: datetime) -> Order:
    """`order` after a look-up that told nothing: in doubt, and QUARANTINED after a quarter of an hour of it."""
    if order.doubt_since is None:
        return replace(order, doubt_since=at)
    if order.state is OrderState.QUARANTINED or at - order.doubt_since < QUARANTINE_AFTER:
        return order
    return quarantined(order, at)


def quarantined(order: Order, at: datetime) -> Order:
    """Its entries halt, an exit of it blocks the next one: proof, or a person, settles it."""
    state = checked_transition(order.state, OrderState.QUARANTINED)
    return replace(order, state=state, updated_at=at, doubt_since=order.doubt_since or at)


def _is_proof(order: Order, placement: Placement) -> bool:
    was_never_there = order.exchange_order_id is None and order.filled == ZERO
    return placement.can_prove_absence and was_never_there and order.state in IN_FLIGHT | {OrderState.QUARANTINED}
