"""The Redis side in memory: working copy and event stream. It obeys the contracts of `shared.ports`."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from shared.adapters.clock import SystemClock
from shared.domain.bots import MarketKey, Roster
from shared.domain.candles import Candles
from shared.domain.errors import Unavailable
from shared.domain.events import Event
from shared.domain.health import Vitals
from shared.ports import Clock


class Store:
    """Something that can be away."""

    name = "store"

    def __init__(self) -> None:
        self.is_away = False
        self.lock = threading.RLock()

    def reach(self) -> None:
        if self.is_away:
            raise Unavailable(f"{self.name} does not answer")


class Cache(Store):
    """The keys, and the stream of events."""

    name = "Redis"

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition(self.lock)
        self.stream: list[Event] = []
        self.slots: set[tuple[str, int]] = set()
        self.roster: Roster | None = None
        self.candles: dict[MarketKey, Candles] = {}
        self.offsets: dict[str, int] = {}
        self.marks: dict[str, dict[str, Decimal]] = {}
        self.vitals: dict[str, Vitals] = {}
        self.in_a_row: dict[tuple[str, str], int] = {}
        self.alive: dict[str, set[str]] = {}

    def flush(self) -> None:
        with self.lock:
            self.stream.clear()


class MemoryEventBus:
    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def publish(self, events: Sequence[Event]) -> None:
        with self._cache.changed:
            self._cache.reach()
            last = self._cache.stream[-1].number or 0 if self._cache.stream else 0
            self._cache.stream += [event for event in events if (event.number or 0) > last]
            self._cache.changed.notify_all()

    def read(self, after: int, block_ms: int) -> list[Event]:
        with self._cache.changed:
            self._cache.reach()
            if not self._newer(after):
                self._cache.changed.wait(min(block_ms, 2000) / 1000)
                self._cache.reach()
            return self._newer(after)

    def _newer(self, after: int) -> list[Event]:
        return [event for event in self._cache.stream if (event.number or 0) > after]


class MemoryStateStore:
    """`clock` is that of Redis's machine."""

    def __init__(self, cache: Cache, clock: Clock | None = None) -> None:
        self._cache = cache
        self._clock: Clock = clock or SystemClock()

    def now(self) -> datetime:
        self._cache.reach()
        return self._clock.now()

    def claim_slot(self, tick: str, slot: int, ttl_s: int) -> bool:
        self._cache.reach()
        with self._cache.lock:
            is_first = (tick, slot) not in self._cache.slots
            self._cache.slots.add((tick, slot))
            return is_first

    def roster(self) -> Roster | None:
        self._cache.reach()
        return self._cache.roster

    def put_roster(self, roster: Roster) -> None:
        self._cache.reach()
        self._cache.roster = roster

    def candles(self, market: MarketKey) -> Candles | None:
        self._cache.reach()
        return self._cache.candles.get(market)

    def put_candles(self, market: MarketKey, candles: Candles) -> None:
        self._cache.reach()
        self._cache.candles[market] = candles

    def clock_offset_ms(self, exchange: str) -> int | None:
        self._cache.reach()
        return self._cache.offsets.get(exchange)

    def put_clock_offset_ms(self, exchange: str, offset_ms: int) -> None:
        self._cache.reach()
        self._cache.offsets[exchange] = offset_ms

    def put_marks(self, exchange: str, marks: Mapping[str, Decimal]) -> None:
        self._cache.reach()
        self._cache.marks.setdefault(exchange, {}).update(marks)

    def marks(self, exchange: str) -> dict[str, Decimal]:
        self._cache.reach()
        return dict(self._cache.marks.get(exchange, {}))

    def record_success(self, exchange: str, source: str, at: datetime) -> None:
        self._cache.in_a_row.pop((exchange, source), None)
        self._cache.vitals[exchange] = replace(self._vitals(exchange), last_success_at=at)

    def record_error(self, exchange: str, source: str, kind: str, at: datetime) -> int:
        vitals = self._vitals(exchange)
        counts = {**vitals.error_counts, kind: vitals.error_counts.get(kind, 0) + 1}
        self._cache.vitals[exchange] = replace(vitals, error_counts=counts)
        row = self._cache.in_a_row.get((exchange, source), 0) + 1
        self._cache.in_a_row[exchange, source] = row
        return row

    def vitals(self, exchange: str, now: datetime) -> Vitals:
        rows = [row for (name, _), row in self._cache.in_a_row.items() if name == exchange]
        return replace(self._vitals(exchange), consecutive_errors=max(rows, default=0))

    def _vitals(self, exchange: str) -> Vitals:
        self._cache.reach()
        return self._cache.vitals.get(exchange, Vitals())

    def reset_errors(self, exchange: str) -> None:
        vitals = self._vitals(exchange)
        self._cache.in_a_row.clear()
        self._cache.vitals[exchange] = Vitals(last_success_at=vitals.last_success_at)

    def beat(self, component: str, instance: str, ttl_s: int) -> None:
        self._cache.reach()
        self._cache.alive.setdefault(component, set()).add(instance)

    def alive(self, component: str) -> list[str]:
        self._cache.reach()
        return sorted(self._cache.alive.get(component, ()))
