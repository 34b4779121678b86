"""From a signal to an order or a reason: the rules, in the order in which they refuse. Pure.

Called inside the plan transaction, on rows that it has locked, so that what is true here stays true until the
order, its reservation and its event are written.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.bots import Bot, Desired, Subscription
from shared.domain.gate import Gate
from shared.domain.orders import Order, OrderState, Purpose, client_order_id
from shared.domain.portfolio import Account
from shared.domain.positions import ExitReason, Position
from shared.domain.risk import Denial, Limits, affordable, cash_needed, entry_quantity, halt, position_notional
from shared.domain.values import ZERO, Market, OrderType, Side, round_down, round_up

_ONCE_SMALL = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """A BUY or SELL on one closed candle, before anything was done about it.

    Unique by (bot, run, strategy, symbol, timeframe, candle open), side excluded: first writer wins.
    """

    bot_id: str
    run: int
    subscription: Subscription
    candle_open_ms: int
    side: Side
    lots: int
    reason: str = ""

    @property
    def closed_at_ms(self) -> int:
        return self.candle_open_ms + self.subscription.timeframe.ms

    @property
    def key(self) -> str:
        s = self.subscription
        return f"{self.bot_id}|{self.run}|{s.id}|{s.symbol}|{s.timeframe}|{self.candle_open_ms}"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the plan transaction holds under lock. `position` is the subscription's open one."""

    bot: Bot
    subscription: Subscription
    account: Account
    position: Position | None
    live_orders: tuple[Order, ...] = ()
    gate: Gate = field(default_factory=Gate)


@dataclass(frozen=True, slots=True)
class Quote:
    """The market and its price at the moment of planning; `now` is the exchange's clock."""

    market: Market
    price: Decimal
    now: datetime


def plan(decision: Decision, desk: Desk, quote: Quote, limits: Limits) -> Order | Denial:
    """The order that answers a decision, or why there is none."""
    refusal = _standing_refusal(decision, desk, quote)
    if refusal is not None:
        return refusal
    if decision.side is Side.SELL:
        return _signal_exit(decision, desk, quote, limits)
    return _entry(decision, desk, quote, limits)


def _standing_refusal(decision: Decision, desk: Desk, quote: Quote) -> Denial | None:
    closed_at = datetime.fromtimestamp(decision.closed_at_ms / 1000, tz=quote.now.tzinfo)
    if desk.bot.desired is Desired.STOPPED or desk.bot.run != decision.run:
        return Denial.NOT_RUNNING
    if not desk.subscription.is_active:
        return Denial.STRATEGY_REMOVED
    if closed_at <= max(desk.bot.trades_from, desk.subscription.active_from):
        return Denial.CLOSED_BEFORE_START
    return None


def _entry(decision: Decision, desk: Desk, quote: Quote, limits: Limits) -> Order | Denial:
    refusal = _entry_refusal(decision, desk, quote, limits)
    if refusal is not None:
        return refusal
    stop = desk.subscription.protection.stop_loss_frac
    levels, lots = levels_of(desk.subscription), _free_lots(decision, desk)
    wanted = position_notional(desk.account, stop, limits) / levels
    notional = min(wanted, affordable(desk.account, quote.market, limits) / lots)
    # Sized by the lot, since a grid sells lot by lot: each must be worth what the venue's smallest trade is.
    lot = entry_quantity(notional, quote.price, stop, quote.market)
    if isinstance(lot, Denial):
        return Denial.INSUFFICIENT_CASH if notional < wanted else lot
    quantity = lot * lots
    reserved = cash_needed(quantity, quote.price, quote.market, limits)
    if reserved > desk.account.free_cash:
        return Denial.INSUFFICIENT_CASH
    return Order(
        client_order_id=client_order_id(desk.bot.account, decision.key, Side.BUY),
        bot_id=desk.bot.id,
        exchange=desk.bot.exchange,
        account=desk.bot.account,
        strategy_id=desk.subscription.id,
        symbol=quote.market.symbol,
        side=Side.BUY,
        type=OrderType.MARKET,
        purpose=Purpose.ENTRY,
        quantity=quantity,
        state=OrderState.PLANNED,
        created_at=quote.now,
        updated_at=quote.now,
        lots=lots,
        reason=decision.reason,
        reserved=reserved,
        expires_at=_expiry(decision, quote.now),
    )


def _entry_refusal(decision: Decision, desk: Desk, quote: Quote, limits: Limits) -> Denial | None:
    if desk.bot.desired is Desired.PAUSED:
        return Denial.PAUSED
    if not quote.market.is_active or quote.price <= ZERO:
        return Denial.MARKET_INACTIVE
    if quote.now >= _expiry(decision, quote.now):
        return Denial.SIGNAL_EXPIRED
    halted = desk.gate.refusal or halt(desk.account, limits)
    if halted is not None:
        return halted
    is_being_left = desk.position is not None and desk.position.leaving is not None
    if desk.live_orders or is_being_left:
        return Denial.ORDER_IN_FLIGHT
    if _free_lots(decision, desk) > 0:
        return None
    return Denial.NO_FREE_LEVEL if levels_of(desk.subscription) > 1 else Denial.ALREADY_IN_POSITION


def _signal_exit(decision: Decision, desk: Desk, quote: Quote, limits: Limits) -> Order | Denial:
    if desk.position is None:
        return Denial.NOTHING_TO_SELL
    # An entry in trouble is no reason to stay: what is held is sold.
    if any(order.purpose is Purpose.EXIT for order in desk.live_orders):
        return Denial.ORDER_IN_FLIGHT
    lots = min(decision.lots, desk.position.lots)
    return plan_exit(desk.bot, desk.position, ExitReason.SIGNAL, quote, lots, limits.limit_exit_s)


def plan_exit(
    bot: Bot, position: Position, reason: ExitReason, quote: Quote, lots: int | None = None, limit_exit_s: int = 0
) -> Order | Denial:
    """The sell that leaves `lots` of a position, or all of it.

    At market, but for the first try of an exit in no hurry, which may rest `limit_exit_s` at the price of now.
    Refused only for what the venue would refuse at any time: less than its smallest quantity or worth.
    """
    lots = position.lots if lots is None else min(lots, position.lots)
    is_whole = lots == position.lots
    share = position.quantity if is_whole else position.quantity * lots / position.lots
    quantity = round_down(share, quote.market.lot_step)
    if quantity < max(quote.market.min_quantity, quote.market.lot_step):
        return Denial.BELOW_MIN_QUANTITY
    if _is_too_small(quantity, position, quote):
        return Denial.BELOW_MIN_NOTIONAL
    # Only a whole one is kept up until it is flat: what is left of a part would stay.
    rests = limit_exit_s > 0 and is_whole and reason.is_patient and position.leaving is None and quote.price > ZERO
    return Order(
        client_order_id=client_order_id(bot.account, f"{position.id}|{position.version}", Side.SELL),
        bot_id=bot.id,
        exchange=position.exchange,
        account=bot.account,
        strategy_id=position.strategy_id,
        symbol=position.symbol,
        side=Side.SELL,
        type=OrderType.LIMIT if rests else OrderType.MARKET,
        purpose=Purpose.EXIT,
        quantity=quantity,
        price=round_up(quote.price, quote.market.price_tick) if rests else None,
        state=OrderState.PLANNED,
        created_at=quote.now,
        updated_at=quote.now,
        expires_at=quote.now + timedelta(seconds=limit_exit_s) if rests else None,
        lots=lots,
        reason=reason.value,
        position_id=position.id,
        position_version=position.version,
        reserved=ZERO,
    )


def _is_too_small(quantity: Decimal, position: Position, quote: Quote) -> bool:
    """Worth less than the venue's smallest trade, now and when it was bought.

    A price that has fallen through the floor, or an empty book's bid of zero, is no verdict on what is held: as dust it
    would be watched no more.
    """
    least = quote.market.min_notional
    return ZERO < quantity * quote.price < least and quantity * position.average_price < _ONCE_SMALL * least


def levels_of(subscription: Subscription) -> int:
    """How many lots make a full position: the levels below a grid's anchor, one for every other strategy."""
    levels = subscription.params.get("grid_levels")
    return max(int(levels) // 2, 1) if isinstance(levels, int) else 1


def _free_lots(decision: Decision, desk: Desk) -> int:
    # What a late fill brought in may not be counted in lots yet: an open position is one at least.
    held = max(desk.position.lots, 1) if desk.position else 0
    return max(min(decision.lots, levels_of(desk.subscription) - held), 0)


def _expiry(decision: Decision, now: datetime) -> datetime:
    """An entry signal is worth one candle."""
    expires_ms = decision.closed_at_ms + decision.subscription.timeframe.ms
    return datetime.fromtimestamp(expires_ms / 1000, tz=now.tzinfo)
