"""Which candles were evaluated, and what each group's last one said."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import tables
from shared.adapters.ledger_sql.rows import evaluation_json
from shared.domain.bots import MarketKey
from shared.domain.candles import Timeframe
from shared.domain.evaluating import GroupKey
from shared.domain.signals import Evaluation


def newest(conn: sa.Connection, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
    """Open time of the newest candle evaluated, per group of `markets`."""
    e = tables.evaluations
    wanted = [(market.exchange, market.symbol, market.timeframe.value) for market in markets]
    if not wanted:
        return {}
    statement = sa.select(e.c.exchange, e.c.symbol, e.c.timeframe, e.c.group, e.c.candle_open_ms).where(
        sa.tuple_(e.c.exchange, e.c.symbol, e.c.timeframe).in_(wanted)
    )
    return {
        GroupKey(MarketKey(row.exchange, row.symbol, Timeframe(row.timeframe)), row.group): row.candle_open_ms
        for row in conn.execute(statement)
    }


def record(
    conn: sa.Connection, market: MarketKey, candle_open_ms: int, by_group: Mapping[str, Evaluation], at: datetime
) -> None:
    """The last evaluation of each group, never replaced by an older one, and the candle's own row."""
    key = {"exchange": market.exchange, "symbol": market.symbol, "timeframe": market.timeframe.value}
    # In one order, so that two workers on one market don't wait for each other in a circle.
    rows = [
        {
            **key,
            "group": group,
            "candle_open_ms": candle_open_ms,
            "evaluation": evaluation_json(by_group[group]),
            "evaluated_at": at,
        }
        for group in sorted(by_group)
    ]
    if rows:
        conn.execute(_upsert(), rows)
    decided = insert(tables.decided_candles).on_conflict_do_nothing()
    conn.execute(decided, {**key, "candle_open_ms": candle_open_ms, "decided_at": at})


def _upsert() -> sa.Insert:
    statement = insert(tables.evaluations)
    new, stored = statement.excluded, tables.evaluations.c
    return statement.on_conflict_do_update(
        index_elements=[stored.exchange, stored.symbol, stored.timeframe, stored.group],
        set_={name: new[name] for name in ("candle_open_ms", "evaluation", "evaluated_at")},
        where=new.candle_open_ms >= stored.candle_open_ms,
    )
