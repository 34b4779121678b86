"""What a person may say of a quarantined order, and the report that it amounts to."""

from decimal import Decimal

import pytest

from shared.domain.errors import InvalidField
from shared.domain.findings import Finding, Found, checked, report_of
from shared.domain.folding import Traded
from shared.domain.orders import Fill, Order, OrderState
from tests.builders import NOON, a_market, an_exit, an_order

D = Decimal
LOST = an_order(state=OrderState.QUARANTINED, quantity=D(2))
# Of two, half of one was seen to be traded at 100, for a fee of 0.05 USDT.
SEEN = an_order(
    state=OrderState.QUARANTINED,
    quantity=D(2),
    filled=D("0.5"),
    exchange_order_id="venue-1",
    fee=D("0.05"),
    fee_currency="USDT",
)
NOTHING = Traded()
SEEN_TRADED = Traded(D("0.5"), D(50))


def filled(quantity: str | None = "2", price: str | None = "100", **more: object) -> Finding:
    return _finding(Found.FILLED, quantity, price, **more)


def canceled(quantity: str | None = None, price: str | None = None, **more: object) -> Finding:
    return _finding(Found.CANCELED, quantity, price, **more)


def _finding(found: Found, quantity: str | None, price: str | None, **more: object) -> Finding:
    return Finding(found, quantity and D(quantity), price and D(price), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "finding"),
    [
        (LOST, Finding(Found.NOT_PLACED, note="not in the order history")),
        (LOST, filled()),
        (LOST, canceled()),
        (LOST, canceled("0")),
        (LOST, canceled("1.5", "100", fee=D("0.001"), fee_currency="BTC")),
        (SEEN, canceled("0.5")),
        (SEEN, canceled("2", "100", fee=D("0.05"), fee_currency="USDT")),
    ],
)
def test_what_can_be_true_is_taken(order: Order, finding: Finding) -> None:
    assert checked(finding, order) is finding


@pytest.mark.parametrize(
    ("order", "finding", "field", "says"),
    [
        (SEEN, Finding(Found.NOT_PLACED), "outcome", "it was placed"),
        (an_order(state=OrderState.QUARANTINED, exchange_order_id="1"), Finding(Found.NOT_PLACED), "outcome", "placed"),
        (LOST, Finding(Found.NOT_PLACED, quantity=D(1)), "quantity", "leave it out"),
        (LOST, filled(None), "quantity", "all of it, 2"),
        (LOST, filled("1.9"), "quantity", "the outcome is canceled"),
        (LOST, filled("2.1"), "quantity", "all of it, 2"),
        (LOST, filled(price=None), "average_price", "one BTC"),
        (LOST, canceled("1"), "average_price", "needed"),
        (LOST, canceled("1", "0"), "average_price", "above 0"),
        (LOST, canceled("2.1", "100"), "quantity", "the order was for 2"),
        (SEEN, canceled("0.4", "100"), "quantity", "0.5 of it is recorded"),
        (LOST, canceled("-1", "100"), "quantity", "from 0"),
        (LOST, canceled("NaN", "100"), "quantity", "must be a number"),
        (LOST, canceled("1", "Infinity"), "average_price", "must be a number"),
        (LOST, canceled("1", "1e13"), "average_price", "1000000000000"),
        (LOST, canceled("1e-19", "100"), "quantity", "18 decimals"),
        (LOST, filled(fee=D("0.1")), "fee_currency", "USDT"),
        (LOST, filled(fee=D("-0.1"), fee_currency="USDT"), "fee", "from 0"),
        (SEEN, filled(fee=D("0.04"), fee_currency="USDT"), "fee", "0.05 of it is recorded"),
        (SEEN, canceled("0.5", fee=D("0.06"), fee_currency="USDT"), "fee", "leave it out"),
    ],
)
def test_what_can_not_be_true_is_refused_by_its_field(order: Order, finding: Finding, field: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refused:
        checked(finding, order)

    assert refused.value.field == field


def the_fill(finding: Finding, order: Order, traded: Traded = NOTHING) -> Fill:
    report = report_of(finding, order, traded, a_market(), NOON)
    assert report.fills is not None
    (fill,) = report.fills
    return fill


def test_a_finding_is_one_fill_under_an_id_of_our_own() -> None:
    fill = the_fill(filled(fee=D("0.002"), fee_currency="BTC"), LOST)

    assert (fill.trade_id, fill.client_order_id) == (f"manual-{LOST.client_order_id}", LOST.client_order_id)
    assert (fill.quantity, fill.price, fill.fee, fill.fee_currency) == (2, 100, D("0.002"), "BTC")
    assert (fill.side, fill.account, fill.symbol, fill.at) == (LOST.side, LOST.account, LOST.symbol, NOON)


def test_only_what_is_not_recorded_yet_is_booked() -> None:
    # Given 2 for 220 in all, of which 0.5 for 50 are known: 1.5 have cost 170
    fill = the_fill(filled("2", "110", fee=D("0.22"), fee_currency="USDT"), SEEN, SEEN_TRADED)

    assert (fill.quantity, fill.fee) == (D("1.5"), D("0.17"))
    assert fill.price == (D(170) / D("1.5")).quantize(D("1e-18"))


def test_a_fee_in_another_currency_than_the_recorded_one_is_booked_whole() -> None:
    assert the_fill(filled(fee=D("0.01"), fee_currency="BNB"), SEEN, SEEN_TRADED).fee == D("0.01")


def test_without_a_fee_nothing_is_taken() -> None:
    fill = the_fill(filled(), an_exit(state=OrderState.QUARANTINED, quantity=D(2)))

    assert (fill.fee, fill.fee_currency) == (0, "USDT")


@pytest.mark.parametrize("finding", [canceled(), canceled("0.5"), canceled("0.5", "100")])
def test_where_everything_is_recorded_there_is_no_fill(finding: Finding) -> None:
    report = report_of(finding, SEEN, SEEN_TRADED, a_market(), NOON)

    assert (report.state, report.filled, report.fills) == (OrderState.CANCELED, D("0.5"), ())


def test_the_venues_own_id_is_kept_and_not_lost() -> None:
    told = report_of(canceled(exchange_order_id="77"), LOST, Traded(), a_market(), NOON)
    kept = report_of(canceled(), SEEN, SEEN_TRADED, a_market(), NOON)

    assert (told.exchange_order_id, kept.exchange_order_id) == ("77", "venue-1")


def test_an_average_below_what_is_recorded_is_refused() -> None:
    with pytest.raises(InvalidField, match="has cost more") as refused:
        report_of(filled("2", "10"), SEEN, SEEN_TRADED, a_market(), NOON)

    assert refused.value.field == "average_price"


@pytest.mark.parametrize(("fee", "currency"), [("2.1", "BTC"), ("200.1", "USDT")])
def test_a_fee_of_more_than_was_traded_is_refused(fee: str, currency: str) -> None:
    with pytest.raises(InvalidField, match="more than what was traded") as refused:
        report_of(filled(fee=D(fee), fee_currency=currency), LOST, Traded(), a_market(), NOON)

    assert refused.value.field == "fee"
