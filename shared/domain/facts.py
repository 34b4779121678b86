"""The events of the record: what each tells of the fact that it stands for. Pure."""

from datetime import datetime

from shared.domain.bots import Bot, Subscription
from shared.domain.events import Event, EventType
from shared.domain.findings import Finding
from shared.domain.orders import Fill, Order, OrderState
from shared.domain.planning import Decision
from shared.domain.portfolio import EquityMark
from shared.domain.positions import Position
from shared.domain.risk import Denial
from shared.domain.values import plain, price_rounded

# Denials that a user would want to hear of; the others are how strategies ordinarily idle.
TOLD = frozenset(
    {
        Denial.DRAWDOWN_LIMIT,
        Denial.DAILY_LOSS_LIMIT,
        Denial.INSUFFICIENT_CASH,
        Denial.BELOW_MIN_QUANTITY,
        Denial.BELOW_MIN_NOTIONAL,
        Denial.MARKET_INACTIVE,
        Denial.SIGNAL_EXPIRED,
        Denial.EXCHANGE_UNAVAILABLE,
        Denial.ORDER_QUARANTINED,
        Denial.ACCOUNT_DRIFT,
    }
)


def bot_changed(event: EventType, bot: Bot, held: "list[tuple[str, str]]") -> Event:
    """`held`: (position id, symbol) of what is open."""
    payload = {
        "state": bot.observed,
        "run": bot.run,
        "version": bot.version,
        "exchange": bot.exchange,
        "initial_balance": plain(bot.initial_balance),
        "paused_by": bot.paused_by,
        "reason": bot.pause_reason,
        "positions": [{"position_id": position_id, "symbol": symbol} for position_id, symbol in held],
    }
    return Event(event, bot.id, bot.updated_at, payload)


def strategy_changed(event: EventType, subscription: Subscription, at: datetime) -> Event:
    payload = {
        "strategy_id": subscription.id,
        "name": subscription.name,
        "symbol": subscription.symbol,
        "timeframe": subscription.timeframe,
        "params": dict(subscription.params),
    }
    return Event(event, subscription.bot_id, at, payload)


def signal_denied(decision: Decision, denial: Denial, at: datetime) -> Event:
    payload = {
        "strategy_id": decision.subscription.id,
        "name": decision.subscription.name,
        "symbol": decision.subscription.symbol,
        "timeframe": decision.subscription.timeframe,
        "candle_open_ms": decision.candle_open_ms,
        "side": decision.side,
        "denial": denial,
    }
    return Event(EventType.SIGNAL_DENIED, decision.bot_id, at, payload)


def trading_halted(bot_id: str, limit: Denial, at: datetime) -> Event:
    return Event(EventType.TRADING_HALTED, bot_id, at, {"limit": limit})


def order_planned(order: Order) -> Event:
    return Event(EventType.ORDER_PLANNED, order.bot_id, order.created_at, _order(order))


def order_changed(order: Order, failure: str | None = None) -> Event:
    kind = EventType.ORDER_CHANGED if order.state is not OrderState.QUARANTINED else EventType.ORDER_QUARANTINED
    payload = _order(order) if failure is None else {**_order(order), "failure": failure}
    return Event(kind, order.bot_id, order.updated_at, payload)


def order_settled(order: Order, finding: Finding, at: datetime) -> Event:
    """What a person said of a quarantined order."""
    payload = {**_order(order), "found": finding.found, "note": finding.note}
    return Event(EventType.ORDER_SETTLED, order.bot_id, at, payload)


def order_filled(order: Order, fill: Fill) -> Event:
    payload = {
        **_order(order),
        "trade_id": fill.trade_id,
        "quantity": plain(fill.quantity),
        "price": plain(fill.price),
        "fee": plain(fill.fee),
        "fee_currency": fill.fee_currency,
        "traded_at": fill.at.isoformat(),
    }
    return Event(EventType.ORDER_FILLED, order.bot_id, order.updated_at, payload)


def position_opened(position: Position, at: datetime) -> Event:
    return Event(EventType.POSITION_OPENED, position.bot_id, at, _position(position))


def position_closed(position: Position, reason: str, at: datetime) -> Event:
    payload = {**_position(position), "reason": reason, "state": position.state}
    return Event(EventType.POSITION_CLOSED, position.bot_id, at, payload)


def equity_marked(mark: EquityMark) -> Event:
    payload = {
        "equity": plain(mark.equity),
        "cash": plain(mark.cash),
        "positions_value": plain(mark.positions_value),
        "realised": plain(mark.realised),
        "unrealised": plain(mark.unrealised),
        "fees": plain(mark.fees),
        "drawdown_frac": plain(mark.drawdown_frac),
    }
    return Event(EventType.EQUITY_MARKED, mark.bot_id, mark.at, payload)


def _order(order: Order) -> dict[str, object]:
    return {
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "strategy_id": order.strategy_id,
        "position_id": order.position_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "purpose": order.purpose,
        "state": order.state,
        "reason": order.reason,
        "quantity": plain(order.quantity),
        "filled": plain(order.filled),
        "average_price": plain(order.average_price),
        "attempt": order.attempt,
        "epoch": order.epoch,
    }


def _position(position: Position) -> dict[str, object]:
    return {
        "position_id": position.id,
        "strategy_id": position.strategy_id,
        "symbol": position.symbol,
        "quantity": plain(position.quantity),
        "average_price": plain(price_rounded(position.average_price)),
        "stop_loss": plain(position.stop_loss),
        "take_profit": plain(position.take_profit),
        "realised": plain(position.realised),
        "fees": plain(position.fees),
    }
