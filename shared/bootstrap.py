"""The composition root of what every process shares: the record, the working copy, the clock.

A worker adds exchanges and strategies after its fork (`worker/boot.py`), so that neither the API nor a beat ever
loads them.
"""

from dataclasses import dataclass

from sqlalchemy import Engine

from shared.adapters import ledger_sql
from shared.adapters.clock import SystemClock
from shared.adapters.events_redis import RedisEventBus
from shared.adapters.state_redis import RedisStateStore
from shared.domain.risk import Limits
from shared.ports import (
    Books,
    BotStore,
    Clock,
    EventBus,
    Journal,
    Liveness,
    MarketStore,
    Outbox,
    Queries,
    Reconciliations,
    StateStore,
)
from shared.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Services:
    """One process's collaborators. Build it after the fork: no socket may cross one."""

    settings: Settings
    engine: Engine
    clock: Clock
    bots: BotStore
    journal: Journal
    books: Books
    markets: MarketStore
    outbox: Outbox
    queries: Queries
    reconciliations: Reconciliations
    liveness: Liveness
    state: StateStore
    bus: EventBus


def build_services(settings: Settings, redis_away_s: float = 0.0) -> Services:
    """Connects to nothing yet: a store that is away shows at its first use. Raises SettingsError without addresses.

    `redis_away_s`: for how long a Redis that has timed out is not asked again.
    """
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL: not set; `orchestrator up` sets it for the processes that it starts")
    engine = ledger_sql.engine(settings.sqlalchemy_url)
    return Services(
        settings=settings,
        engine=engine,
        clock=SystemClock(),
        bots=ledger_sql.SqlBotStore(engine),
        journal=ledger_sql.SqlJournal(engine),
        books=ledger_sql.SqlBooks(engine),
        markets=ledger_sql.SqlMarketStore(engine),
        outbox=ledger_sql.SqlOutbox(engine),
        queries=ledger_sql.SqlQueries(engine),
        reconciliations=ledger_sql.SqlReconciliations(engine),
        liveness=ledger_sql.SqlLiveness(engine),
        state=RedisStateStore(settings.redis_url, away_s=redis_away_s),
        bus=RedisEventBus(settings.redis_url),
    )


def limits(settings: Settings) -> Limits:
    """The risk limits of the settings, percents already fractions."""
    return Limits(
        max_position_size=settings.max_position_size,
        risk_frac=settings.risk_per_trade,
        max_drawdown_frac=settings.max_drawdown_frac,
        max_daily_loss_frac=settings.max_daily_loss_frac,
        limit_exit_s=settings.limit_exit_s,
    )
