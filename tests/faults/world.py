"""One run: a fleet of workers, an API, their stores and the venue, for as long as a few candles."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from greenlet import getcurrent

from shared.bootstrap import Services
from shared.domain.bots import Bot, OnStop, Subscription, started
from shared.domain.candles import Timeframe
from shared.domain.errors import OrchestratorError, Unavailable
from shared.domain.events import EventType
from shared.domain.risk import Limits
from shared.domain.values import Market
from shared.services.bots import Controls
from shared.settings import Settings
from strategies import catalogue
from tests.fakes_redis import Cache, MemoryEventBus
from tests.faults import broker as brokers
from tests.faults.calls import Call
from tests.faults.checker import Evidence
from tests.faults.client import SimExchange
from tests.faults.faults import NONE, STANDARD, Faults
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
from tests.faults.prices import Prices
from tests.faults.process import EPOCH_S, Killed, Process, Seam
from tests.faults.scheduler import Scheduler
from tests.faults.state import SimStateStore
from tests.faults.strategies import ScriptedStrategies
from tests.faults.venue import Venue
from worker.boot import Worker
from worker.schedule import executed_slot

# Faults stop; prices stand still; no candle is handed out any more; the end.
HEALED_S, STILL_S, DECIDED_S, END_S = 250.0, 300.0, 335.0, 450.0
EVALUATED_TO_S = 180
# Now and then a venue that never says what became of some order: it takes a quarter of an hour to give it up.
DEAF, DEAF_TO_ORDER, DEAF_END_S = 0.03, 0.15, 1350.0
WORKERS = (brokers.ORDERS, brokers.ORDERS, brokers.STRATEGY, brokers.STRATEGY)

_RISKY_JOURNAL = frozenset(
    {
        "decide",
        "plan_exit",
        "take",
        "release",
        "mark_sending",
        "record_report",
        "record_failure",
        "record_not_found",
        "record_unanswered",
        "quarantine",
        "record_evaluations",
    }
)
_RISKY = {
    "journal": _RISKY_JOURNAL,
    "bots": frozenset({"change"}),
    "books": frozenset({"raise_high_water", "store_equity"}),
    "outbox": frozenset({"relay"}),
    "reconciliations": frozenset({"claim", "conclude", "adopt"}),
    "bus": frozenset({"publish"}),
}
_WRITES = {
    "journal": _RISKY_JOURNAL,
    "bots": frozenset({"change"}),
    "books": frozenset({"raise_high_water", "store_equity"}),
    "reconciliations": frozenset({"claim", "conclude", "adopt"}),
}
SETTINGS = Settings(redis_url="redis://in-memory", database_url="postgresql://in-memory")


@dataclass(frozen=True, slots=True)
class Composition:
    """How the fleet is put together. An ablation is another composition, never a flag in production code."""

    recv_window_ms: int = 5000
    journal: type[MemoryJournal] = MemoryJournal
    exchange: Callable[[SimExchange, Any], Any] = lambda exchange, journal: exchange
    faults: Faults = STANDARD


@dataclass
class World:
    seed: int
    composition: Composition = field(default_factory=Composition)
    trace: list[str] | None = None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.scheduler = Scheduler()
        self.faults = self.composition.faults
        self.counts: Counter[str] = Counter()
        self.defects: list[str] = []
        self.calls: list[Call] = []
        self.lost_to = 0
        self.start_ms = EPOCH_S * 1000
        self.is_deaf = self.random.random() < DEAF
        self.deaf_to: set[str] = set()
        self.end_s = DEAF_END_S if self.is_deaf else END_S
        self.prices = Prices(self.random, END_S, STILL_S)
        fees = self.random.choice(("received", "received", "quote", "third"))
        self.venue = Venue(self.random, self.prices, self.now_ms, self.scheduler.after, fees)
        if self.is_deaf:
            # Beside an order that is left to a person nobody can tell by the balances what else moved them.
            self.venue.late_fills = 0.0
        self.terms = {symbol: _market(symbol) for symbol in self.prices.symbols}
        self.tables = Tables(now=self.true_time)
        self.cache = Cache()
        self.relay_lock = RelayLock()
        self.broker = brokers.Broker(self)
        self.strategies = ScriptedStrategies(self.seed)
        self.limits = self._limits()
        self._named = 0
        self._furnish()
        self._schedule()

    # Time and telling.

    @property
    def time(self) -> float:
        return self.scheduler.now

    def now_ms(self) -> int:
        """The venue's clock."""
        return self.start_ms + int(self.scheduler.now * 1000)

    def true_time(self) -> datetime:
        """The clock of the stores' machine."""
        return datetime.fromtimestamp(EPOCH_S + self.scheduler.now, UTC)

    @property
    def database_clock(self) -> "TrueClock":
        return TrueClock(self)

    @property
    def is_redis_away(self) -> bool:
        return self.cache.is_away

    def tell(self, who: str, what: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.scheduler.now:9.3f}  {who:<10} {what}")

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def may_go_deaf(self, client_order_id: str) -> None:
        if self.is_deaf and self.faults.is_any and self.random.random() < DEAF_TO_ORDER:
            self.deaf_to.add(client_order_id)

    # The run.

    def run(self) -> None:
        self.scheduler.run(HEALED_S)
        self.faults, self.venue.late_fills = NONE, 0.0
        self.tell("world", "*** faults stop")
        # Somebody restarts a worker, and does it again: accounts are looked at then, not within minutes. Nothing rests
        # any more at the second look, so that it can compare everything.
        for since_s in (60, 120):
            self.scheduler.after(since_s, MemoryReconciliations(self.tables).demand)
        self.scheduler.run(self.end_s)

    def happened(self) -> Counter[str]:
        """How much went on, so that a run that tests nothing shows."""
        ended = Counter(f"orders {order.state}" for order in self.tables.orders.values())
        refused = Counter(f"{arrival.refusal}" for arrival in self.venue.arrivals if arrival.refusal)
        calls = Counter(f"{call.name} answered" for call in self.calls if call.outcome == "ok")
        rows = {"decisions": len(self.tables.decisions), "trades": len(self.venue.trades)}
        return self.counts + ended + refused + calls + Counter(rows)

    def evidence(self) -> Evidence:
        end_ms = self.now_ms()
        return Evidence(
            venue=self.venue,
            rows=self.tables,
            stream=self.cache.stream,
            calls=self.calls,
            said=self.strategies.said,
            prices={symbol: self.prices.last(symbol, end_ms) for symbol in self.prices.symbols},
            start_ms=self.start_ms,
            evaluated_to_ms=self.start_ms + EVALUATED_TO_S * 1000,
            lost_to=self.lost_to,
        )

    def _limits(self) -> Limits:
        return Limits(
            max_position_size=Decimal(1000),
            risk_frac=Decimal("0.02"),
            max_drawdown_frac=Decimal("0.9"),
            max_daily_loss_frac=Decimal("0.9"),
            limit_exit_s=self.random.choice((0, 0, 20)),
        )

    def _furnish(self) -> None:
        """Bots and strategies that share markets and, partly, groups."""
        self.tables.markets = {("binance", symbol): terms for symbol, terms in self.terms.items()}
        store = MemoryBotStore(self.tables)
        now = self.true_time()
        for bot_number in range(self.random.choice((1, 2, 3, 4))):
            store.change(f"bot{bot_number}", lambda bot, _, n=bot_number: _bot(f"bot{n}", now), EventType.BOT_STARTED)
            for number, symbol in enumerate(self.random.sample(self.prices.symbols, self.random.choice((1, 2, 2)))):
                store.add_strategy(self._subscription(f"bot{bot_number}", f"s{bot_number}{number}", symbol))

    def _subscription(self, bot_id: str, strategy_id: str, symbol: str) -> Subscription:
        script = self.random.choice(("a", "b"))
        levels = {"grid_levels": 4} if self.random.random() < 0.25 else {}
        params: dict[str, float | str | None] = {"script": script, "stop_loss_pct": 2.0, **levels}
        if self.random.random() < 0.5:
            params |= {"take_profit_pct": 3.0, "trailing_stop_pct": 2.5}
        now = self.true_time()
        group = f"{script}{len(levels)}"
        return Subscription(strategy_id, bot_id, "Scripted", symbol, Timeframe.M1, now, now, params, group)

    def _schedule(self) -> None:
        for tick in brokers.TICKS:
            decided_s = self.end_s - (END_S - DECIDED_S)
            brokers.beat(self, tick, decided_s if tick.queue == brokers.STRATEGY else self.end_s)
        for queue in WORKERS:
            self._start_worker(queue, self._skew_s())
        for bot_id in sorted(self.tables.bots):
            for _ in range(self.random.choice((0, 0, 1, 2, 3))):
                self.scheduler.at(self._call_time(), lambda each=bot_id: self._start_call(each))
        self._schedule_outages()

    def _call_time(self) -> float:
        """Any time, or just when entries are on their way."""
        if self.random.random() < 0.4:
            return self.random.uniform(20, HEALED_S)
        return self.random.randint(1, 4) * 60 + self.random.uniform(0.25, 2.5)

    def _skew_s(self) -> float:
        return self.random.choice((0.0, 0.0, self.random.uniform(-30, 30)))

    # Stores that go away.

    def _schedule_outages(self) -> None:
        for _ in range(self.random.choice((0, 0, 1, 2))):
            self.scheduler.at(self.random.uniform(10, HEALED_S), self._wipe_redis)
        if self.random.random() < 0.3:
            self._away(self.cache, "Redis", self.random.uniform(2, 20))
        if self.random.random() < 0.3:
            self._away(self.tables, "Postgres", self.random.uniform(2, 15))

    def _away(self, store: Any, name: str, seconds: float) -> None:
        since = self.random.uniform(10, HEALED_S - seconds)

        def leave() -> None:
            self.tell("world", f"*** {name} is away for {seconds:.0f} s")
            store.is_away = True
            self.tables.session += name == "Postgres"

        def come_back() -> None:
            self.tell("world", f"*** {name} is back")
            store.is_away = False

        self.scheduler.at(since, leave)
        self.scheduler.at(since + seconds, come_back)

    def _wipe_redis(self) -> None:
        self.tell("world", "*** Redis is emptied")
        is_away = self.cache.is_away
        self.lost_to = max((event.number or 0 for event in self.cache.stream), default=self.lost_to)
        self.cache.__init__()  # type: ignore[misc]
        self.cache.is_away = is_away
        self.broker.wipe()

    # Workers.

    def _start_worker(self, queue: str, skew_s: float) -> None:
        self._named += 1
        process = Process(self, f"{queue[0]}{self._named}", skew_s)
        worker = self._worker(process)
        body = self.scheduler.spawn(lambda: self._work(process, worker, queue))
        self.scheduler.after(0, body.switch)

    def _work(self, process: Process, worker: Worker, queue: str) -> None:
        try:
            while True:
                message = self.broker.take(queue, getcurrent())
                self._execute(process, worker, message)
        except Killed:
            # Its supervisor starts another on the same machine; now and then the whole worker, which demands a look.
            if self.random.random() < 0.2 and not self.tables.is_away:
                MemoryReconciliations(self.tables).demand()
            self.scheduler.after(self.random.uniform(0.2, 4), lambda: self._start_worker(queue, process.skew_s))

    def _execute(self, process: Process, worker: Worker, message: brokers.Message) -> None:
        """As the task's envelope does it: a tick is claimed, and a store that is away ends it."""
        try:
            if message.tick is None or self._is_claimed(worker, message.tick):
                self.tell(process.name, f"runs {message.name}")
                message.run(worker)
        except Unavailable as error:
            self.tell(process.name, f"{message.name} ends: {error}")
        except Exception as error:
            self.defects.append(f"{message.name} raised {type(error).__name__}: {error}")
            self.tell(process.name, f"!!! {message.name} raised {type(error).__name__}: {error}")

    def _is_claimed(self, worker: Worker, tick: brokers.Tick) -> bool:
        state = worker.services.state
        slot = executed_slot(state.now().timestamp(), tick.interval_s)
        return state.claim_slot(tick.name, slot, ttl_s=2 * tick.interval_s + 1)

    def _worker(self, process: Process) -> Worker:
        services = self._services(process)
        exchange = SimExchange(process, self.composition.recv_window_ms)
        composed = self.composition.exchange(exchange, services.journal)
        queue = brokers.SimQueue(self.broker, self)
        strategies: Any = self.strategies
        return Worker(services, {"binance": composed}, queue, strategies, catalogue, self.limits, process.name)

    def _services(self, process: Process) -> Services:
        tables, cache = self.tables, self.cache
        journal = self.composition.journal(tables, process, process.name)
        ports: dict[str, Any] = {
            "bots": MemoryBotStore(tables),
            "journal": journal,
            "books": MemoryBooks(tables),
            "markets": MemoryMarketStore(tables),
            "outbox": MemoryOutbox(tables, self.relay_lock),
            "queries": MemoryQueries(tables),
            "reconciliations": MemoryReconciliations(tables),
            "state": SimStateStore(process),
            "bus": MemoryEventBus(cache),
        }
        seams = {label: self._seam(process, label, port) for label, port in ports.items()}
        # What no cycle and no control call here asks for is not there.
        absent: dict[str, Any] = dict.fromkeys(each.name for each in fields(Services))
        return Services(**{**absent, **seams, "settings": SETTINGS, "clock": process})

    def _seam(self, process: Process, label: str, port: Any) -> Any:
        return Seam(process, label, port, _RISKY.get(label, frozenset()), _WRITES.get(label, frozenset()))

    # Control calls.

    def _start_call(self, bot_id: str) -> None:
        self._named += 1
        process = Process(self, f"api{self._named}", self._skew_s(), is_api=True)
        name = self.random.choice(("pause", "pause", "resume", "resume", "stop", "flatten", "start", "reset_errors"))
        body = self.scheduler.spawn(lambda: self._call(process, bot_id, name))
        body.switch()

    def _call(self, process: Process, bot_id: str, name: str) -> None:
        made_at, outcome = self.time, "ok"
        self.tell(process.name, f"calls {name} of {bot_id}")
        try:
            self._answer(process, bot_id, name)
        except OrchestratorError as error:
            outcome = f"{type(error).__name__}: {error}"
        except Killed:
            outcome = "killed"
        self.tell(process.name, f"{name} of {bot_id}: {outcome}")
        self.calls.append(Call(bot_id, name, made_at, self.time, outcome))

    def _answer(self, process: Process, bot_id: str, name: str) -> None:

        services = self._services(process)
        controls = Controls(
            bots=services.bots,
            journal=services.journal,
            queries=services.queries,
            markets=services.markets,
            state=services.state,
            clock=process,
            catalogue=catalogue,
            account=SimExchange.account,
            recv_window_ms=self.composition.recv_window_ms,
            sleep=process.sleep,
        )
        match name:
            case "pause":
                controls.pause(bot_id)
            case "resume":
                controls.resume(bot_id)
            case "stop":
                controls.stop(bot_id, OnStop.KEEP)
            case "flatten":
                controls.stop(bot_id, OnStop.FLATTEN)
            case "start":
                controls.start(bot_id, "binance", Decimal(10_000))
            case "reset_errors":
                controls.reset_errors(bot_id)


@dataclass(frozen=True, slots=True)
class TrueClock:
    world: World

    def now(self) -> datetime:
        return self.world.true_time()


def _market(symbol: str) -> Market:
    base, quote = symbol.split("/")
    step, tick, fee = Decimal("0.00001"), Decimal("0.01"), Decimal("0.001")
    return Market("binance", symbol, base, quote, step, tick, step, Decimal(5), fee, fee)


def _bot(bot_id: str, now: datetime) -> Bot:
    return started(
        None,
        bot_id=bot_id,
        exchange="binance",
        account=SimExchange.account,
        quote="USDT",
        initial_balance=Decimal(10_000),
        now=now,
    )
