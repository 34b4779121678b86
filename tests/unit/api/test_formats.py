"""Money and percents in writing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.formats import percent
from shared.domain.values import plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("10000.00", "10000"),
        ("1E+4", "10000"),
        ("1E-8", "0.00000001"),
        ("-0.00", "0"),
        ("-1.50", "-1.5"),
        ("1000000000000.123456789012345678", "1000000000000.123456789012345678"),
    ],
)
def test_money_is_plain(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15))
def test_money_keeps_its_value_and_never_has_an_exponent(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert not set(text) & set("eE+")


def test_a_percent_has_four_decimals_at_most() -> None:
    assert percent(Decimal(1) / 3) == "33.3333"
    assert percent(Decimal("0.025")) == "2.5"
