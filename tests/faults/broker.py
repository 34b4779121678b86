"""The queue and the beats: hints, which get lost, arrive twice, and vanish with Redis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenlet import greenlet

from shared.domain.bots import MarketKey
from shared.domain.errors import Unavailable
from worker.boot import Worker
from worker.cycles.evaluation import evaluation_cycle
from worker.cycles.portfolio import portfolio_cycle
from worker.cycles.positions import position_cycle
from worker.cycles.reconciling import reconcile_cycle
from worker.cycles.resolving import resolve_cycle
from worker.cycles.strategy import strategy_cycle
from worker.cycles.upkeep import relay_cycle
from worker.schedule import LAG_S

if TYPE_CHECKING:
    from tests.faults.world import World

ORDERS, STRATEGY = "orders", "strategy"


@dataclass(frozen=True, slots=True)
class Tick:
    name: str
    queue: str
    interval_s: int
    cycle: Callable[[Worker], None]


TICKS = (
    Tick("position", ORDERS, 10, position_cycle),
    Tick("resolve", ORDERS, 5, resolve_cycle),
    Tick("reconcile", ORDERS, 10, reconcile_cycle),
    Tick("relay", ORDERS, 10, relay_cycle),
    Tick("strategy", STRATEGY, 30, strategy_cycle),
    Tick("portfolio", STRATEGY, 120, portfolio_cycle),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A task. `tick` is None for a batch of markets to evaluate."""

    tick: Tick | None
    expires_at: float
    exchange: str = ""
    markets: tuple[MarketKey, ...] = ()

    @property
    def name(self) -> str:
        return self.tick.name if self.tick else "evaluate"

    def run(self, worker: Worker) -> None:
        if self.tick is None:
            evaluation_cycle(worker, self.exchange, self.markets)
        else:
            self.tick.cycle(worker)


class Broker:
    """Lists in Redis. A process that waits on one is woken by what arrives."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._messages: dict[str, list[Message]] = {ORDERS: [], STRATEGY: []}
        self._idle: dict[str, list[greenlet]] = {ORDERS: [], STRATEGY: []}

    def publish(self, queue: str, message: Message) -> None:
        if self._world.is_redis_away:
            raise Unavailable("Redis is away")
        if self._world.random.random() < self._world.faults.message_lost:
            self._world.tell("broker", f"*** {message.name} is lost")
            return
        self._messages[queue].append(message)
        if self._idle[queue]:
            sleeper = self._idle[queue].pop(self._world.random.randrange(len(self._idle[queue])))
            self._world.scheduler.after(self._world.random.uniform(0.001, 0.05), sleeper.switch)

    def take(self, queue: str, me: greenlet) -> Message:
        """The next that has not expired; waits for one."""
        while True:
            while self._messages[queue]:
                message = self._messages[queue].pop(0)
                if message.expires_at > self._world.time:
                    return message
            self._idle[queue].append(me)
            self._world.scheduler.wait()

    def wipe(self) -> None:
        for messages in self._messages.values():
            messages.clear()


@dataclass(frozen=True, slots=True)
class SimQueue:
    """The task queue of one process."""

    broker: Broker
    world: "World"

    def evaluate_markets(self, exchange: str, markets: Sequence[MarketKey]) -> None:
        message = Message(None, self.world.time + 60, exchange, tuple(markets))
        self.broker.publish(STRATEGY, message)


def beat(world: "World", tick: Tick, until_s: float) -> None:
    """Both beats, slot by slot: a tick of theirs may be lost, or come from both."""
    boundary = 0.0
    while boundary < until_s:
        world.scheduler.at(boundary + LAG_S, lambda: _sent(world, tick))
        boundary += tick.interval_s


def _sent(world: "World", tick: Tick) -> None:
    faults, chance = world.faults, world.random.random()
    if chance < faults.tick_lost or world.is_redis_away:
        return
    message = Message(tick, world.time + tick.interval_s)
    for place in range(2 if chance > 1 - faults.tick_doubled else 1):
        world.scheduler.after(place * world.random.uniform(0.01, 0.8), lambda: _published(world, tick, message))


def _published(world: "World", tick: Tick, message: Message) -> None:
    if not world.is_redis_away:
        world.broker.publish(tick.queue, message)
