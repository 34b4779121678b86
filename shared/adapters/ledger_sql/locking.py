"""Row locks, always in one order: bot, order, position. Two transactions on one bot then never wait in a circle.

Statements of the hot path are built once, here and in its other modules: building one costs as much as running it.
"""

from datetime import datetime

import sqlalchemy as sa

from shared.adapters.ledger_sql import facts, tables
from shared.adapters.ledger_sql.rows import Row, order_of, position_of, values
from shared.domain.bots import Bot, flattened
from shared.domain.errors import NotFound
from shared.domain.events import EventType
from shared.domain.folding import is_flat
from shared.domain.gate import Gate, is_reconciled
from shared.domain.orders import Order, OrderState
from shared.domain.positions import Position, PositionState

IS_LIVE = sa.text(tables.LIVE)
_b, _o, _p = tables.bots, tables.orders, tables.positions
_BOT = sa.select(_b).where(_b.c.id == sa.bindparam("id_")).with_for_update(key_share=True)
_r = tables.reconciliations
_BOT_AND_GATE = (
    sa.select(
        _b,
        _r.c.demanded_at,
        _r.c.reconciled_at,
        _r.c.is_clean,
        sa.exists().where(_o.c.bot_id == _b.c.id, _o.c.state == OrderState.QUARANTINED).label("has_quarantined"),
        sa.func.clock_timestamp().label("database_now"),
    )
    .outerjoin(_r, sa.and_(_r.c.exchange == _b.c.exchange, _r.c.account == _b.c.account))
    .where(_b.c.id == sa.bindparam("id_"))
)
_PLANNER = _BOT_AND_GATE.with_for_update(of=_b, key_share=True)
# Shared among senders, exclusive of a control call: a pause waits for this commit, or is seen by it.
_SENDER = _BOT_AND_GATE.with_for_update(of=_b, read=True)
_ORDER = sa.select(_o).where(_o.c.client_order_id == sa.bindparam("id_")).with_for_update(key_share=True)
_POSITION = sa.select(_p).where(_p.c.id == sa.bindparam("id_")).with_for_update(key_share=True)
_OPEN_POSITION = (
    sa.select(_p)
    .where(
        _p.c.bot_id == sa.bindparam("bot_id_"),
        _p.c.strategy_id == sa.bindparam("strategy_id_"),
        _p.c.state == PositionState.OPEN,
    )
    .with_for_update(key_share=True)
)
_LIVE_ORDERS = sa.select(_o).where(_o.c.bot_id == sa.bindparam("bot_id_"), IS_LIVE).order_by(_o.c.seq)
_WRITE_BOT = sa.update(_b).where(_b.c.id == sa.bindparam("id_"))
_WRITE_ORDER = sa.update(_o).where(_o.c.client_order_id == sa.bindparam("id_"))


def bot_row(conn: sa.Connection, bot_id: str) -> Row | None:
    """Locked against every change of the bot, its money and its orders."""
    return conn.execute(_BOT, {"id_": bot_id}).one_or_none()


def planner(conn: sa.Connection, bot_id: str) -> Row:
    """The bot's row, locked as by `bot_row`, with what `gate_of` reads."""
    return _known(conn.execute(_PLANNER, {"id_": bot_id}).one_or_none(), bot_id)


def sender(conn: sa.Connection, bot_id: str) -> Row:
    """The same, its lock shared with other senders."""
    return _known(conn.execute(_SENDER, {"id_": bot_id}).one_or_none(), bot_id)


def gate_of(row: Row) -> Gate:
    """By the database's clock, as its moments are: a machine whose own is ahead would take every look for too old."""
    return Gate(
        is_reconciled=is_reconciled(row.demanded_at, row.reconciled_at, row.database_now),
        has_drift=row.reconciled_at is not None and not row.is_clean,
        has_quarantined=row.has_quarantined,
    )


def known_bot_row(conn: sa.Connection, bot_id: str) -> Row:
    return _known(bot_row(conn, bot_id), bot_id)


def _known(row: Row | None, bot_id: str) -> Row:
    if row is None:
        raise NotFound(f"there is no bot {bot_id!r}")
    return row


def order(conn: sa.Connection, client_order_id: str) -> Order:
    row = conn.execute(_ORDER, {"id_": client_order_id}).one_or_none()
    if row is None:
        raise NotFound(f"there is no order {client_order_id!r}")
    return order_of(row)


def position(conn: sa.Connection, position_id: str | None) -> Position | None:
    row = conn.execute(_POSITION, {"id_": position_id}).one_or_none()
    return None if row is None else position_of(row)


def open_position(conn: sa.Connection, bot_id: str, strategy_id: str) -> Position | None:
    """The one that a strategy has open."""
    row = conn.execute(_OPEN_POSITION, {"bot_id_": bot_id, "strategy_id_": strategy_id}).one_or_none()
    return None if row is None else position_of(row)


def live_orders(conn: sa.Connection, bot_id: str) -> list[Order]:
    """Every order of the bot without an end; held still by the bot's lock."""
    return [order_of(row) for row in conn.execute(_LIVE_ORDERS, {"bot_id_": bot_id})]


def write_bot(conn: sa.Connection, bot: Bot) -> None:
    conn.execute(_WRITE_BOT, {"id_": bot.id, **values(bot)})


def write_order(conn: sa.Connection, changed: Order, **more: str | None) -> None:
    conn.execute(_WRITE_ORDER, {"id_": changed.client_order_id, **values(changed), **more})


def clear_if_flat(conn: sa.Connection, bot: Bot, at: datetime) -> None:
    """End a flatten whose last position is gone. The bot is locked."""
    if not bot.is_stopping:
        return
    held = sa.select(sa.func.count()).where(_p.c.bot_id == bot.id, _p.c.state == PositionState.OPEN)
    if is_flat(bot, conn.execute(held).scalar_one(), len(live_orders(conn, bot.id))):
        cleared = flattened(bot, at)
        write_bot(conn, cleared)
        facts.append(conn, facts.bot_changed(EventType.BOT_FLATTENED, cleared, []))
