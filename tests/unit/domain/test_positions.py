"""A position folded from fills, reckoned by hand, and the prices at which it is left."""

from decimal import Decimal

import pytest

from shared.domain.positions import (
    ExitReason,
    Position,
    Protection,
    bought,
    exit_reason,
    folded,
    ratcheted,
    sold,
)
from shared.domain.values import ZERO
from tests.builders import a_buy, a_position, a_sell, no_position

NONE = Protection()
D = Decimal


def money(position: Position) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return position.quantity, position.cost, position.realised, position.fees


# Buying


def test_a_fee_in_quote_leaves_the_position_whole() -> None:
    # When 2 are bought at 100 for 200, and 0.20 USDT are taken
    position = bought(no_position(), a_buy("2", "100", fee="0.20"), NONE)

    assert money(position) == (D(2), D(200), ZERO, D("0.20"))
    assert position.average_price == D(100)


def test_a_fee_in_base_shrinks_the_position_and_is_worth_its_price() -> None:
    # When 2 are bought at 100 and 0.002 of them are taken: 1.998 are held for 199.80, and the fee is 0.20 USDT
    position = bought(no_position(), a_buy("2", "100", fee="0.002", fee_currency="BTC"), NONE)

    assert money(position) == (D("1.998"), D("199.8"), ZERO, D("0.2"))
    assert position.average_price == D(100)


def test_a_fee_in_a_third_currency_touches_neither_position_nor_its_fees() -> None:
    position = bought(no_position(), a_buy("2", "100", fee="0.0003", fee_currency="BNB"), NONE)

    assert money(position) == (D(2), D(200), ZERO, ZERO)


def test_several_lots_share_one_average_price() -> None:
    # When 1 is bought at 100 and 3 at 80: 340 for 4
    position = bought(bought(no_position(), a_buy("1", "100"), NONE), a_buy("3", "80"), NONE)

    assert position.average_price == D(85)
    assert position.cost == D(340)


def test_a_fee_that_takes_all_of_a_fill_leaves_nothing_held() -> None:
    position = bought(no_position(), a_buy("0.00000001", "100", fee="0.00000001", fee_currency="BTC"), NONE)

    assert money(position) == (ZERO, ZERO, ZERO, D("0.000001"))
    assert position.average_price == ZERO


# Selling


def test_a_partial_sell_takes_its_share_of_the_cost() -> None:
    # Given 4 held for 340; when 1 is sold at 90: 85 of cost leave, 5 are earned
    position = sold(a_position(quantity=D(4), cost=D(340)), a_sell("1", "90", fee="0.09"))

    assert money(position) == (D(3), D(255), D(5), D("0.09"))
    assert position.average_price == D(85)


def test_a_sell_of_everything_leaves_no_cost_behind() -> None:
    # Given a cost that no share of it divides evenly
    position = a_position(quantity=D("0.3"), cost=D(100) / 3)

    left = sold(sold(position, a_sell("0.1", "120")), a_sell("0.2", "120"))

    assert (left.quantity, left.cost) == (ZERO, ZERO)
    assert left.realised == D(36) - position.cost


def test_a_loss_is_realised_below_zero() -> None:
    assert sold(a_position(), a_sell("1", "60")).realised == D(-40)


def test_a_fee_in_base_on_a_sell_is_a_fee_and_no_loss() -> None:
    # Given 1 held for 100; when 0.999 are sold at 100 and 0.001 are taken: all is gone, the fee is worth 0.10
    position = sold(a_position(), a_sell("0.999", "100", fee="0.001", fee_currency="BTC"))

    assert money(position) == (ZERO, ZERO, ZERO, D("0.1"))


def test_a_cost_of_more_than_ten_billion_can_be_sold_in_part() -> None:
    # At 18 decimals it has more digits than Python's default context holds.
    position = a_position(quantity=D(3), cost=D(100_000_000_000))

    assert sold(position, a_sell("1", "1")).cost == D("66666666666.666666666666666667")


def test_a_fill_is_folded_by_its_side() -> None:
    assert folded(a_position(), a_buy("1", "100"), NONE).quantity == D(2)
    assert folded(a_position(), a_sell("1", "100"), NONE).quantity == ZERO


def test_what_is_held_is_worth_its_mark() -> None:
    position = a_position(quantity=D(4), cost=D(340))

    assert position.value(D(90)) == D(360)
    assert position.unrealised(D(90)) == D(20)


# Stops


def test_stop_and_target_follow_the_average_price() -> None:
    protection = Protection(D("0.02"), D("0.05"), None)

    first = bought(no_position(), a_buy("1", "100"), protection)
    second = bought(first, a_buy("1", "80"), protection)

    assert (first.stop_loss, first.take_profit) == (D(98), D(105))
    assert (second.stop_loss, second.take_profit) == (D("88.2"), D("94.5"))


def test_a_position_without_protection_is_never_left_by_price() -> None:
    position = bought(no_position(), a_buy("1", "100"), NONE)

    assert (position.stop_loss, position.take_profit, position.trailing_stop) == (None, None, None)
    assert [exit_reason(position, D(price)) for price in ("0.01", "100", "1000000")] == [None] * 3


def test_a_trailing_stop_starts_at_the_entry_and_only_rises() -> None:
    # Given an entry at 100 with a trailing stop of 10 %
    position = bought(no_position(), a_buy("1", "100"), Protection(trailing_stop_frac=D("0.1")))
    stops = [position.trailing_stop]

    for price in ("95", "120", "110", "121", "109"):
        position = ratcheted(position, D(price))
        stops.append(position.trailing_stop)

    assert stops == [D(90), D(90), D(108), D(108), D("108.9"), D("108.9")]


def test_buying_more_at_a_lower_price_does_not_lower_the_trailing_stop() -> None:
    protection = Protection(trailing_stop_frac=D("0.1"))
    position = ratcheted(bought(no_position(), a_buy("1", "100"), protection), D(130))

    assert bought(position, a_buy("1", "118"), protection).trailing_stop == D(117)


def test_a_mark_that_does_not_rise_is_the_same_object() -> None:
    position = a_position(trailing_stop_frac=D("0.1"), high_water=D(100))

    assert ratcheted(position, D(100)) is position


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ("98", ExitReason.STOP_LOSS),
        ("98.01", None),
        ("104.99", None),
        ("105", ExitReason.TAKE_PROFIT),
    ],
)
def test_a_stop_or_target_is_hit_at_its_very_price(price: str, reason: ExitReason | None) -> None:
    position = a_position(stop_loss=D(98), take_profit=D(105))

    assert exit_reason(position, D(price)) is reason


def test_a_trailing_stop_is_hit_at_its_very_price() -> None:
    position = a_position(trailing_stop_frac=D("0.1"), high_water=D(120))

    assert exit_reason(position, D("108.01")) is None
    assert exit_reason(position, D(108)) is ExitReason.TRAILING_STOP


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ({"stop_loss": D(100), "trailing_stop_frac": ZERO, "take_profit": D(100)}, ExitReason.STOP_LOSS),
        ({"trailing_stop_frac": ZERO, "take_profit": D(100)}, ExitReason.TRAILING_STOP),
        ({"take_profit": D(100)}, ExitReason.TAKE_PROFIT),
    ],
)
def test_the_most_urgent_reason_is_the_one_recorded(levels: dict[str, Decimal], reason: ExitReason) -> None:
    # Given every level at the price itself
    assert exit_reason(a_position(**levels), D(100)) is reason


def test_reasons_are_listed_most_urgent_first() -> None:
    assert list(ExitReason) == ["flatten", "stop_loss", "trailing_stop", "take_profit", "signal"]
