"""The smallest words of the domain: sides, symbols, decimals."""

from dataclasses import dataclass
from decimal import ROUND_UP, Context, Decimal
from enum import StrEnum
from typing import overload

ZERO = Decimal(0)
ONE = Decimal(1)

# Sums of money are exact: 28 digits, Python's default, round a trillion at 18 decimals.
EXACT = Context(prec=80)
PRICE_UNIT = Decimal("1e-18")  # Quotients (averages, stops, a cost's part) are kept to it.


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Market:
    """What an exchange says of one symbol. Steps and minimums are in the venue's units; fees are fractions.

    `lot_step` and `min_quantity` count base, `price_tick` and `min_notional` quote.
    """

    exchange: str
    symbol: str
    base: str
    quote: str
    lot_step: Decimal
    price_tick: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    maker_fee_frac: Decimal
    taker_fee_frac: Decimal
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Ticker:
    """Best prices of a symbol at one moment of the exchange's clock; an `ask` of zero: nobody offers any."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    at_ms: int


def price_rounded(price: Decimal) -> Decimal:
    """A quotient at 18 decimals, whatever the thread's context says."""
    return EXACT.quantize(price, PRICE_UNIT)


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """`value` on the grid of `step`, toward zero."""
    # A quotient is rounded to the context's digits, and may be rounded up to a whole one; `//` is exact.
    return value // step * step


def round_up(value: Decimal, step: Decimal) -> Decimal:
    """`value` on the grid of `step`, away from zero."""
    return (value / step).to_integral_value(rounding=ROUND_UP) * step


@overload
def plain(value: Decimal) -> str: ...
@overload
def plain(value: None) -> None: ...
@overload
def plain(value: Decimal | None) -> str | None: ...
def plain(value: Decimal | None) -> str | None:
    """Every digit, no exponent, no trailing zeros: `10000`, `0.00001`."""
    if value is None:
        return None
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
