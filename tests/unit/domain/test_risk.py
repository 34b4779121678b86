"""Sizes and limits, reckoned by hand."""

from decimal import Decimal

import pytest

from shared.domain.risk import Denial, affordable, cash_needed, entry_quantity, halt, position_notional
from tests.builders import a_market, an_account, some_limits

D = Decimal


# Limits


@pytest.mark.parametrize(
    ("equity", "reached"),
    [("9000.01", None), ("9000", Denial.DRAWDOWN_LIMIT), ("1", Denial.DRAWDOWN_LIMIT)],
)
def test_entries_halt_at_the_very_drawdown(equity: str, reached: Denial | None) -> None:
    # Given a peak of 10,000 and a limit of 10 %; the day began where it stands
    account = an_account(equity=D(equity), day_start_equity=D(equity))

    assert halt(account, some_limits()) is reached


@pytest.mark.parametrize(
    ("equity", "reached"),
    [("9500.01", None), ("9500", Denial.DAILY_LOSS_LIMIT)],
)
def test_entries_halt_at_the_very_daily_loss(equity: str, reached: Denial | None) -> None:
    assert halt(an_account(equity=D(equity)), some_limits()) is reached


def test_the_drawdown_is_named_before_the_daily_loss() -> None:
    assert halt(an_account(equity=D(5000)), some_limits()) is Denial.DRAWDOWN_LIMIT


def test_a_profit_halts_nothing() -> None:
    assert halt(an_account(equity=D(20_000)), some_limits()) is None


# Sizes


@pytest.mark.parametrize(
    ("stop", "size"),
    [
        ("0.5", "400"),  # 10,000 × 0.02 / 0.5
        ("0.25", "800"),
        ("0.2", "1000"),
        ("0.02", "1000"),  # 10,000, capped by the largest position
        (None, "200"),  # Without a stop all of it is at risk.
    ],
)
def test_a_position_is_sized_by_its_stop_distance_up_to_the_cap(stop: str | None, size: str) -> None:
    frac = None if stop is None else D(stop)

    assert position_notional(an_account(), frac, some_limits()) == D(size)


def test_a_position_is_sized_by_marked_equity_and_not_by_the_initial_balance() -> None:
    assert position_notional(an_account(equity=D(5000)), D("0.5"), some_limits()) == D(200)


def test_a_quantity_is_rounded_down_to_the_lot_step() -> None:
    # 400 / 333 = 1.2012…
    assert entry_quantity(D(400), D(333), None, a_market()) == D("1.201")


def test_a_quantity_that_rounds_to_nothing_is_refused() -> None:
    assert entry_quantity(D(99), D(100_000), None, a_market()) is Denial.BELOW_MIN_QUANTITY


def test_a_quantity_below_the_smallest_is_refused() -> None:
    market = a_market(min_quantity=D("0.01"))

    assert entry_quantity(D(900), D(100_000), None, market) is Denial.BELOW_MIN_QUANTITY


def test_a_quantity_that_a_base_fee_leaves_below_the_smallest_is_refused() -> None:
    # Given 0.010 bought, of which 0.00999 are left and 0.009 can be sold, where the smallest is 0.010
    market = a_market(min_quantity=D("0.01"))

    assert entry_quantity(D(1000), D(100_000), None, market) is Denial.BELOW_MIN_QUANTITY


def test_nothing_is_refused_where_the_venue_names_no_smallest_quantity() -> None:
    market = a_market(min_quantity=D(0), min_notional=D(0))

    assert entry_quantity(D(99), D(100_000), None, market) is Denial.BELOW_MIN_QUANTITY


def test_the_very_smallest_quantity_is_bought() -> None:
    market = a_market(min_quantity=D("0.01"), taker_fee_frac=D(0))

    assert entry_quantity(D(1000), D(100_000), None, market) == D("0.01")


def test_negative_equity_buys_nothing() -> None:
    assert entry_quantity(D(-200), D(100), None, a_market()) is Denial.BELOW_MIN_QUANTITY


@pytest.mark.parametrize(
    ("stop", "notional", "expected"),
    [
        (None, "5.1", D("0.051")),  # 0.050 can be sold after the fee: 5.00
        (None, "5.0", Denial.BELOW_MIN_NOTIONAL),  # 0.049: 4.90
        ("0.5", "10.1", D("0.101")),  # 0.100 at the stop of 50: 5.00
        ("0.5", "10.0", Denial.BELOW_MIN_NOTIONAL),
    ],
)
def test_an_entry_leaves_an_exit_that_the_venue_accepts_at_the_stop(
    stop: str | None, notional: str, expected: Decimal | Denial
) -> None:
    frac = None if stop is None else D(stop)

    assert entry_quantity(D(notional), D(100), frac, a_market()) == expected


# Cash


def test_cash_is_held_back_with_headroom_and_fee() -> None:
    # 2 × 100 × 1.01 × 1.001
    assert cash_needed(D(2), D(100), a_market(), some_limits()) == D("202.202")


def test_affordable_is_what_needs_the_free_cash() -> None:
    account = an_account(cash=D("302.202"), reserved=D(100))

    assert affordable(account, a_market(), some_limits()) == D(200)


def test_overdrawn_cash_affords_nothing() -> None:
    assert affordable(an_account(cash=D(10), reserved=D(20)), a_market(), some_limits()) == 0
