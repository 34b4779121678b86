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

KEPT = 10_000

_c = tables.decided_candles.c
_DECIDED = insert(tables.decided_candles).on_conflict_do_nothing()
_FORGET = sa.delete(tables.decided_candles).where(
    _c.exchange == sa.bindparam("exchange_"),
    _c.symbol == sa.bindparam("symbol_"),
    _c.timeframe == sa.bindparam("timeframe_"),
    _c.candle_open_ms <= sa.bindparam("oldest_"),
)


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
    """The last evaluation of each group, never replaced by an older one, and the candle's own row.

    The rows of a market's newest candles are kept: a week of minutes, and a bounded number of seconds.
    """
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
    conn.execute(_DECIDED, {**key, "candle_open_ms": candle_open_ms, "decided_at": at})
    oldest_ms = candle_open_ms - KEPT * market.timeframe.ms
    conn.execute(_FORGET, {"oldest_": oldest_ms, **{f"{name}_": value for name, value in key.items()}})


def _upsert() -> sa.Insert:
    statement = insert(tables.evaluations)
    new, stored = statement.excluded, tables.evaluations.c
    return statement.on_conflict_do_update(
        index_elements=[stored.exchange, stored.symbol, stored.timeframe, stored.group],
        set_={name: new[name] for name in ("candle_open_ms", "evaluation", "evaluated_at")},
        where=new.candle_open_ms >= stored.candle_open_ms,
    )
