"""The record in memory: every store that cycles and control calls ask, over one set of tables.

It passes the contract suites of the adapters on Postgres, and decides by the same pure rules. Each method takes effect
at once and as a whole, as a transaction does, unless its port says otherwise.
"""

from tests.faults.memory.books import MemoryBooks
from tests.faults.memory.bots import MemoryBotStore
from tests.faults.memory.journal import MemoryJournal
from tests.faults.memory.markets import MemoryMarketStore
from tests.faults.memory.outbox import MemoryOutbox
from tests.faults.memory.queries import MemoryQueries
from tests.faults.memory.reconciliations import MemoryReconciliations
from tests.faults.memory.tables import Tables

__all__ = [
    "MemoryBooks",
    "MemoryBotStore",
    "MemoryJournal",
    "MemoryMarketStore",
    "MemoryOutbox",
    "MemoryQueries",
    "MemoryReconciliations",
    "Tables",
]
