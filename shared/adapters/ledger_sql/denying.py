"""Planned entries that are not to be sent any more. The bot is locked, so that none is being sent meanwhile."""

from datetime import datetime

import sqlalchemy as sa

from shared.adapters.ledger_sql import facts, tables
from shared.adapters.ledger_sql.rows import order_of
from shared.domain.orders import OrderState, Purpose
from shared.domain.risk import Denial
from shared.domain.values import ZERO


def deny_entries(
    conn: sa.Connection, bot_id: str, reason: Denial, at: datetime, strategy_id: str | None = None
) -> None:
    """Those of the bot, or of one strategy of it."""
    o = tables.orders
    meant = [o.c.bot_id == bot_id, o.c.purpose == Purpose.ENTRY, o.c.state == OrderState.PLANNED]
    if strategy_id is not None:
        meant.append(o.c.strategy_id == strategy_id)
    changed = {"state": OrderState.DENIED, "reason": reason, "reserved": ZERO, "updated_at": at}
    denied = conn.execute(sa.update(o).where(*meant).values(changed).returning(o))
    facts.append(conn, *(facts.order_changed(order_of(row)) for row in denied))
