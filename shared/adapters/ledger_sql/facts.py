"""The events of the record, and their way into the outbox of the transaction that makes them true."""

import sqlalchemy as sa

from shared.adapters.ledger_sql import tables
from shared.domain.events import Event
from shared.domain.facts import (
    TOLD,
    bot_changed,
    equity_marked,
    order_changed,
    order_filled,
    order_planned,
    order_settled,
    position_closed,
    position_opened,
    signal_denied,
    strategy_changed,
    trading_halted,
)

__all__ = [
    "TOLD",
    "append",
    "bot_changed",
    "equity_marked",
    "order_changed",
    "order_filled",
    "order_planned",
    "order_settled",
    "position_closed",
    "position_opened",
    "signal_denied",
    "strategy_changed",
    "trading_halted",
]


_INSERT = sa.insert(tables.outbox)


def append(conn: sa.Connection, *events: Event) -> None:
    rows = [{"type": each.type, "bot_id": each.bot_id, "at": each.at, "payload": dict(each.payload)} for each in events]
    if rows:
        conn.execute(_INSERT, rows)
