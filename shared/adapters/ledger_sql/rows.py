"""Values ↔ rows, spelled out. A column has its field's name; what is not one to one is written here."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from shared.domain.bots import Bot, Desired, PausedBy, Subscription
from shared.domain.candles import Timeframe
from shared.domain.events import Event, EventType
from shared.domain.orders import Fill, Order, OrderState, Purpose
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import ExitReason, Position, PositionState
from shared.domain.signals import Action, Evaluation
from shared.domain.values import ZERO, Market, OrderType, Side

Row = sa.Row[Any]
Values = dict[str, Any]


def values(value: Any) -> Values:
    """The columns of a value whose fields are all columns, as those of nearly every one are."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def bot_of(row: Row) -> Bot:
    return Bot(
        id=row.id,
        exchange=row.exchange,
        account=row.account,
        quote=row.quote,
        initial_balance=row.initial_balance,
        desired=Desired(row.desired),
        trades_from=row.trades_from,
        created_at=row.created_at,
        updated_at=row.updated_at,
        run=row.run,
        version=row.version,
        is_stopping=row.is_stopping,
        paused_by=None if row.paused_by is None else PausedBy(row.paused_by),
        pause_reason=row.pause_reason,
    )


def account_of(row: Row, reserved: Any = ZERO) -> Account:
    """The account columns of a bot's row; `reserved` is the sum over its live orders."""
    return Account(
        bot_id=row.id,
        initial_balance=row.initial_balance,
        cash=row.cash,
        reserved=reserved,
        realised=row.realised,
        fees=row.fees,
        peak_equity=row.peak_equity,
        day=row.day,
        day_start_equity=row.day_start_equity,
        equity=row.equity,
    )


def subscription_of(row: Row) -> Subscription:
    return Subscription(
        id=row.id,
        bot_id=row.bot_id,
        name=row.name,
        symbol=row.symbol,
        timeframe=Timeframe(row.timeframe),
        active_from=row.active_from,
        created_at=row.created_at,
        params=row.params,
        group=row.group,
        removed_at=row.removed_at,
    )


def order_of(row: Row) -> Order:
    return Order(
        client_order_id=row.client_order_id,
        bot_id=row.bot_id,
        exchange=row.exchange,
        account=row.account,
        strategy_id=row.strategy_id,
        symbol=row.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        purpose=Purpose(row.purpose),
        quantity=row.quantity,
        state=OrderState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        price=row.price,
        lots=row.lots,
        reason=row.reason,
        decision_id=row.decision_id,
        position_id=row.position_id,
        position_version=row.position_version,
        exchange_order_id=row.exchange_order_id,
        attempt=row.attempt,
        reserved=row.reserved,
        filled=row.filled,
        average_price=row.average_price,
        fee=row.fee,
        fee_currency=row.fee_currency,
        valid_until=row.valid_until,
        expires_at=row.expires_at,
        not_found_count=row.not_found_count,
        not_found_at=row.not_found_at,
        doubt_since=row.doubt_since,
        owner=row.owner,
        epoch=row.epoch,
        lease_until=row.lease_until,
        failure=row.failure,
    )


def fill_of(row: Row) -> Fill:
    return Fill(
        account=row.account,
        symbol=row.symbol,
        trade_id=row.trade_id,
        client_order_id=row.client_order_id,
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        fee_currency=row.fee_currency,
        at=row.at,
    )


def position_of(row: Row) -> Position:
    return Position(
        id=row.id,
        bot_id=row.bot_id,
        strategy_id=row.strategy_id,
        exchange=row.exchange,
        symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        state=PositionState(row.state),
        opened_at=row.opened_at,
        quantity=row.quantity,
        lots=row.lots,
        cost=row.cost,
        realised=row.realised,
        fees=row.fees,
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        trailing_stop_frac=row.trailing_stop_frac,
        high_water=row.high_water,
        version=row.version,
        closed_at=row.closed_at,
        leaving=None if row.leaving is None else ExitReason(row.leaving),
    )


def equity_mark_of(row: Row) -> EquityMark:
    return EquityMark(
        bot_id=row.bot_id,
        at=row.at,
        equity=row.equity,
        cash=row.cash,
        positions_value=row.positions_value,
        realised=row.realised,
        unrealised=row.unrealised,
        fees=row.fees,
        peak_equity=row.peak_equity,
        drawdown_frac=row.drawdown_frac,
        day_start_equity=row.day_start_equity,
    )


def market_of(row: Row) -> Market:
    return Market(
        exchange=row.exchange,
        symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        lot_step=row.lot_step,
        price_tick=row.price_tick,
        min_quantity=row.min_quantity,
        min_notional=row.min_notional,
        maker_fee_frac=row.maker_fee_frac,
        taker_fee_frac=row.taker_fee_frac,
        is_active=row.is_active,
    )


def event_of(row: Row) -> Event:
    return Event(EventType(row.type), row.bot_id, row.at, row.payload, row.number)


def evaluation_json(evaluation: Evaluation) -> Values:
    """For a JSON column, which knows neither NaN nor infinity."""
    indicators = {name: _finite(value) for name, value in evaluation.indicators.items()}
    return {**values(evaluation), "action": evaluation.action.value, "indicators": indicators}


def evaluation_of(stored: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        candle_open_ms=stored["candle_open_ms"],
        action=Action(stored["action"]),
        lots=stored["lots"],
        close=stored["close"],
        reason=stored["reason"],
        indicators=stored["indicators"],
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
