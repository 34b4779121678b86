"""What a look at an account comes to."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.adopting import Candidates
from shared.domain.orders import Order, OrderState
from shared.domain.reconciling import (
    NO_DRIFT,
    Books,
    Conclusion,
    Drift,
    Known,
    Look,
    Revision,
    Sum,
    Verdict,
    concluded,
    unanswered,
    unknown_orders,
)
from shared.domain.values import Side
from tests.builders import NOON, an_order
from tests.builders_accounts import a_drift, a_look, a_venue_order, a_venue_trade, some_books

S, V = OrderState, Verdict
OURS = "b" + "2" * 25
MORE = {"USDT": Decimal(1250)}


def conclude(
    look: Look | None = None, books: Books | None = None, known: Known | None = None, **after: Any
) -> Conclusion:
    books = books or some_books()
    return concluded(books, look or a_look(), known or Known(), Candidates(), replace(books, **after))


def _own(**changes: Any) -> Order:
    return an_order(client_order_id=OURS, exchange_order_id="7", **changes)


# Comparing


def test_what_agrees_is_clean_and_explained_up_to_a_moment_before() -> None:
    found = conclude()

    assert (found.verdict, found.drift, found.openings) == (V.CLEAN, NO_DRIFT, {})
    assert found.explained_until == NOON - timedelta(seconds=10)


@pytest.mark.parametrize(
    ("suspected", "confirmed", "verdict"),
    [
        (NO_DRIFT, NO_DRIFT, V.INCONCLUSIVE),
        (a_drift("250"), NO_DRIFT, V.DRIFT),
        (NO_DRIFT, a_drift("250"), V.DRIFT),
        (a_drift("250.00000001"), NO_DRIFT, V.DRIFT),
        (a_drift("249"), NO_DRIFT, V.INCONCLUSIVE),
        (a_drift("250", "BTC"), NO_DRIFT, V.INCONCLUSIVE),
        (Drift(strays=(a_venue_order(),)), NO_DRIFT, V.INCONCLUSIVE),
    ],
)
def test_a_difference_counts_once_two_looks_in_a_row_have_found_it(
    suspected: Drift, confirmed: Drift, verdict: Verdict
) -> None:
    found = conclude(a_look(balances=MORE), some_books(suspected=suspected, confirmed=confirmed))

    assert found.verdict is verdict
    assert found.drift == a_drift("250")
    assert found.explained_until is None


def test_what_the_venue_rounds_is_no_difference() -> None:
    books = some_books(booked={"USDT": Sum(Decimal("-0.00000003"), lines=3)})

    assert conclude(a_look(), books).verdict is V.CLEAN
    assert conclude(a_look(balances={"USDT": Decimal("1000.00000002")}), books).drift.differences


def test_an_asset_without_an_opening_gets_what_is_found_beyond_the_books() -> None:
    books = some_books(openings={}, booked={"BTC": Sum(Decimal(2), 1)})

    found = conclude(a_look(balances={"USDT": Decimal(700), "BTC": Decimal(5), "DOGE": Decimal(9)}), books)

    assert found.verdict is V.CLEAN
    assert found.openings == {"USDT": Decimal(700), "BTC": Decimal(3)}


def test_an_account_that_starts_empty_opens_at_zero() -> None:
    found = conclude(a_look(balances={"USDT": Decimal(-5)}, starts_empty=True), some_books(openings={}))

    assert found.openings == {"USDT": Decimal(0), "BTC": Decimal(0)}
    assert [(each.asset, each.amount) for each in found.drift.differences] == [("USDT", -5)]


# What can't be judged now


@pytest.mark.parametrize("state", [S.ACKED, S.PARTIALLY_FILLED, S.QUARANTINED, S.SENDING, S.UNKNOWN])
def test_assets_of_an_order_that_lives_at_the_venue_tell_nothing(state: OrderState) -> None:
    books = some_books(live=(_own(state=state),), openings={"USDT": Decimal(1000)})

    found = conclude(a_look(balances=MORE), books)

    assert (found.drift, found.openings) == (NO_DRIFT, {})


def test_an_order_that_lives_may_be_moving_a_third_currency_by_its_fees() -> None:
    # Given fees that were taken in BNB before, and an order on its way whose fills nobody has seen
    booked = {"BNB": Sum(Decimal("-0.1"), 1)}
    flying = some_books(live=(_own(state=S.UNKNOWN),), booked=booked, openings={"USDT": Decimal(1000)})
    balances = {"USDT": Decimal(1000), "BNB": Decimal("9.8")}

    found = conclude(a_look(balances=balances), flying)
    quiet = conclude(a_look(balances=balances), replace(flying, live=()))

    assert "BNB" not in found.openings
    assert quiet.openings["BNB"] == Decimal("9.9")


def test_an_order_that_only_is_planned_moves_nothing() -> None:
    books = some_books(live=(_own(state=S.PLANNED),))

    assert conclude(a_look(), books).verdict is V.CLEAN
    assert conclude(a_look(balances=MORE), books).drift == a_drift("250")


@pytest.mark.parametrize(
    ("state", "verdict", "why"),
    [
        (S.SENDING, V.INCONCLUSIVE, "orders in flight: 1"),
        (S.UNKNOWN, V.INCONCLUSIVE, "orders in flight: 1"),
        (S.ACKED, V.CLEAN, ""),
        (S.QUARANTINED, V.CLEAN, ""),
    ],
)
def test_an_order_in_flight_is_waited_for_and_one_that_rests_is_not(
    state: OrderState, verdict: Verdict, why: str
) -> None:
    found = conclude(a_look(), some_books(live=(_own(state=state),)))

    assert (found.verdict, found.why) == (verdict, why)


def test_what_could_not_be_compared_is_not_explained_yet() -> None:
    # Given a trade of ours that nobody has told of, and an order that rests on the same market
    openings = {"USDT": Decimal(1000), "BTC": Decimal(0)}
    books = some_books(live=(_own(state=S.ACKED),), openings=openings)

    # When nothing can be compared, and then everything
    hidden = conclude(a_look(balances=MORE), books)
    later = replace(books, live=(), explained_until=hidden.explained_until)
    shown = conclude(a_look(balances=MORE), later)

    # Then the trades since before it are still asked for
    assert (hidden.verdict, hidden.explained_until) == (V.CLEAN, books.explained_until)
    assert shown.drift == a_drift("250")


def test_a_drift_is_not_settled_by_not_being_able_to_look() -> None:
    drift = a_drift("250")
    books = some_books(live=(_own(state=S.ACKED),), confirmed=drift, suspected=drift)

    found = conclude(a_look(), books)

    assert (found.verdict, found.why) == (V.INCONCLUSIVE, "orders are live on USDT")
    assert found.drift == drift


def test_a_look_during_which_we_traded_compares_nothing() -> None:
    found = conclude(a_look(balances=MORE), some_books(suspected=a_drift("1")), revision=Revision(newest_fill=8))

    assert found.verdict is V.INCONCLUSIVE
    assert found.why == "the account traded while the venue was asked"
    assert found.drift == a_drift("1")


def test_a_venue_that_does_not_answer_changes_no_suspicion() -> None:
    found = unanswered(some_books(suspected=a_drift()), "no answer")

    assert (found.verdict, found.drift, found.open_orders) == (V.INCONCLUSIVE, a_drift(), None)


# Ours


def test_a_trade_of_ours_that_the_record_lacks_is_followed_before_anything_is_compared() -> None:
    order = _own(state=S.FILLED)
    known = Known(orders=(order,), trades=frozenset({("BTC/USDT", "1")}))
    look = a_look(balances=MORE, trades=(a_venue_trade(), a_venue_trade(trade_id="2")))

    found = conclude(look, known=known)

    assert (found.verdict, found.follow) == (V.INCONCLUSIVE, (order,))
    assert found.external_trades == ()


def test_what_a_person_has_settled_is_not_followed() -> None:
    known = Known(orders=(_own(state=S.FILLED),), settled_by_hand=frozenset({OURS}))

    assert conclude(a_look(trades=(a_venue_trade(),)), known=known).follow == ()


@pytest.mark.parametrize(
    ("state", "filled", "is_followed"),
    [(S.PLANNED, "0", True), (S.EXPIRED, "0", True), (S.CANCELED, "1", False), (S.ACKED, "0", False)],
)
def test_an_order_that_the_venue_has_and_the_record_ended_or_never_sent_is_followed(
    state: OrderState, filled: str, is_followed: bool
) -> None:
    listed = a_venue_order(client_order_id=OURS, state=S.FILLED)
    order = an_order(client_order_id=OURS, state=state, filled=Decimal(filled))

    found = conclude(a_look(named=(listed,)), known=Known(orders=(order,)))

    assert bool(found.follow) is is_followed


def test_a_number_counts_in_its_own_market_alone() -> None:
    order = _own(state=S.FILLED)
    look = a_look(trades=(a_venue_trade(symbol="ETH/USDT"),))

    assert unknown_orders(look, Known(orders=(order,))) == [("ETH/USDT", "7")]


def test_an_order_of_our_form_that_nobody_sent_is_a_drift_with_its_name() -> None:
    stray = a_venue_order(client_order_id=OURS)
    look = a_look(named=(stray,))

    first = conclude(look)
    second = conclude(look, some_books(suspected=first.drift))

    assert (first.verdict, first.drift.strays) == (V.INCONCLUSIVE, (stray,))
    assert (second.verdict, second.drift.strays) == (V.DRIFT, (stray,))


# Of others


def test_a_foreign_trade_explains_what_it_moved() -> None:
    order, trade = a_venue_order(), a_venue_trade()
    look = a_look(balances={"USDT": Decimal("899.9"), "BTC": Decimal(1)}, trades=(trade,), named=(order,))

    found = conclude(look)

    assert (found.verdict, found.external_orders, found.external_trades) == (V.CLEAN, (order,), (trade,))


def test_a_foreign_trade_is_counted_once() -> None:
    known = Known(external=frozenset({("BTC/USDT", "7")}), trades=frozenset({("BTC/USDT", "1")}))
    old = a_venue_trade(trade_id="0", at=NOON - timedelta(hours=2))

    found = conclude(a_look(trades=(old, a_venue_trade())), known=known)

    assert (found.verdict, found.external_trades) == (V.CLEAN, ())


def test_a_foreign_sale_with_its_fee_in_a_third_currency_moves_three_assets() -> None:
    trade = a_venue_trade(side=Side.SELL, fee=Decimal("0.01"), fee_currency="BNB")
    balances = {"USDT": Decimal(1100), "BTC": Decimal(-1), "BNB": Decimal(4)}

    found = conclude(a_look(balances=balances, trades=(trade,), named=(a_venue_order(side=Side.SELL),)))

    assert found.verdict is V.CLEAN
    assert found.openings == {"BNB": Decimal("4.01")}


def test_orders_without_a_name_are_asked_for_first() -> None:
    look = a_look(trades=(a_venue_trade(), a_venue_trade(trade_id="2")))

    assert unknown_orders(look, Known()) == [("BTC/USDT", "7")]
    assert unknown_orders(look, Known(external=frozenset({("BTC/USDT", "7")}))) == []
    assert conclude(replace(look, unnamed=1)).why == "foreign orders to ask for: 1"


def test_an_order_without_any_client_id_is_foreign() -> None:
    order = a_venue_order(client_order_id="", state=S.ACKED, filled=Decimal(0))

    found = conclude(a_look(open_orders=(order,)), known=Known(orders=(an_order(client_order_id=OURS),)))

    assert (found.external_orders, found.open_orders) == ((order,), frozenset({order.ref}))


# Which trades are asked for


@pytest.mark.parametrize(
    ("books", "wants"),
    [
        (some_books(), False),
        (some_books(openings={"USDT": Decimal(1000)}), True),
        (some_books(suspected=a_drift()), True),
        (some_books(confirmed=a_drift()), True),
    ],
)
def test_trades_are_asked_for_where_they_could_explain_something(books: Books, wants: bool) -> None:
    assert books.wants_trades is wants
