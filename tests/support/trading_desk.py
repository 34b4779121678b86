"""One worker over real stores and a scripted venue, with what a test does to them: one tick at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import redis
from sqlalchemy import text

from shared.adapters.redis_clients import AWAY_S
from shared.bootstrap import build_services, limits
from shared.domain.bots import Bot, MarketKey, Subscription, started
from shared.domain.candles import Candles, Timeframe
from shared.domain.events import EventType
from shared.domain.orders import Order
from shared.domain.positions import Position
from shared.ports import AccountStanding
from shared.settings import load_settings
from strategies import catalogue, registry
from tests.fakes_exchange import FakeExchange, market
from tests.support.record import open_gates
from worker.boot import Worker
from worker.cycles.evaluation import evaluation_cycle
from worker.cycles.reconciling import reconcile_cycle
from worker.cycles.strategy import strategy_cycle

CROSS_UP = (104.0, 103.0, 102.0, 101.0, 100.0, 110.0)
CROSS_DOWN = (110.0, 111.0, 112.0, 113.0, 114.0, 100.0)
QUIET = (104.0, 103.0, 102.0, 101.0, 100.0, 99.0)
M1 = Timeframe.M1


@dataclass
class InlineQueue:
    """A task queue that keeps what it is handed until the test runs it, and can lose it."""

    batches: list[tuple[str, list[MarketKey]]] = field(default_factory=list)

    def evaluate_markets(self, exchange: str, markets: Sequence[MarketKey]) -> None:
        self.batches.append((exchange, list(markets)))

    def run(self, worker: Worker) -> None:
        batches, self.batches = self.batches, []
        for exchange, markets in batches:
            evaluation_cycle(worker, exchange, markets)


@dataclass
class Desk:
    """One worker over real stores and a scripted venue, with what a test does to them."""

    worker: Worker
    venue: FakeExchange
    queue: InlineQueue
    redis: redis.Redis

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.venue.clock_ms / 1000, tz=UTC)

    def start(self, bot_id: str = "default", balance: str = "10000", is_reconciled: bool = True) -> Bot:
        """With its account reconciled, unless the test is about that: its entries go at once."""

        def start(bot: Bot | None, _holds: bool) -> Bot:
            return started(
                bot,
                bot_id=bot_id,
                exchange="binance",
                account=self.venue.account,
                quote="USDT",
                initial_balance=Decimal(balance),
                now=self.now() - timedelta(hours=1),
            )

        started_bot = self.worker.services.bots.change(bot_id, start, EventType.BOT_STARTED)
        if is_reconciled:
            open_gates(self.worker.services.engine)
        return started_bot

    def reconcile(self, times: int = 1) -> AccountStanding:
        """Looks at the account, each as soon as it is due; how it stands after them."""
        for _ in range(times):
            with self.worker.services.engine.begin() as conn:
                conn.execute(text("UPDATE reconciliations SET due_at = clock_timestamp()"))
            reconcile_cycle(self.worker)
        (standing,) = self.worker.services.reconciliations.standings()
        return standing

    def subscribe(
        self, bot_id: str = "default", name: str = "MACrossoverStrategy", symbol: str = "BTC/USDT", **params: object
    ) -> Subscription:
        plain = {"fast_period": 2, "slow_period": 3} if name == "MACrossoverStrategy" else {}
        values = catalogue.validated(name, {**plain, **params})
        subscription = Subscription(
            id=f"{bot_id}-{name}-{symbol}-{len(self.worker.services.bots.strategies(bot_id))}",
            bot_id=bot_id,
            name=name,
            symbol=symbol,
            timeframe=M1,
            active_from=self.now() - timedelta(hours=1),
            created_at=self.now(),
            params=values,
            group=catalogue.key(name, values),
        )
        return self.worker.services.bots.add_strategy(subscription)

    def show(self, closes: Sequence[float], symbol: str = "BTC/USDT") -> None:
        """Candles whose newest has just closed, and the venue's price at its close."""
        last = M1.last_closed_open_ms(self.venue.clock_ms)
        rows = [
            (last - (len(closes) - 1 - i) * M1.ms, close, close + 1, close - 1, close, 10.0)
            for i, close in enumerate(closes)
        ]
        self.venue.set_candles(symbol, Candles.from_rows(M1, rows))
        self.venue.set_price(symbol, str(closes[-1]))

    def next_candle(self) -> None:
        self.venue.advance(60)

    def tick(self) -> None:
        strategy_cycle(self.worker)
        self.queue.run(self.worker)

    def cross(self, **params: object) -> None:
        """A new bot's strategy sees its averages cross upward: it wants to buy."""
        self.start()
        self.subscribe(**params)
        self.show(CROSS_UP)
        self.tick()

    def enter(self, **params: object) -> Position:
        self.cross(**params)
        return self.position()

    def orders(self, bot_id: str = "default") -> list[Order]:
        return self.worker.services.queries.orders(bot_id, 100, None).items

    def position(self, bot_id: str = "default") -> Position:
        return self.worker.services.queries.positions(bot_id, None, 100, None).items[0]

    def bot(self) -> Bot:
        bot = self.worker.services.bots.bot("default")
        assert bot is not None
        return bot

    def change(self, change: Callable[[Bot, bool], Bot], event: EventType) -> Bot:
        def checked(bot: Bot | None, holds: bool) -> Bot:
            assert bot is not None
            return change(bot, holds)

        return self.worker.services.bots.change("default", checked, event)

    def sql(self, query: str) -> list[tuple[object, ...]]:
        with self.worker.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


def trading_desk(redis_url: str, database_url: str) -> Desk:
    """Two markets, BTC/USDT and ETH/USDT; nothing started."""
    # The scripted venue's account is the live one.
    live = {"PAPER_TRADING": "false", "EXCHANGE_API_KEY": "key", "EXCHANGE_API_SECRET": "secret"}
    settings = load_settings({"REDIS_URL": redis_url, "DATABASE_URL": database_url, **live})
    venue, queue = FakeExchange(market(), market("ETH/USDT")), InlineQueue()
    services = build_services(settings, AWAY_S)
    worker = Worker(services, {"binance": venue}, queue, registry, catalogue, limits(settings))
    return Desk(worker, venue, queue, redis.Redis.from_url(redis_url))
