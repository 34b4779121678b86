"""Reads for people, in pages."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from shared.adapters.ledger_sql import books, locking, tables
from shared.adapters.ledger_sql.connections import snapshot, transaction
from shared.adapters.ledger_sql.rows import (
    Row,
    equity_mark_of,
    evaluation_of,
    fill_of,
    order_of,
    position_of,
    subscription_of,
)
from shared.domain.errors import InvalidField
from shared.domain.orders import Fill, Order
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position, PositionState
from shared.ports import LastEvaluation, Page

T = TypeVar("T")


class SqlQueries:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def account(self, bot_id: str) -> Account | None:
        found = self.holdings(bot_id)
        return None if found is None else found[0]

    def holdings(self, bot_id: str) -> tuple[Account, list[Position]] | None:
        with snapshot(self._engine) as conn:
            found = books.accounts(conn, tables.bots.c.id == bot_id)
        return found[0] if found else None

    def positions(self, bot_id: str, is_open: bool | None, limit: int, cursor: str | None) -> Page[Position]:
        state = tables.positions.c.state
        where = {None: sa.true(), True: state == PositionState.OPEN, False: state != PositionState.OPEN}[is_open]
        return self._page(tables.positions, position_of, bot_id, limit, cursor, where)

    def orders(self, bot_id: str, limit: int, cursor: str | None, is_live: bool = False) -> Page[Order]:
        return self._page(tables.orders, order_of, bot_id, limit, cursor, locking.IS_LIVE if is_live else None)

    def order(self, bot_id: str, client_order_id: str) -> Order | None:
        if "\x00" in client_order_id:
            return None  # Postgres can't even be asked for such a text.
        o = tables.orders
        its_row = sa.select(o).where(o.c.bot_id == bot_id, o.c.client_order_id == client_order_id)
        with transaction(self._engine) as conn:
            row = conn.execute(its_row).one_or_none()
        return None if row is None else order_of(row)

    def fills(self, bot_id: str, limit: int, cursor: str | None) -> Page[Fill]:
        return self._page(tables.fills, fill_of, bot_id, limit, cursor)

    def equity(self, bot_id: str, limit: int, cursor: str | None) -> Page[EquityMark]:
        return self._page(tables.equity, equity_mark_of, bot_id, limit, cursor)

    def last_evaluations(self, bot_id: str) -> list[LastEvaluation]:
        with transaction(self._engine) as conn:
            return [_last_evaluation(row) for row in conn.execute(_last_evaluations(bot_id))]

    def _page(
        self,
        table: sa.Table,
        read: Callable[[Row], T],
        bot_id: str,
        limit: int,
        cursor: str | None,
        where: "sa.ColumnElement[bool] | sa.TextClause | None" = None,
    ) -> Page[T]:
        """By order of writing, so that rows written between two pages neither repeat nor hide one."""
        seq = table.c.seq
        statement = sa.select(table).where(table.c.bot_id == bot_id).order_by(seq.desc()).limit(limit + 1)
        if where is not None:
            statement = statement.where(where)
        if cursor is not None:
            statement = statement.where(seq < _seq_of(cursor, table.name))
        with transaction(self._engine) as conn:
            rows = conn.execute(statement).all()
        shown = rows[:limit]
        following = _cursor_of(shown[-1].seq, table.name) if len(rows) > limit and shown else None
        return Page([read(row) for row in shown], following)


def _cursor_of(seq: int, name: str) -> str:
    return base64.urlsafe_b64encode(f"{name}:{seq}".encode()).decode().rstrip("=")


def _seq_of(cursor: str, name: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        kind, seq = text.split(":")
        if kind == name and seq.isascii() and seq.isdigit() and len(seq) < 19:
            return int(seq)
    except (binascii.Error, ValueError):
        pass
    raise InvalidField("cursor", "not a cursor of this list; leave it out to begin with the newest")


def _last_evaluations(bot_id: str) -> "sa.Select[tuple[object, ...]]":
    b, s, e, d, o = tables.bots, tables.strategies, tables.evaluations, tables.decisions, tables.orders
    newest = (
        sa.select(d.c.candle_open_ms, d.c.side, d.c.denial, d.c.client_order_id)
        .where(d.c.strategy_id == s.c.id)
        .order_by(d.c.candle_open_ms.desc())
        .limit(1)
        .lateral("newest")
    )
    evaluated = sa.and_(
        e.c.exchange == b.c.exchange,
        e.c.symbol == s.c.symbol,
        e.c.timeframe == s.c.timeframe,
        e.c.group == s.c.group,
    )
    return (
        sa.select(
            s,
            e.c.evaluation,
            e.c.evaluated_at,
            newest.c.candle_open_ms.label("decision_candle_open_ms"),
            newest.c.side.label("decision_side"),
            sa.func.coalesce(newest.c.denial, o.c.state).label("decision_outcome"),
            newest.c.client_order_id,
        )
        .select_from(s)
        .join(b, b.c.id == s.c.bot_id)
        .outerjoin(e, evaluated)
        .outerjoin(newest, sa.true())
        .outerjoin(o, o.c.client_order_id == newest.c.client_order_id)
        .where(s.c.bot_id == bot_id, s.c.removed_at.is_(None))
        .order_by(s.c.seq)
    )


def _last_evaluation(row: Row) -> LastEvaluation:
    return LastEvaluation(
        subscription=subscription_of(row),
        evaluation=None if row.evaluation is None else evaluation_of(row.evaluation),
        evaluated_at=row.evaluated_at,
        decision_candle_open_ms=row.decision_candle_open_ms,
        decision_side=row.decision_side,
        decision_outcome=row.decision_outcome,
        client_order_id=row.client_order_id,
    )
