"""What an order becomes while its venue does not say what happened to it."""

from datetime import timedelta

import pytest

from shared.domain.doubting import NOT_FOUND_GAP, QUARANTINE_AFTER, not_found, quarantined, unanswered
from shared.domain.orders import IllegalTransition, OrderState, Placement
from shared.domain.transmission import absent
from tests.builders import MS, NOON, an_order

S = OrderState
PROVES = Placement()
NO_WINDOW = Placement(has_window=False)
NO_QUERY = Placement(finds_by_client_id=False)
LATE = NOON + QUARANTINE_AFTER


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN, S.QUARANTINED])
def test_two_absences_far_enough_apart_are_proof(state: OrderState) -> None:
    once = not_found(an_order(state=state), NOON, PROVES)

    too_soon = not_found(once, NOON + NOT_FOUND_GAP - MS, PROVES)
    proved = not_found(once, NOON + NOT_FOUND_GAP, PROVES)

    assert (once.state, once.doubt_since, once.not_found_count) == (state, NOON, 1)
    assert too_soon == once
    assert (proved.state, proved.doubt_since) == (S.NOT_PLACED, None)


def test_an_absence_keeps_the_beginning_of_the_doubt() -> None:
    doubted = unanswered(an_order(state=S.UNKNOWN), NOON)

    assert not_found(doubted, NOON + timedelta(minutes=5), PROVES).doubt_since == NOON


@pytest.mark.parametrize("placement", [NO_WINDOW, NO_QUERY, Placement(False, False)])
@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
def test_a_venue_that_can_not_prove_absence_never_does(state: OrderState, placement: Placement) -> None:
    order = an_order(state=state)

    for seconds in range(0, 3600, 30):
        order = not_found(order, NOON + timedelta(seconds=seconds), placement)

    assert (order.state, order.not_found_count) == (S.QUARANTINED, 0)


@pytest.mark.parametrize("known", [{"exchange_order_id": "venue-1"}, {"filled": 1}])
@pytest.mark.parametrize("state", [S.ACKED, S.PARTIALLY_FILLED, S.QUARANTINED, S.UNKNOWN])
def test_what_the_venue_has_known_is_not_proved_absent_by_its_forgetting(
    state: OrderState, known: dict[str, object]
) -> None:
    order = an_order(state=state, **known)

    for moment in (NOON, NOON + NOT_FOUND_GAP, LATE):
        order = not_found(order, moment, PROVES)

    assert order.state is S.QUARANTINED


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN, S.ACKED, S.PARTIALLY_FILLED])
def test_a_quarter_of_an_hour_without_an_answer_ends_in_quarantine(state: OrderState) -> None:
    doubted = unanswered(an_order(state=state), NOON)

    assert (doubted.state, doubted.doubt_since) == (state, NOON)
    assert unanswered(doubted, LATE - MS) == doubted
    after = unanswered(doubted, LATE)
    assert (after.state, after.updated_at, after.doubt_since) == (S.QUARANTINED, LATE, NOON)


def test_what_is_quarantined_stays_so_without_an_answer() -> None:
    order = an_order(state=S.QUARANTINED, doubt_since=NOON)

    assert unanswered(order, LATE + QUARANTINE_AFTER) is order


def test_an_order_can_be_quarantined_at_once() -> None:
    after = quarantined(an_order(state=S.SENDING), NOON)

    assert (after.state, after.doubt_since) == (S.QUARANTINED, NOON)


@pytest.mark.parametrize("state", [S.PLANNED, S.FILLED, S.REJECTED])
def test_what_never_left_or_has_ended_is_in_no_doubt(state: OrderState) -> None:
    with pytest.raises(IllegalTransition):
        quarantined(an_order(state=state), NOON)


def test_proof_ends_the_doubt() -> None:
    assert absent(an_order(state=S.QUARANTINED, doubt_since=NOON), LATE).doubt_since is None
