"""Row locks, always in one order: bot, order, position. Two transactions on one bot then never wait in a circle."""

from datetime import datetime

import sqlalchemy as sa

from shared.adapters.ledger_sql import facts, tables
from shared.adapters.ledger_sql.folding import is_flat
from shared.adapters.ledger_sql.rows import Row, order_of, position_of, values
from shared.domain.bots import Bot, flattened
from shared.domain.errors import NotFound
from shared.domain.events import EventType
from shared.domain.orders import Order
from shared.domain.positions import Position, PositionState

IS_LIVE = sa.text(tables.LIVE)


def bot_row(conn: sa.Connection, bot_id: str) -> Row | None:
    """Locked against every change of the bot, its money and its orders."""
    statement = sa.select(tables.bots).where(tables.bots.c.id == bot_id).with_for_update(key_share=True)
    return conn.execute(statement).one_or_none()


def known_bot_row(conn: sa.Connection, bot_id: str) -> Row:
    row = bot_row(conn, bot_id)
    if row is None:
        raise NotFound(f"there is no bot {bot_id!r}")
    return row


def order(conn: sa.Connection, client_order_id: str) -> Order:
    o = tables.orders
    statement = sa.select(o).where(o.c.client_order_id == client_order_id).with_for_update(key_share=True)
    row = conn.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"there is no order {client_order_id!r}")
    return order_of(row)


def position(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> Position | None:
    statement = sa.select(tables.positions).where(*where).with_for_update(key_share=True)
    row = conn.execute(statement).one_or_none()
    return None if row is None else position_of(row)


def live_orders(conn: sa.Connection, bot_id: str) -> list[Order]:
    """Every order of the bot without an end; held still by the bot's lock."""
    o = tables.orders
    rows = conn.execute(sa.select(o).where(o.c.bot_id == bot_id, IS_LIVE).order_by(o.c.seq))
    return [order_of(row) for row in rows]


def write_bot(conn: sa.Connection, bot: Bot) -> None:
    conn.execute(sa.update(tables.bots).where(tables.bots.c.id == bot.id).values(values(bot)))


def write_order(conn: sa.Connection, changed: Order, **more: str | None) -> None:
    o = tables.orders
    statement = sa.update(o).where(o.c.client_order_id == changed.client_order_id)
    conn.execute(statement.values({**values(changed), **more}))


def clear_if_flat(conn: sa.Connection, bot: Bot, at: datetime) -> None:
    """End a flatten whose last position is gone. The bot is locked."""
    if not bot.is_stopping:
        return
    p = tables.positions
    held = sa.select(sa.func.count()).where(p.c.bot_id == bot.id, p.c.state == PositionState.OPEN)
    live = sa.select(sa.func.count()).select_from(tables.orders).where(tables.orders.c.bot_id == bot.id, IS_LIVE)
    open_count, live_count = conn.execute(sa.select(held.scalar_subquery(), live.scalar_subquery())).one()
    if is_flat(bot, open_count, live_count):
        cleared = flattened(bot, at)
        write_bot(conn, cleared)
        facts.append(conn, facts.bot_changed(EventType.BOT_FLATTENED, cleared, []))
