"""The venues' markets, as last read."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import tables
from shared.adapters.ledger_sql.connections import transaction
from shared.adapters.ledger_sql.rows import market_of, values
from shared.domain.values import Market


class SqlMarketStore:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def put(self, exchange: str, markets: Collection[Market]) -> None:
        """Replaces the exchange's markets; none at all is no answer, and changes nothing."""
        if not markets:
            return
        m = tables.markets
        ordered = sorted(markets, key=lambda market: market.symbol)
        with transaction(self._engine) as conn:
            conn.execute(_upsert(), [values(market) for market in ordered])
            gone = m.c.symbol.not_in([market.symbol for market in ordered])
            conn.execute(sa.delete(m).where(m.c.exchange == exchange, gone))

    def market(self, exchange: str, symbol: str) -> Market | None:
        m = tables.markets
        with transaction(self._engine) as conn:
            row = conn.execute(sa.select(m).where(m.c.exchange == exchange, m.c.symbol == symbol)).one_or_none()
        return None if row is None else market_of(row)

    def symbols(self, exchange: str) -> list[str]:
        m = tables.markets
        statement = sa.select(m.c.symbol).where(m.c.exchange == exchange).order_by(m.c.symbol)
        with transaction(self._engine) as conn:
            return list(conn.execute(statement).scalars())


def _upsert() -> sa.Insert:
    """Rows that say the same are not written again: every worker puts them as it starts."""
    statement = insert(tables.markets)
    stored = tables.markets.c
    changing = [column.name for column in stored if not column.primary_key]
    new = {name: statement.excluded[name] for name in changing}
    differs = sa.or_(*(stored[name].is_distinct_from(new[name]) for name in changing))
    return statement.on_conflict_do_update(index_elements=[stored.exchange, stored.symbol], set_=new, where=differs)
