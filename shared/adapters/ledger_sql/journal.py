"""Decisions, orders and fills: each method one transaction, begun by locking the bot."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import localcontext

import sqlalchemy as sa
import structlog

from shared.adapters.clock import SystemClock
from shared.adapters.ledger_sql import deciding, evaluated, facts, leasing, locking, recording, settling, tables
from shared.adapters.ledger_sql.connections import transaction
from shared.adapters.ledger_sql.rows import Row, account_of, bot_of, order_of
from shared.domain import doubting, transmission
from shared.domain.bots import Bot, MarketKey
from shared.domain.evaluating import GroupKey
from shared.domain.findings import Finding
from shared.domain.orders import (
    IN_FLIGHT,
    RESTING,
    Order,
    OrderReport,
    OrderState,
    Permit,
    Placement,
    Purpose,
    checked_transition,
)
from shared.domain.planning import Decision, Desk
from shared.domain.positions import Position, PositionState
from shared.domain.risk import Denial, Limits
from shared.domain.signals import Evaluation
from shared.domain.values import EXACT, ZERO, Market
from shared.ports import Clock, Outcome

log = structlog.get_logger(__name__)


class SqlJournal:
    """`owner` names the process that leases what it plans. Leases run by the database's clock, the same for all."""

    def __init__(self, engine: sa.Engine, clock: Clock | None = None, owner: str | None = None) -> None:
        self._engine = engine
        self._clock = clock or SystemClock()
        self._owner = owner or f"{os.uname().nodename}:{os.getpid()}"

    def last_evaluated(self, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
        with transaction(self._engine) as conn:
            return evaluated.newest(conn, markets)

    def record_evaluations(self, market: MarketKey, candle_open_ms: int, by_group: Mapping[str, Evaluation]) -> None:
        with transaction(self._engine) as conn:
            evaluated.record(conn, market, candle_open_ms, by_group, self._clock.now())

    def decide(self, decision: Decision, plan: Callable[[Desk], Order | Denial]) -> Outcome:
        with transaction(self._engine) as conn:
            row = locking.planner(conn, decision.bot_id)
            subscription, earlier = deciding.standing(conn, decision)
            if earlier is not None:
                return earlier
            desk = deciding.desk(conn, row, subscription)
            planned = plan(desk)
            return deciding.write(conn, decision, desk, planned, self._owner, self._clock.now())

    def plan_exit(self, position_id: str, plan: Callable[[Bot, Position], Order | Denial]) -> Order | None:
        p = tables.positions
        with transaction(self._engine) as conn:
            owner = conn.execute(sa.select(p.c.bot_id).where(p.c.id == position_id)).scalar_one_or_none()
            if owner is None:
                return None
            bot = bot_of(locking.known_bot_row(conn, owner))
            position = locking.position(conn, position_id)
            if position is None or position.state is not PositionState.OPEN or deciding.exit_lives(conn, position):
                return None
            planned = plan(bot, position)
            if isinstance(planned, Denial):
                recording.leave_as_dust(conn, bot, position, planned, self._clock.now())
                return None
            return deciding.insert_exit(conn, planned, position, self._owner)

    def take(self, order: Order) -> Order | None:
        with transaction(self._engine) as conn:
            return leasing.taken(conn, order, self._owner)

    def release(self, order: Order) -> None:
        with transaction(self._engine) as conn:
            leasing.release(conn, order)

    def may_be_behind(self, order: Order) -> bool:
        with transaction(self._engine) as conn:
            return leasing.is_unreconciled(conn, order)

    def mark_sending(self, order: Order, permit: Permit, now: datetime, limits: Limits) -> Order | None:
        with transaction(self._engine) as conn:
            row = locking.sender(conn, order.bot_id)
            stored = locking.order(conn, order.client_order_id)
            if not leasing.is_owned(stored, order):
                return None
            after = transmission.sending(stored, self._standing(row), permit, now, limits)
            if after.state is OrderState.SENDING:
                locking.write_order(conn, after)
                facts.append(conn, facts.order_changed(after))
                return after
        if after.is_finished:
            self._end_unsent(order, permit, now, limits)
        return None

    def _end_unsent(self, order: Order, permit: Permit, now: datetime, limits: Limits) -> None:
        """Write an entry's refusal. It may end its bot's flatten, so the bot is locked for itself: senders share it."""
        with transaction(self._engine) as conn:
            row = locking.planner(conn, order.bot_id)
            stored = locking.order(conn, order.client_order_id)
            if not leasing.is_owned(stored, order):
                return
            standing = self._standing(row)
            after = transmission.sending(stored, standing, permit, now, limits)
            # A bot resumed since may enter again: the order is still planned, and whoever comes next sends it.
            if after.is_finished:
                recording.write_change(conn, standing.bot, after, now)

    def _standing(self, row: Row) -> transmission.Standing:
        return transmission.Standing(bot_of(row), account_of(row), locking.gate_of(row))

    def record_report(self, order: Order, report: OrderReport, market: Market, at: datetime) -> Order:
        with transaction(self._engine) as conn, localcontext(EXACT):
            row = locking.known_bot_row(conn, order.bot_id)
            stored = locking.order(conn, order.client_order_id)
            after = recording.report(conn, bot_of(row), stored, report, market, at)
        if after.state is not report.state:
            log.info("report_not_followed", order=order.client_order_id, state=after.state, said=report.state)
        return after

    def record_failure(self, order: Order, state: OrderState, reason: str, at: datetime) -> Order:
        with transaction(self._engine) as conn:
            bot = bot_of(locking.known_bot_row(conn, order.bot_id))
            stored = locking.order(conn, order.client_order_id)
            if (stored.state, stored.attempt) != (order.state, order.attempt):
                return stored
            after = replace(stored, state=checked_transition(stored.state, state), updated_at=at, failure=reason)
            if after.is_finished:
                after = replace(after, reason=reason, reserved=ZERO)
            # What waits for its next try is anybody's.
            after = replace(after, lease_until=None)
            recording.write_change(conn, bot, after, at, failure=reason)
        return after

    def record_not_found(self, order: Order, at: datetime, placement: Placement) -> Order:
        return self._record_doubt(order, at, lambda stored: doubting.not_found(stored, at, placement))

    def record_unanswered(self, order: Order, at: datetime) -> Order:
        return self._record_doubt(order, at, lambda stored: doubting.unanswered(stored, at))

    def quarantine(self, order: Order, at: datetime) -> Order:
        return self._record_doubt(order, at, lambda stored: doubting.quarantined(stored, at))

    def settle(self, order: Order, finding: Finding, market: Market, at: datetime) -> Order:
        with transaction(self._engine) as conn, localcontext(EXACT):
            bot = bot_of(locking.known_bot_row(conn, order.bot_id))
            stored = locking.order(conn, order.client_order_id)
            return settling.settle(conn, bot, stored, finding, market, at)

    def _record_doubt(self, order: Order, at: datetime, doubted: Callable[[Order], Order]) -> Order:
        with transaction(self._engine) as conn:
            bot = bot_of(locking.known_bot_row(conn, order.bot_id))
            stored = locking.order(conn, order.client_order_id)
            if (stored.state, stored.attempt, stored.filled) != (order.state, order.attempt, order.filled):
                return stored
            after = doubted(stored)
            if after.state is OrderState.NOT_PLACED:
                return recording.proved_absent(conn, bot, after, at)
            if after.state is not stored.state:
                recording.write_change(conn, bot, after, at)
            elif after != stored:
                locking.write_order(conn, after)
            return after

    def unfinished(self) -> list[Order]:
        o = tables.orders
        with transaction(self._engine) as conn:
            return [order_of(row) for row in conn.execute(sa.select(o).where(locking.IS_LIVE).order_by(o.c.seq))]

    def resting(self, position: Position) -> list[Order]:
        with transaction(self._engine) as conn:
            live = locking.live_orders(conn, position.bot_id)
        return [order for order in live if order.strategy_id == position.strategy_id and order.state in RESTING]

    def entries_in_flight(self, bot_id: str) -> list[Order]:
        with transaction(self._engine) as conn:
            live = locking.live_orders(conn, bot_id)
        return [order for order in live if order.purpose is Purpose.ENTRY and order.state in IN_FLIGHT]
