"""Decisions, orders and fills: each method one transaction, begun by locking the bot."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import localcontext

import sqlalchemy as sa
import structlog

from shared.adapters.clock import SystemClock
from shared.adapters.ledger_sql import deciding, evaluated, facts, locking, recording, tables
from shared.adapters.ledger_sql.connections import transaction
from shared.adapters.ledger_sql.rows import bot_of, order_of
from shared.domain import transmission
from shared.domain.bots import Bot, MarketKey
from shared.domain.evaluating import GroupKey
from shared.domain.orders import IN_FLIGHT, Order, OrderReport, OrderState, Permit, Purpose, checked_transition
from shared.domain.planning import Decision, Desk
from shared.domain.positions import Position, PositionState
from shared.domain.risk import Denial
from shared.domain.signals import Evaluation
from shared.domain.values import EXACT, ZERO, Market
from shared.ports import Clock, Outcome

log = structlog.get_logger(__name__)

_SHARED_BOT = sa.select(tables.bots).where(tables.bots.c.id == sa.bindparam("id_")).with_for_update(read=True)


class SqlJournal:
    def __init__(self, engine: sa.Engine, clock: Clock | None = None) -> None:
        self._engine = engine
        self._clock = clock or SystemClock()

    def last_evaluated(self, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
        with transaction(self._engine) as conn:
            return evaluated.newest(conn, markets)

    def record_evaluations(self, market: MarketKey, candle_open_ms: int, by_group: Mapping[str, Evaluation]) -> None:
        with transaction(self._engine) as conn:
            evaluated.record(conn, market, candle_open_ms, by_group, self._clock.now())

    def decide(self, decision: Decision, plan: Callable[[Desk], Order | Denial]) -> Outcome:
        with transaction(self._engine) as conn:
            row = locking.known_bot_row(conn, decision.bot_id)
            subscription, earlier = deciding.standing(conn, decision)
            if earlier is not None:
                return earlier
            desk = deciding.desk(conn, row, subscription)
            planned = plan(desk)
            return deciding.write(conn, decision, desk, planned, self._clock.now())

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
            if not deciding.insert_order(conn, planned):
                return None
            facts.append(conn, facts.order_planned(planned))
        return planned

    def mark_sending(self, order: Order, permit: Permit, now: datetime) -> Order | None:
        with transaction(self._engine) as conn:
            bot = _shared_bot(conn, order)
            stored = locking.order(conn, order.client_order_id)
            if stored.state is not OrderState.PLANNED or stored.attempt != order.attempt:
                return None
            after = transmission.sending(stored, bot, permit, now)
            if after.state is OrderState.SENDING:
                locking.write_order(conn, after)
                facts.append(conn, facts.order_changed(after))
                return after
        self._end_unsent(order, permit, now)
        return None

    def _end_unsent(self, order: Order, permit: Permit, now: datetime) -> None:
        """Write an entry's refusal. It may end its bot's flatten, so the bot is locked for itself: senders share it."""
        with transaction(self._engine) as conn:
            bot = bot_of(locking.known_bot_row(conn, order.bot_id))
            stored = locking.order(conn, order.client_order_id)
            if (stored.state, stored.attempt) != (OrderState.PLANNED, order.attempt):
                return
            after = transmission.sending(stored, bot, permit, now)
            # A bot resumed since may enter again: the order is still planned, and whoever comes next sends it.
            if after.is_finished:
                recording.write_change(conn, bot, after, now)

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
            after = replace(stored, state=checked_transition(stored.state, state), updated_at=at)
            if after.is_finished:
                after = replace(after, reason=reason, reserved=ZERO)
            recording.write_change(conn, bot, after, at, failure=reason)
        return after

    def record_not_found(self, order: Order, at: datetime, min_gap_s: float) -> Order:
        with transaction(self._engine) as conn:
            bot = bot_of(locking.known_bot_row(conn, order.bot_id))
            stored = locking.order(conn, order.client_order_id)
            is_asked = stored.state in IN_FLIGHT and (stored.attempt, stored.filled) == (order.attempt, ZERO)
            if not is_asked:
                return stored
            if stored.not_found_at is None:
                after = replace(stored, not_found_count=1, not_found_at=at)
                locking.write_order(conn, after)
                return after
            if (at - stored.not_found_at).total_seconds() < min_gap_s:
                return stored
            return _proved_absent(conn, bot, stored, at)

    def unfinished(self) -> list[Order]:
        o = tables.orders
        with transaction(self._engine) as conn:
            return [order_of(row) for row in conn.execute(sa.select(o).where(locking.IS_LIVE).order_by(o.c.seq))]

    def entries_in_flight(self, bot_id: str) -> list[Order]:
        with transaction(self._engine) as conn:
            live = locking.live_orders(conn, bot_id)
        return [order for order in live if order.purpose is Purpose.ENTRY and order.state in IN_FLIGHT]


def _shared_bot(conn: sa.Connection, order: Order) -> Bot:
    """Shared among senders, exclusive of a control call: a pause waits for this commit, or is seen by it."""
    return bot_of(conn.execute(_SHARED_BOT, {"id_": order.bot_id}).one())


def _proved_absent(conn: sa.Connection, bot: Bot, order: Order, at: datetime) -> Order:
    """NOT_PLACED, then what follows from it: planned once more, or too late."""
    gone = transmission.absent(order, at)
    facts.append(conn, facts.order_changed(gone))
    after = transmission.after_absence(gone, bot, at)
    recording.write_change(conn, bot, after, at)
    return after
