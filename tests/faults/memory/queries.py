"""Reads for people, as far as control calls and tests ask them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from shared.domain.bots import MarketKey, Subscription
from shared.domain.evaluating import GroupKey
from shared.domain.orders import Fill, Order
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position, PositionState
from shared.domain.signals import Evaluation
from shared.domain.values import ZERO
from shared.ports import LastEvaluation, Page
from tests.faults.memory.tables import Tables

T = TypeVar("T")


class MemoryQueries:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def account(self, bot_id: str) -> Account | None:
        self._tables.reach()
        return self._tables.account(bot_id) if bot_id in self._tables.bots else None

    def holdings(self, bot_id: str) -> tuple[Account, list[Position]] | None:
        account = self.account(bot_id)
        held = [each for each in self._tables.positions.values() if each.bot_id == bot_id and each.quantity != ZERO]
        return None if account is None else (account, held)

    def positions(self, bot_id: str, is_open: bool | None, limit: int, cursor: str | None) -> Page[Position]:
        mine = [each for each in self._tables.positions.values() if each.bot_id == bot_id]
        wanted = [each for each in mine if is_open in (None, each.state is PositionState.OPEN)]
        return self._page(wanted, limit, cursor)

    def orders(self, bot_id: str, limit: int, cursor: str | None) -> Page[Order]:
        return self._page([each for each in self._tables.orders.values() if each.bot_id == bot_id], limit, cursor)

    def fills(self, bot_id: str, limit: int, cursor: str | None) -> Page[Fill]:
        return self._page([fill for owner, fill in self._tables.fills.values() if owner == bot_id], limit, cursor)

    def equity(self, bot_id: str, limit: int, cursor: str | None) -> Page[EquityMark]:
        return self._page([each for each in self._tables.equity.values() if each.bot_id == bot_id], limit, cursor)

    def last_evaluations(self, bot_id: str) -> list[LastEvaluation]:
        self._tables.reach()
        mine = [each for each in self._tables.subscriptions.values() if each.bot_id == bot_id and each.is_active]
        return [LastEvaluation(each, *self._evaluated(each)) for each in mine]

    def _evaluated(self, subscription: Subscription) -> tuple[Evaluation | None, datetime | None]:
        exchange = self._tables.bots[subscription.bot_id].exchange
        market = MarketKey(exchange, subscription.symbol, subscription.timeframe)
        return self._tables.evaluations.get(GroupKey(market, subscription.group), (None, None))

    def _page(self, rows: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
        """Newest first; the cursor is how many rows are older, so that new ones don't shift a page."""
        self._tables.reach()
        end = len(rows) if cursor is None else int(cursor)
        start = max(end - limit, 0)
        return Page(list(reversed(rows[start:end])), str(start) if start else None)
