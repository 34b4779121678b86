"""The venues' markets, as last read."""

from collections.abc import Collection

from shared.domain.values import Market
from tests.faults.memory.tables import Tables


class MemoryMarketStore:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, exchange: str, markets: Collection[Market]) -> None:
        tables = self._tables
        tables.reach()
        if markets:
            others = {key: market for key, market in tables.markets.items() if key[0] != exchange}
            tables.markets = {**others, **{(exchange, each.symbol): each for each in markets}}

    def market(self, exchange: str, symbol: str) -> Market | None:
        self._tables.reach()
        return self._tables.markets.get((exchange, symbol))

    def symbols(self, exchange: str) -> list[str]:
        self._tables.reach()
        return sorted(symbol for venue, symbol in self._tables.markets if venue == exchange)
