from decimal import Decimal

import pytest

from shared.domain.values import round_down, round_up


@pytest.mark.parametrize(
    ("value", "step", "down", "up"),
    [
        ("1.2345", "0.001", "1.234", "1.235"),
        ("1.234", "0.001", "1.234", "1.234"),
        ("0.0009", "0.001", "0", "0.001"),
        ("7", "5", "5", "10"),
        ("0", "0.1", "0", "0"),
        ("0.29", "0.01", "0.29", "0.29"),  # In binary floats, 0.29 / 0.01 is 28.999….
    ],
)
def test_a_value_is_put_on_the_grid_below_or_above(value: str, step: str, down: str, up: str) -> None:
    assert round_down(Decimal(value), Decimal(step)) == Decimal(down)
    assert round_up(Decimal(value), Decimal(step)) == Decimal(up)


def test_rounding_down_never_rounds_up_by_the_digits_of_a_quotient() -> None:
    # Given a value so close below two steps that the quotient at 28 digits is 2
    value, step = Decimal("9.979999999999999999999999999"), Decimal("4.99")

    assert round_down(value, step) == step
