"""What fills, reservations and releases do to balances. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from simulator.matching import Fill
from simulator.orders import ZERO, Order, Side
from simulator.symbols import Symbol

UNIT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Change:
    """Added to an asset's free and locked amounts."""

    asset: str
    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Fees:
    """Fractions of what is received; paid `in_asset`: "received", "quote", or an asset such as BNB."""

    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")
    in_asset: str = "received"


@dataclass(frozen=True, slots=True)
class Commission:
    amount: Decimal
    asset: str


@dataclass(frozen=True, slots=True)
class Means:
    """What a commission in another asset depends on: `worth(asset, quote)` is None where the two don't trade."""

    worth: Callable[[str, str], Decimal | None]
    free: Callable[[str], Decimal]


def commission(symbol: Symbol, side: Side, fill: Fill, rate: Decimal, in_asset: str, means: Means) -> Commission:
    """In the received asset, as also when the account lacks the asset that fees are to be paid in."""
    received = (symbol.base, fill.qty) if side is Side.BUY else (symbol.quote, fill.notional)
    usual = Commission((received[1] * rate).quantize(UNIT, ROUND_DOWN), received[0])
    if in_asset == "received":
        return usual
    asset = symbol.quote if in_asset == "quote" else in_asset
    price = Decimal(1) if asset == symbol.quote else means.worth(asset, symbol.quote)
    if price is None:
        return usual
    amount = (fill.notional * rate / price).quantize(UNIT, ROUND_DOWN)
    return Commission(amount, asset) if asset == usual.asset or means.free(asset) >= amount else usual


def taken(symbol: Symbol, side: Side, fill: Fill) -> list[Change]:
    """A fill paid from the free balance."""
    if side is Side.BUY:
        return [Change(symbol.quote, free=-fill.notional), Change(symbol.base, free=fill.qty)]
    return [Change(symbol.base, free=-fill.qty), Change(symbol.quote, free=fill.notional)]


def made(symbol: Symbol, side: Side, fill: Fill) -> list[Change]:
    """A fill of a resting order, at its own price, paid from what it locked."""
    if side is Side.BUY:
        return [Change(symbol.quote, locked=-fill.notional), Change(symbol.base, free=fill.qty)]
    return [Change(symbol.base, locked=-fill.qty), Change(symbol.quote, free=fill.notional)]


def paid(fee: Commission) -> Change:
    return Change(fee.asset, free=-fee.amount)


def locked(symbol: Symbol, side: Side, qty: Decimal, price: Decimal) -> Change:
    """What a resting order sets aside."""
    asset, amount = (symbol.quote, qty * price) if side is Side.BUY else (symbol.base, qty)
    return Change(asset, free=-amount, locked=amount)


def unlocked(symbol: Symbol, order: Order) -> Change:
    """What an order that stops resting gives back."""
    change = locked(symbol, order.side, order.remaining, order.price)
    return Change(change.asset, free=-change.free, locked=-change.locked)
