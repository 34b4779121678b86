"""Positions and equity."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import facts, locking, tables
from shared.adapters.ledger_sql.connections import snapshot, transaction
from shared.adapters.ledger_sql.rows import account_of, bot_of, position_of, values
from shared.domain.bots import Bot
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position, PositionState
from shared.domain.values import ZERO
from shared.domain.watching import is_watched

# More than rounding at 28 digits makes of any balance, less than anyone would pay in.
_SAME_CAPITAL = Decimal("0.000001")
BATCH = 500


class SqlBooks:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def watched_positions(self, exchange: str) -> list[tuple[Bot, Position]]:
        b, p = tables.bots, tables.positions
        is_open = (p.c.exchange == exchange, p.c.state == PositionState.OPEN)
        with snapshot(self._engine) as conn:
            owners = conn.execute(sa.select(b).where(b.c.id.in_(sa.select(p.c.bot_id).where(*is_open))))
            bots = {row.id: bot_of(row) for row in owners}
            rows = conn.execute(sa.select(p).where(*is_open).order_by(p.c.seq))
            held = [(bots[row.bot_id], position_of(row)) for row in rows]
        return [(bot, position) for bot, position in held if is_watched(bot, position)]

    def raise_high_water(self, marks: Mapping[str, Decimal]) -> None:
        if not marks:
            return
        p = tables.positions
        new = sa.values(sa.column("id", sa.Text), sa.column("mark", sa.Numeric), name="new").data(list(marks.items()))
        is_higher = sa.or_(p.c.high_water.is_(None), p.c.high_water < new.c.mark)
        # Locked in one order: two ticks then never wait for each other in a circle.
        behind = (
            sa.select(p.c.id, new.c.mark)
            .join(new, new.c.id == p.c.id)
            .where(p.c.state == PositionState.OPEN, is_higher)
            .order_by(p.c.id)
            .with_for_update(of=p, key_share=True)
            .cte("behind")
        )
        with transaction(self._engine) as conn:
            conn.execute(sa.update(p).where(p.c.id == behind.c.id).values(high_water=behind.c.mark))

    def accounts(self, exchange: str) -> list[tuple[Account, list[Position]]]:
        b = tables.bots
        with snapshot(self._engine) as conn:
            return accounts(conn, b.c.exchange == exchange)

    def store_equity(self, marks: Sequence[EquityMark]) -> None:
        if not marks:
            return
        ordered = sorted(marks, key=lambda mark: mark.bot_id)
        with transaction(self._engine) as conn:
            e = tables.equity
            new = insert(e).on_conflict_do_nothing().returning(e.c.bot_id, e.c.at)
            stored = {(row.bot_id, row.at) for row in conn.execute(new, [values(mark) for mark in ordered])}
            fresh = [mark for mark in ordered if (mark.bot_id, mark.at) in stored]
            _keep_with_bots(conn, fresh)
            facts.append(conn, *(facts.equity_marked(mark) for mark in fresh))


def accounts(conn: sa.Connection, *which: sa.ColumnElement[bool]) -> list[tuple[Account, list[Position]]]:
    """Of the bots chosen: each one's account, and what it holds."""
    b, o, p = tables.bots, tables.orders, tables.positions
    chosen = sa.select(b.c.id).where(*which)
    held: dict[str, list[Position]] = {}
    holding = sa.select(p).where(p.c.bot_id.in_(chosen), p.c.quantity != ZERO).order_by(p.c.seq)
    for row in conn.execute(holding):
        held.setdefault(row.bot_id, []).append(position_of(row))
    reservations = (
        sa.select(o.c.bot_id, sa.func.sum(o.c.reserved, type_=tables.Money).label("amount"))
        .where(o.c.bot_id.in_(chosen), locking.IS_LIVE)
        .group_by(o.c.bot_id)
    )
    reserved = {row.bot_id: row.amount for row in conn.execute(reservations)}
    bots = conn.execute(sa.select(b).where(*which).order_by(b.c.id))
    return [(account_of(row, reserved.get(row.id, ZERO)), held.get(row.id, [])) for row in bots]


def _keep_with_bots(conn: sa.Connection, marks: Sequence[EquityMark]) -> None:
    """Peak, day's start and last equity. A mark older than the last is left out, and so is one that was computed
    before capital moved: its peak would be a drawdown that never was."""
    b = tables.bots
    for first in range(0, len(marks), BATCH):
        new = _as_table(marks[first : first + BATCH])
        is_newer = sa.or_(b.c.equity_at.is_(None), b.c.equity_at < new.c.at)
        is_same_capital = sa.func.abs(b.c.initial_balance - new.c.capital) < _SAME_CAPITAL
        kept = {
            "equity": new.c.equity,
            "equity_at": new.c.at,
            "peak_equity": sa.func.greatest(b.c.peak_equity, new.c.peak),
            "day_start_equity": sa.case((b.c.day < new.c.day, new.c.day_start), else_=b.c.day_start_equity),
            "day": sa.func.greatest(b.c.day, new.c.day),
        }
        conn.execute(sa.update(b).where(b.c.id == new.c.bot_id, is_newer, is_same_capital).values(kept))


def _as_table(marks: Sequence[EquityMark]) -> sa.Values:
    columns: list[sa.ColumnClause[Any]] = [
        sa.column("bot_id", sa.Text),
        sa.column("at", tables.Moment),
        sa.column("day", sa.Date),
        *(sa.column(name, sa.Numeric) for name in ("equity", "peak", "day_start", "capital")),
    ]
    return sa.values(*columns, name="new").data(
        [
            (
                mark.bot_id,
                mark.at,
                mark.at.date(),
                mark.equity,
                mark.peak_equity,
                mark.day_start_equity,
                mark.equity - mark.realised - mark.unrealised + mark.fees,
            )
            for mark in marks
        ]
    )
