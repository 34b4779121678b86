"""What a report makes of an order and its position. Pure: rows are read before and written after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from shared.domain.bots import Bot
from shared.domain.orders import (
    TERMINAL,
    Fill,
    IllegalTransition,
    Order,
    OrderReport,
    OrderState,
    Purpose,
    checked_transition,
)
from shared.domain.positions import Position, PositionState, Protection, folded, settled
from shared.domain.values import ZERO, Market, Side, price_rounded

_NEVER_SENT = frozenset({OrderState.PLANNED, OrderState.NOT_PLACED})


@dataclass(frozen=True, slots=True)
class Traded:
    """Sums over every recorded fill of one order."""

    quantity: Decimal = ZERO
    quote: Decimal = ZERO


def reported(order: Order, report: OrderReport, new: Sequence[Fill], traded: Traded, at: datetime) -> Order:
    """`order` with what the venue says of it and its new fills counted; `traded` includes them."""
    state = state_after(order, report, traded.quantity)
    spent = sum((fill.quantity * fill.price for fill in new if fill.side is Side.BUY), ZERO)
    fee, currency = _fee(order, new)
    return replace(
        order,
        state=state,
        updated_at=at if state is not order.state or new else order.updated_at,
        exchange_order_id=report.exchange_order_id or order.exchange_order_id,
        filled=traded.quantity,
        average_price=price_rounded(traded.quote / traded.quantity) if traded.quantity else None,
        fee=fee,
        fee_currency=currency,
        doubt_since=None,
        reserved=ZERO if state in TERMINAL else max(order.reserved - spent, ZERO),
    )


def state_after(order: Order, report: OrderReport, recorded: Decimal) -> OrderState:
    """The state to keep: an end counts once every fill that it speaks of is recorded, and what contradicts the
    record (an older answer, most often) changes nothing."""
    said = report.state
    if said is OrderState.ACKED or (said in TERMINAL and recorded < report.filled):
        said = OrderState.PARTIALLY_FILLED if recorded else OrderState.ACKED
    # The venue knows the order, so it was sent, whatever was concluded here: it must not be sent again.
    current = OrderState.SENDING if order.state in _NEVER_SENT else order.state
    try:
        return checked_transition(current, said)
    except IllegalTransition:
        return order.state


def opened(order: Order, market: Market, first: Fill) -> Position:
    """A position without a quantity yet; its id follows from the entry's, so that a replay finds it again."""
    return Position(
        id=position_id_of(order),
        bot_id=order.bot_id,
        strategy_id=order.strategy_id,
        exchange=order.exchange,
        symbol=order.symbol,
        base=market.base,
        quote=market.quote,
        state=PositionState.OPEN,
        opened_at=first.at,
    )


def position_id_of(entry: Order) -> str:
    return "p" + entry.client_order_id[1:]


def reopened(position: Position) -> Position:
    """A position that a late fill of its entry brings back: watched again, and left again where it was being left."""
    return replace(position, state=PositionState.OPEN, closed_at=None)


def position_after(
    position: Position, before: Order, after: Order, fills: Sequence[Fill], protection: Protection, market: Market
) -> Position:
    """`position` with new fills folded in, and settled where the order has ended; a fill after the end counts too."""
    if fills and after.purpose is Purpose.ENTRY:
        position = reopened(position)
    for fill in fills:
        position = folded(position, fill, protection)
    at = after.updated_at
    if before.is_finished:
        return _after_late_fills(position, before, after, market, at) if fills else position
    if after.is_finished and position.state is PositionState.OPEN:
        return settled(position, after, market, at)
    return position


def _after_late_fills(position: Position, before: Order, after: Order, market: Market, at: datetime) -> Position:
    if position.state is not PositionState.OPEN:
        return replace(position, state=PositionState.CLOSED) if position.quantity == ZERO else position
    # What was filled in time has had its lots counted.
    was_counted = after.purpose is Purpose.EXIT or before.filled > 0
    return settled(position, replace(after, lots=0) if was_counted else after, market, at)


def is_flat(bot: Bot, open_positions: int, live_orders: int) -> bool:
    """Whether a flatten is over: nothing is held, and nothing under way could make it hold again."""
    return bot.is_stopping and open_positions == 0 and live_orders == 0


def _fee(order: Order, new: Sequence[Fill]) -> tuple[Decimal, str | None]:
    """The order's fee, in the currency of its first fill; what was taken in another is told by the fills alone."""
    currency = order.fee_currency or (new[0].fee_currency if new else None)
    return order.fee + sum((fill.fee for fill in new if fill.fee_currency == currency), ZERO), currency
