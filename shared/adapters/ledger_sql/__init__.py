"""The record in Postgres: one class for each port, all over one engine."""

from shared.adapters.ledger_sql.books import SqlBooks
from shared.adapters.ledger_sql.bots import SqlBotStore
from shared.adapters.ledger_sql.connections import engine
from shared.adapters.ledger_sql.journal import SqlJournal
from shared.adapters.ledger_sql.liveness import SqlLiveness
from shared.adapters.ledger_sql.markets import SqlMarketStore
from shared.adapters.ledger_sql.outbox import SqlOutbox
from shared.adapters.ledger_sql.queries import SqlQueries
from shared.adapters.ledger_sql.reconciliation import SqlReconciliations

__all__ = [
    "SqlBooks",
    "SqlBotStore",
    "SqlJournal",
    "SqlLiveness",
    "SqlMarketStore",
    "SqlOutbox",
    "SqlQueries",
    "SqlReconciliations",
    "engine",
]
