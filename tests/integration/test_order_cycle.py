"""One effect: whatever the venue answers, or does not, an order has one effect and one end."""

from decimal import Decimal

from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.orders import OrderState
from tests.support.trading_desk import Desk
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle


def test_a_lost_reply_is_looked_up_and_never_sent_again(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross()
    assert desk.orders()[0].state is OrderState.UNKNOWN

    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.UNKNOWN  # The signature is still good: nobody knows yet.
    desk.venue.advance(11)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 1


def test_an_unclear_submit_is_counted_until_one_is_answered(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "100")
    desk.venue.fail("submit", Unclear("the request was lost"))
    position_cycle(desk.worker)

    unclear = desk.worker.services.state.vitals("binance", desk.now())
    assert (unclear.consecutive_errors, unclear.error_counts) == (1, {"Unclear": 1})
    for _ in range(4):
        desk.venue.advance(11)
        resolve_cycle(desk.worker)

    answered = desk.worker.services.state.vitals("binance", desk.now())
    assert desk.orders()[0].state is OrderState.FILLED
    assert (answered.consecutive_errors, answered.error_counts) == (0, {"Unclear": 1})


def test_an_error_in_a_look_up_is_no_answer(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross()
    desk.venue.advance(11)
    desk.venue.fail("report", ExchangeDown("no answer"), times=3)

    for _ in range(3):
        resolve_cycle(desk.worker)
        desk.venue.advance(4)

    assert desk.orders()[0].state is OrderState.UNKNOWN
    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.FILLED


def test_an_order_proved_absent_twice_is_not_left_behind(desk: Desk) -> None:
    desk.venue.fail("submit", Unclear("the request was lost"))
    desk.cross()
    desk.venue.advance(11)

    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.UNKNOWN  # Once is not proof.
    desk.venue.advance(4)
    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.PLANNED
    desk.venue.advance(3)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 1


def test_an_absent_entry_past_its_candle_expires(desk: Desk) -> None:
    desk.venue.fail("submit", Unclear("the request was lost"))
    desk.cross()
    desk.venue.advance(61)

    resolve_cycle(desk.worker)
    desk.venue.advance(4)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.EXPIRED
    assert desk.venue.placements == []


def test_an_exit_proved_absent_is_sent_until_it_is_done(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "100")
    desk.venue.fail("submit", Unclear("the request was lost"))
    position_cycle(desk.worker)
    for _ in range(4):
        desk.venue.advance(11)
        resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 2


def test_a_refusal_for_certain_ends_the_order_with_its_reason(desk: Desk) -> None:
    desk.venue.fail("submit", Rejected("no money", reason="insufficient_funds"))
    desk.cross()

    (order,) = desk.orders()
    assert (order.state, order.reason) == (OrderState.REJECTED, "insufficient_funds")
    account = desk.worker.services.queries.account("default")
    assert account is not None
    assert account.reserved == 0


def test_a_rejected_exit_is_tried_again_as_a_new_one(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "100")
    desk.venue.fail("submit", Rejected("maintenance"))
    position_cycle(desk.worker)

    position_cycle(desk.worker)

    newest, refused = desk.orders()[:2]
    assert (newest.state, refused.state) == (OrderState.FILLED, OrderState.REJECTED)
    assert newest.client_order_id != refused.client_order_id


def test_an_order_put_off_by_the_budget_is_sent_later(desk: Desk) -> None:
    desk.venue.fail("permit", Throttled("no budget"))
    desk.cross()
    assert desk.orders()[0].state is OrderState.PLANNED

    desk.venue.advance(3)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED


def test_an_entry_that_is_too_late_ends_without_a_permit(desk: Desk) -> None:
    # Given a budget that stays used up
    desk.venue.fail("permit", Throttled("no budget"), times=9)
    desk.cross()
    asked = desk.venue.calls["permit"]

    desk.venue.advance(61)
    resolve_cycle(desk.worker)

    (order,) = desk.orders()
    assert (order.state, order.reason, order.reserved) == (OrderState.EXPIRED, "signal_expired", 0)
    assert desk.venue.calls["permit"] == asked


def test_a_partial_fill_that_the_venue_ends_is_held_for_what_it_is(desk: Desk) -> None:
    desk.venue.fill_next("0.5")

    held = desk.enter()

    assert desk.orders()[0].state is OrderState.EXPIRED
    assert held.quantity == Decimal("1.81818") / 2 * Decimal("0.999")


def test_a_vanished_order_is_an_answer_only_when_the_venue_says_so(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross()
    desk.venue.advance(11)
    desk.venue.fail("report", OrderUnknown("not here yet"))

    resolve_cycle(desk.worker)
    desk.venue.advance(4)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 1
    assert desk.orders()[0].attempt == 1
