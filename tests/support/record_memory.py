"""The record in memory, driven in the same words as the one on Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from shared.adapters.clock import SystemClock
from shared.domain.events import Event, EventType
from shared.domain.orders import Order, OrderState
from shared.domain.portfolio import Account
from tests.faults.memory import (
    MemoryBooks,
    MemoryBotStore,
    MemoryJournal,
    MemoryMarketStore,
    MemoryOutbox,
    MemoryQueries,
    MemoryReconciliations,
    Tables,
)
from tests.faults.memory.outbox import RelayLock
from tests.support.record import Record


@dataclass
class MemoryRecord(Record):
    """Every store over one set of tables."""

    engine: Any = None
    tables: Tables = field(default_factory=Tables)

    def __post_init__(self) -> None:
        stores: dict[str, Any] = {
            "bots": MemoryBotStore(self.tables),
            "journal": self.journal_of("me"),
            "books": MemoryBooks(self.tables),
            "markets": MemoryMarketStore(self.tables),
            "outbox": MemoryOutbox(self.tables, RelayLock()),
            "queries": MemoryQueries(self.tables),
            "reconciliations": MemoryReconciliations(self.tables),
        }
        vars(self).update(stores)

    def journal_of(self, owner: str) -> Any:
        return MemoryJournal(self.tables, SystemClock(), owner)

    def open_gates(self) -> None:
        rows = self.tables.reconciliations
        self.tables.reconciliations = {key: replace(row, reconciled_at=self.tables.now()) for key, row in rows.items()}

    def event_types(self) -> list[str]:
        return [row.event.type for row in self.tables.outbox]

    def states_told(self) -> list[str]:
        changes = (row.event for row in self.tables.outbox if row.event.type is EventType.ORDER_CHANGED)
        return [str(event.payload["state"]) for event in changes]

    def last_payload(self) -> dict[str, Any]:
        return dict(self.tables.outbox[-1].event.payload)

    def write_events(self, *events: Event) -> None:
        self.tables.append(*events)

    def decision_ids(self) -> list[int]:
        return [row.id for row in self.tables.decisions.values()]

    def decided_candles(self) -> list[tuple[str, int]]:
        return sorted((market.symbol, open_ms) for market, open_ms in self.tables.decided_candles)

    def plan_again(self, order: Order, reserved: Decimal) -> None:
        stored = self.tables.orders[order.client_order_id]
        self.tables.write_order(replace(stored, state=OrderState.PLANNED, reserved=reserved))

    def end_lease(self, order: Order, ago: timedelta = timedelta(milliseconds=1)) -> None:
        stored = self.tables.orders[order.client_order_id]
        self.tables.write_order(replace(stored, lease_until=self.tables.now() - ago))

    def check_rows(self, account: Account) -> None:
        lines = [line for line in self.tables.ledger.values() if line.bot_id == account.bot_id]
        assets: dict[str, Decimal] = {}
        for line in lines:
            if line.ledger_account == "assets":
                assets[line.asset] = assets.get(line.asset, Decimal(0)) + line.amount
        quote = self.tables.bots[account.bot_id].quote
        positions = [each for each in self.tables.positions.values() if each.bot_id == account.bot_id]
        assert account.cash == assets.get(quote, 0)
        assert account.realised == sum(each.realised for each in positions)
        assert account.fees == sum(each.fees for each in positions)
        assert sum(line.amount for line in lines) == 0
        assert sum(each.quantity for each in positions) == assets.get(self.market.base, 0)
        for order in self.tables.orders.values():
            assert order.filled == sum(self._filled(order.client_order_id))

    def _filled(self, client_order_id: str) -> Sequence[Decimal]:
        fills = (fill for _, fill in self.tables.fills.values())
        return [fill.quantity for fill in fills if fill.client_order_id == client_order_id]
