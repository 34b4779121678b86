"""Equity, drawdown and the day, reckoned by hand."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from shared.domain.portfolio import Account, EquityMark, equity_mark
from shared.domain.positions import PositionState
from tests.builders import NOON, a_position, an_account

D = Decimal


def marked(account: Account, cash: str, at_days: int = 0) -> EquityMark:
    """The mark of an account that holds nothing but `cash`."""
    return equity_mark(replace(account, cash=D(cash)), [], {}, NOON + timedelta(days=at_days))


def stored(account: Account, mark: EquityMark) -> Account:
    """What is kept of a mark, as the record keeps it."""
    return replace(
        account,
        equity=mark.equity,
        peak_equity=mark.peak_equity,
        day=mark.at.date(),
        day_start_equity=mark.day_start_equity,
    )


# Equity


def test_equity_is_cash_and_what_is_held_at_its_mark() -> None:
    # Given 10,000 paid in; 1 BTC bought at 100 and 2 ETH at 50; 7 earned before and 3 paid in fees
    account = an_account(cash=D(10_000 - 200 + 7 - 3), realised=D(7), fees=D(3))
    held = [
        a_position(),
        a_position(id="p2", symbol="ETH/USDT", quantity=D(2), cost=D(100)),
    ]

    mark = equity_mark(account, held, {"BTC/USDT": D(110), "ETH/USDT": D(45)}, NOON)

    assert (mark.equity, mark.cash, mark.positions_value, mark.unrealised) == (D(10_004), D(9_804), D(200), D(0))
    assert account.initial_balance + mark.realised + mark.unrealised - mark.fees == mark.equity
    assert (mark.bot_id, mark.at) == ("default", NOON)


def test_dust_counts_in_equity() -> None:
    dust = a_position(state=PositionState.DUST, quantity=D("0.0005"), cost=D("0.05"))

    assert equity_mark(an_account(cash=D(100)), [dust], {"BTC/USDT": D(100)}, NOON).equity == D("100.05")


def test_something_held_without_a_price_has_no_equity() -> None:
    with pytest.raises(KeyError, match="BTC/USDT"):
        equity_mark(an_account(), [a_position()], {"ETH/USDT": D(1)}, NOON)


def test_a_trillion_at_18_decimals_is_marked_exactly() -> None:
    cash, quantity = D("999999999999.000000000000000001"), D("0.000000000000000001")
    held = a_position(quantity=quantity, cost=D(0))

    mark = equity_mark(an_account(cash=cash), [held], {"BTC/USDT": D(3)}, NOON)

    assert str(mark.equity) == "999999999999.000000000000000004"


def test_reserved_cash_is_owned_but_not_free() -> None:
    account = an_account(cash=D(100), reserved=D(30))

    assert account.free_cash == D(70)
    assert equity_mark(account, [], {}, NOON).equity == D(100)


# Drawdown


def test_drawdown_is_held_against_the_peak_until_a_new_one() -> None:
    # Given an initial balance of 100; when equity goes 90, 95, 100, 110, 99
    account = an_account(initial_balance=D(100), peak_equity=D(100), day_start_equity=D(100), equity=D(100))
    seen = []
    for equity in ("90", "95", "100", "110", "99"):
        mark = marked(account, equity)
        account = stored(account, mark)
        seen.append((mark.peak_equity, mark.drawdown_frac))

    assert seen == [
        (D(100), D("0.1")),
        (D(100), D("0.05")),
        (D(100), D(0)),
        (D(110), D(0)),
        (D(110), D("0.1")),
    ]
    assert account.drawdown_frac == D("0.1")


def test_the_first_loss_is_a_drawdown_from_the_initial_balance() -> None:
    # A peak that began with the first mark would hide it.
    assert marked(an_account(), "9000").drawdown_frac == D("0.1")


def test_nothing_paid_in_has_no_drawdown_and_no_daily_loss() -> None:
    account = an_account(peak_equity=D(0), day_start_equity=D(0), equity=D(0))

    assert (account.drawdown_frac, account.daily_loss_frac) == (0, 0)
    assert marked(account, "0").drawdown_frac == 0


# The day


def test_daily_loss_is_held_against_the_days_start() -> None:
    # Given 10,000 in the morning; when equity goes 9,800, then 9,500
    account = an_account()
    losses = []
    for equity in ("9800", "9500"):
        account = stored(account, marked(account, equity))
        losses.append(account.daily_loss_frac)

    assert losses == [D("0.02"), D("0.05")]


def test_unrealised_loss_counts_in_the_day() -> None:
    # Given 1 BTC bought at 100 and marked at 60
    account = an_account(cash=D(9_900))
    mark = equity_mark(account, [a_position()], {"BTC/USDT": D(60)}, NOON)

    assert stored(account, mark).daily_loss_frac == D("0.004")


def test_a_new_day_starts_at_its_first_mark_and_keeps_the_peak() -> None:
    account = stored(an_account(), marked(an_account(), "9500"))

    mark = marked(account, "9400", at_days=1)
    account = stored(account, mark)

    assert (mark.day_start_equity, account.day) == (D(9400), date(2026, 1, 6))
    assert (account.daily_loss_frac, account.drawdown_frac) == (D(0), D("0.06"))


def test_a_day_ends_at_midnight() -> None:
    account = an_account()
    midnight = NOON + timedelta(hours=12)

    before = equity_mark(replace(account, cash=D(1)), [], {}, midnight - timedelta(microseconds=1))
    after = equity_mark(replace(account, cash=D(1)), [], {}, midnight)

    assert (before.day_start_equity, after.day_start_equity) == (D(10_000), D(1))
