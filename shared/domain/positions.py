"""Positions: folded from fills, watched by price. Long only, spot."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum

from shared.domain.orders import Fill, Order, Purpose
from shared.domain.values import EXACT, ONE, PRICE_UNIT, ZERO, Market, Side, price_rounded, round_down


class PositionState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    DUST = "dust"  # What is left is below what the venue sells; it still counts in equity.


class ExitReason(StrEnum):
    """Why a position is left, most urgent first: the first that applies is the one recorded."""

    FLATTEN = "flatten"
    STOP_LOSS = "stop_loss"
    TRAILING_STOP = "trailing_stop"
    TAKE_PROFIT = "take_profit"
    SIGNAL = "signal"

    @property
    def is_patient(self) -> bool:
        """Whether a better price is worth a moment: a gain is taken, not a loss cut short."""
        return self in (ExitReason.TAKE_PROFIT, ExitReason.SIGNAL)


@dataclass(frozen=True, slots=True)
class Protection:
    """Distances at which a position is left, as fractions of price; None where the user set none."""

    stop_loss_frac: Decimal | None = None
    take_profit_frac: Decimal | None = None
    trailing_stop_frac: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """What a bot holds by one strategy on one symbol.

    `cost` is the quote paid for what is held, fees apart; `realised` is profit before fees; `fees` are in quote
    (a fee in base is valued at its fill's price), so that
    initial balance + realised + unrealised − fees = cash + quantity × mark, exactly.
    `lots` are never fewer than what is held, in parts of a full position.
    `version` rises when an exit order ends, whatever it left: the next exit, should there be one, is a new order.
    `leaving`: why all of it is being left. An exit is tried again until nothing is held; it stays beyond that, for
    what a late fill of its entry may bring back.
    """

    id: str
    bot_id: str
    strategy_id: str
    exchange: str
    symbol: str
    base: str
    quote: str
    state: PositionState
    opened_at: datetime
    quantity: Decimal = ZERO
    lots: int = 0
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop_frac: Decimal | None = None
    high_water: Decimal | None = None
    version: int = 0
    closed_at: datetime | None = None
    leaving: ExitReason | None = None

    @property
    def average_price(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO

    @property
    def trailing_stop(self) -> Decimal | None:
        if self.trailing_stop_frac is None or self.high_water is None:
            return None
        return self.high_water * (ONE - self.trailing_stop_frac)

    def value(self, mark: Decimal) -> Decimal:
        return self.quantity * mark

    def unrealised(self, mark: Decimal) -> Decimal:
        return self.quantity * mark - self.cost


def base_fee(fill: Fill, base: str) -> Decimal:
    """The part of a fill's fee that is taken in base: on a buy it shrinks what is received."""
    return fill.fee if fill.fee_currency == base else ZERO


def fee_in_quote(fill: Fill, base: str, quote: str) -> Decimal:
    """A fee's worth in quote. A third currency counts zero here: it is a ledger line of its own."""
    if fill.fee_currency == quote:
        return fill.fee
    return base_fee(fill, base) * fill.price


def bought(position: Position, fill: Fill, protection: Protection) -> Position:
    """`position` after a buy; its stop and target follow the average price, its high-water mark only rises."""
    with localcontext(EXACT):
        received = fill.quantity - base_fee(fill, position.base)
        quantity = position.quantity + received
        cost = position.cost + received * fill.price
        fees = position.fees + fee_in_quote(fill, position.base, position.quote)
    # A fee may take all of a tiny fill: nothing is held, and there is no average.
    average = cost / quantity if quantity else fill.price
    return replace(
        position,
        quantity=quantity,
        cost=cost,
        fees=fees,
        stop_loss=_at(average, protection.stop_loss_frac, -1),
        take_profit=_at(average, protection.take_profit_frac, +1),
        trailing_stop_frac=protection.trailing_stop_frac,
        high_water=max(position.high_water or ZERO, fill.price),
    )


def sold(position: Position, fill: Fill) -> Position:
    """`position` after a sell: cost leaves in proportion, rounded at 18 decimals, the rest is profit."""
    with localcontext(EXACT):
        given = fill.quantity + base_fee(fill, position.base)
        cost_out = position.cost
        if given < position.quantity:
            cost_out = (position.cost * given / position.quantity).quantize(PRICE_UNIT, ROUND_HALF_EVEN)
        # A base fee on a sell is given at no proceeds: its worth is the fee, so it is no loss of the trade.
        proceeds = given * fill.price
        return replace(
            position,
            quantity=position.quantity - given,
            cost=position.cost - cost_out,
            realised=position.realised + proceeds - cost_out,
            fees=position.fees + fee_in_quote(fill, position.base, position.quote),
        )


def folded(position: Position, fill: Fill, protection: Protection) -> Position:
    return bought(position, fill, protection) if fill.side is Side.BUY else sold(position, fill)


def settled(position: Position, order: Order, market: Market, at: datetime) -> Position:
    """`position` once `order` has ended: lots counted, and closed, left as dust, or open; an exit ends its version."""
    is_exit = order.purpose is Purpose.EXIT
    version = position.version + 1 if is_exit else position.version
    state = _state_left(position, order, market)
    if state is not PositionState.OPEN:
        at = position.closed_at or at
        return replace(position, state=state, lots=0, version=version, closed_at=at)
    # A part of a lot counts as held: bought in part it takes its level, sold in part it has not freed it.
    lots = position.lots - _lots(order, ROUND_FLOOR) if is_exit else position.lots + _lots(order, ROUND_CEILING)
    return replace(position, state=state, lots=max(lots, 1), version=version, closed_at=None)


def left_by(position: Position, order: Order) -> Position:
    """`position` once `order`, an exit of it, is planned: one that sells all of it is tried again until it is flat."""
    return replace(position, leaving=ExitReason(order.reason)) if order.lots >= position.lots else position


def _state_left(position: Position, order: Order, market: Market) -> PositionState:
    if position.quantity == ZERO:
        return PositionState.CLOSED
    sellable = round_down(position.quantity, market.lot_step)
    if sellable < max(market.min_quantity, market.lot_step):
        return PositionState.DUST
    # A whole order leaves what was planned; only one filled in part may leave less than the venue's smallest trade.
    is_part = order.filled < order.quantity
    if is_part and order.average_price is not None and sellable * order.average_price < market.min_notional:
        return PositionState.DUST
    return PositionState.OPEN


def _lots(order: Order, rounding: str) -> int:
    """How many of its lots an order has filled, a part rounded one way or the other."""
    return int((order.lots * order.filled / order.quantity).to_integral_value(rounding)) if order.quantity else 0


def ratcheted(position: Position, price: Decimal) -> Position:
    """`position` with its high-water mark raised to `price`; a mark never falls."""
    if position.trailing_stop_frac is None or price <= (position.high_water or ZERO):
        return position
    return replace(position, high_water=price)


def exit_reason(position: Position, price: Decimal) -> ExitReason | None:
    """Why the position is to be left at `price`, the most urgent first, or None."""
    if position.stop_loss is not None and price <= position.stop_loss:
        return ExitReason.STOP_LOSS
    if position.trailing_stop is not None and price <= position.trailing_stop:
        return ExitReason.TRAILING_STOP
    if position.take_profit is not None and price >= position.take_profit:
        return ExitReason.TAKE_PROFIT
    return None


def _at(price: Decimal, frac: Decimal | None, sign: int) -> Decimal | None:
    return None if frac is None else price_rounded(price * (ONE + sign * frac))
