"""The order's state machine, edge by edge, and the identity of an intent."""

import re

import pytest

from shared.domain.orders import (
    IN_FLIGHT,
    RESTING,
    TERMINAL,
    TRANSITIONS,
    IllegalTransition,
    OrderState,
    checked_transition,
    client_order_id,
)
from shared.domain.values import Side
from tests.builders import an_order

S = OrderState

# Written out a second time, on purpose: an edge that appears in the table must be meant here too.
LEGAL = {
    (S.PLANNED, S.SENDING),
    (S.PLANNED, S.DENIED),
    (S.PLANNED, S.EXPIRED),
    (S.SENDING, S.PLANNED),
    (S.SENDING, S.ACKED),
    (S.SENDING, S.PARTIALLY_FILLED),
    (S.SENDING, S.FILLED),
    (S.SENDING, S.CANCELED),
    (S.SENDING, S.EXPIRED),
    (S.SENDING, S.REJECTED),
    (S.SENDING, S.UNKNOWN),
    (S.SENDING, S.NOT_PLACED),
    (S.SENDING, S.QUARANTINED),
    (S.UNKNOWN, S.ACKED),
    (S.UNKNOWN, S.PARTIALLY_FILLED),
    (S.UNKNOWN, S.FILLED),
    (S.UNKNOWN, S.CANCELED),
    (S.UNKNOWN, S.EXPIRED),
    (S.UNKNOWN, S.REJECTED),
    (S.UNKNOWN, S.NOT_PLACED),
    (S.UNKNOWN, S.QUARANTINED),
    (S.NOT_PLACED, S.PLANNED),
    (S.NOT_PLACED, S.EXPIRED),
    (S.ACKED, S.PARTIALLY_FILLED),
    (S.ACKED, S.FILLED),
    (S.ACKED, S.CANCELED),
    (S.ACKED, S.EXPIRED),
    (S.PARTIALLY_FILLED, S.FILLED),
    (S.PARTIALLY_FILLED, S.CANCELED),
    (S.PARTIALLY_FILLED, S.EXPIRED),
    (S.QUARANTINED, S.ACKED),
    (S.ACKED, S.QUARANTINED),
    (S.PARTIALLY_FILLED, S.QUARANTINED),
    (S.QUARANTINED, S.PARTIALLY_FILLED),
    (S.QUARANTINED, S.FILLED),
    (S.QUARANTINED, S.CANCELED),
    (S.QUARANTINED, S.EXPIRED),
    (S.QUARANTINED, S.NOT_PLACED),
}
ILLEGAL = {(before, after) for before in S for after in S if before is not after} - LEGAL
ENDS = {S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED, S.DENIED}


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(S)


@pytest.mark.parametrize(("before", "after"), sorted(LEGAL))
def test_a_legal_edge_is_taken(before: OrderState, after: OrderState) -> None:
    assert checked_transition(before, after) is after


@pytest.mark.parametrize(("before", "after"), sorted(ILLEGAL))
def test_any_other_edge_is_refused_by_name(before: OrderState, after: OrderState) -> None:
    with pytest.raises(IllegalTransition, match=f"^{before} → {after}$"):
        checked_transition(before, after)


@pytest.mark.parametrize("state", list(S))
def test_an_answer_that_repeats_changes_nothing(state: OrderState) -> None:
    assert checked_transition(state, state) is state


def test_an_order_ends_filled_canceled_expired_rejected_or_denied() -> None:
    assert TERMINAL == ENDS
    assert {state for state in S if an_order(state=state).is_finished} == ENDS


@pytest.mark.parametrize("state", sorted(set(S) - ENDS))
def test_every_order_can_still_come_to_an_end(state: OrderState) -> None:
    # Given every state that can be reached from here
    reached = {state}
    while True:
        further = reached.union(*(TRANSITIONS[each] for each in reached))
        if further == reached:
            break
        reached = further

    assert reached & ENDS


def test_what_may_be_on_the_venue_is_never_planned_again_without_proof() -> None:
    # Unclear, acknowledged or quarantined orders reach PLANNED only by way of NOT_PLACED.
    again = {before for before in S if S.PLANNED in TRANSITIONS[before]}

    assert again == {S.SENDING, S.NOT_PLACED}


def test_nothing_is_sent_but_what_is_planned() -> None:
    assert {before for before in S if S.SENDING in TRANSITIONS[before]} == {S.PLANNED}


def test_in_flight_resting_and_ended_orders_are_told_apart() -> None:
    kinds = (IN_FLIGHT, RESTING, TERMINAL)

    assert len(frozenset.union(*kinds)) == sum(len(kind) for kind in kinds)


def test_a_client_order_id_is_the_same_in_every_version() -> None:
    # Changing it would make orders of a running system look like strangers' after an upgrade.
    assert client_order_id("paper", "default|1|s1|BTC/USDT|1h|1767610800000", Side.BUY) == "b42rfwu6m6zubdirsv3q3ixyjd"
    assert client_order_id("paper", "p1|0", Side.SELL) == "b53yxwtgtdckfthdnmdmal6j4r"


def test_a_client_order_id_differs_in_account_intent_side_and_leg() -> None:
    ids = [
        client_order_id("paper", "p1|0", Side.SELL),
        client_order_id("live", "p1|0", Side.SELL),
        client_order_id("paper", "p1|1", Side.SELL),
        client_order_id("paper", "p1|0", Side.BUY),
        client_order_id("paper", "p1|0", Side.SELL, leg=1),
    ]

    assert len(set(ids)) == len(ids)


def test_client_order_ids_are_26_lower_case_alphanumerics_and_distinct() -> None:
    ids = {client_order_id("paper", f"p{n}|0", Side.SELL) for n in range(2_000)}

    assert len(ids) == 2_000
    assert all(re.fullmatch(r"[a-z0-9]{26}", each) for each in ids)
