"""The stores in memory: written, not patched. They obey the contracts of `shared.ports`, outages included.

`Record` is what Postgres would hold, `Cache` what Redis would; each can be `away`. `World` puts them together the way
the composition root does.
"""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.domain.bots import Bot, MarketKey, Roster, RosterEntry, Subscription, capital_change
from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict, InvalidField, NotFound
from shared.domain.events import Event, EventType
from shared.domain.liveness import LastTick
from shared.domain.orders import IN_FLIGHT, Fill, Order, OrderState, Purpose
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position, PositionState
from shared.domain.reconciliation import accepted
from shared.domain.reconciling import AccountKey
from shared.domain.values import ZERO, Market
from shared.ports import Acceptance, AccountStanding, LastEvaluation, Page
from shared.settings import Settings
from tests.fakes_redis import Cache, MemoryEventBus, MemoryStateStore, Store

T = TypeVar("T")
EPOCH = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until told."""

    def __init__(self, now: datetime = EPOCH) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class Record(Store):
    """The tables."""

    name = "Postgres"

    def __init__(self) -> None:
        super().__init__()
        self.bots: dict[str, Bot] = {}
        self.accounts: dict[str, Account] = {}
        self.subscriptions: list[Subscription] = []
        self.positions: list[Position] = []
        self.orders: list[Order] = []
        self.fills: list[tuple[str, Fill]] = []
        self.equity: list[EquityMark] = []
        self.evaluations: dict[str, LastEvaluation] = {}
        self.markets: dict[tuple[str, str], Market] = {}
        self.standings: dict[AccountKey, AccountStanding] = {}
        self.outbox: list[Event] = []
        self.sent = 0
        self.roster_version = 1

    def append(self, type_: EventType, bot_id: str, at: datetime, payload: Mapping[str, object] | None = None) -> None:
        self.outbox.append(Event(type_, bot_id, at, payload or {}))


class MemoryBotStore:
    def __init__(self, record: Record) -> None:
        self._record = record

    def bot(self, bot_id: str) -> Bot | None:
        self._record.reach()
        return self._record.bots.get(bot_id)

    def bots(self) -> list[Bot]:
        self._record.reach()
        return list(self._record.bots.values())

    def change(self, bot_id: str, change: Callable[[Bot | None, bool], Bot], event: EventType) -> Bot:
        record = self._record
        record.reach()
        with record.lock:
            before = record.bots.get(bot_id)
            after = change(before, any(_is_held(each, bot_id) for each in record.positions))
            if after is before:
                return after
            self._move_capital(before, after)
            record.bots[bot_id] = after
            if before is not None and before.may_enter and not after.may_enter:
                self._deny_planned_entries(after)
            record.append(event, bot_id, after.updated_at)
            record.roster_version += 1
            return after

    def _move_capital(self, before: Bot | None, after: Bot) -> None:
        moved = capital_change(before, after)
        account = self._record.accounts.get(after.id)
        if account is None:
            opened = after.created_at.date()
            start = after.initial_balance
            account = Account(after.id, start, start, ZERO, ZERO, ZERO, start, opened, start, start)
        elif account.cash + moved < 0:
            raise Conflict("cash would fall below zero")
        else:
            names = ("cash", "peak_equity", "day_start_equity", "equity")
            changed = {name: getattr(account, name) + moved for name in names}
            account = replace(account, initial_balance=after.initial_balance, **changed)
        self._record.accounts[after.id] = account

    def _deny_planned_entries(self, bot: Bot) -> None:
        for at, order in enumerate(self._record.orders):
            is_planned = order.state is OrderState.PLANNED and order.purpose is Purpose.ENTRY
            if order.bot_id == bot.id and is_planned:
                reason = "paused" if bot.desired == "paused" else "not_running"
                self._record.orders[at] = replace(order, state=OrderState.DENIED, reason=reason)

    def add_strategy(self, subscription: Subscription) -> Subscription:
        record = self._record
        record.reach()
        with record.lock:
            if subscription.bot_id not in record.bots:
                raise NotFound(f"there is no bot {subscription.bot_id!r}")
            if any(_place(each) == _place(subscription) for each in self.strategies(subscription.bot_id)):
                raise Conflict(f"{subscription.name} runs on {subscription.symbol} already")
            record.subscriptions.append(subscription)
            record.append(EventType.STRATEGY_ADDED, subscription.bot_id, subscription.created_at)
            record.roster_version += 1
            return subscription

    def remove_strategy(
        self, bot_id: str, name: str, symbol: str, timeframe: Timeframe | None, at: datetime
    ) -> Subscription:
        record = self._record
        record.reach()
        with record.lock:
            found = [each for each in self.strategies(bot_id) if (each.name, each.symbol) == (name, symbol)]
            found = [each for each in found if timeframe in (None, each.timeframe)]
            if not found:
                raise NotFound(f"the bot has no {name} on {symbol}")
            if len(found) > 1:
                choices = [each.timeframe.value for each in found]
                raise Conflict(f"{name} runs on {symbol} at {', '.join(choices)}: name the timeframe", choices)
            removed = replace(found[0], removed_at=at)
            record.subscriptions[record.subscriptions.index(found[0])] = removed
            record.append(EventType.STRATEGY_REMOVED, bot_id, at)
            record.roster_version += 1
            return removed

    def strategies(self, bot_id: str) -> list[Subscription]:
        self._record.reach()
        return [each for each in self._record.subscriptions if each.bot_id == bot_id and each.is_active]

    def set_anchor(self, subscription_id: str, anchor_price: float, group: str) -> Subscription:
        record = self._record
        record.reach()
        with record.lock:
            at = next((i for i, each in enumerate(record.subscriptions) if each.id == subscription_id), None)
            if at is None:
                raise NotFound(f"there is no strategy {subscription_id!r}")
            stored = record.subscriptions[at]
            if stored.params.get("anchor_price") is None:
                params = {**stored.params, "anchor_price": anchor_price}
                stored = record.subscriptions[at] = replace(stored, params=params, group=group)
                record.roster_version += 1
            return stored

    def roster_version(self) -> int:
        self._record.reach()
        return self._record.roster_version

    def roster(self) -> Roster:
        self._record.reach()
        bots = {bot.id: bot for bot in self.bots() if bot.desired != "stopped"}
        subscriptions = [each for each in self._record.subscriptions if each.is_active and each.bot_id in bots]
        return Roster(
            self._record.roster_version, tuple(_roster_entry(bots[each.bot_id], each) for each in subscriptions)
        )


def _is_held(position: Position, bot_id: str) -> bool:
    return position.bot_id == bot_id and position.state is PositionState.OPEN


def _place(subscription: Subscription) -> tuple[str, str, str]:
    return subscription.name, subscription.symbol, subscription.timeframe


def _roster_entry(bot: Bot, subscription: Subscription) -> RosterEntry:
    key = MarketKey(bot.exchange, subscription.symbol, subscription.timeframe)
    return RosterEntry(key, bot.run, subscription)


class MemoryJournal:
    """The part that control calls ask."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def entries_in_flight(self, bot_id: str) -> list[Order]:
        self._record.reach()
        mine = [order for order in self._record.orders if order.bot_id == bot_id]
        return [order for order in mine if order.purpose is Purpose.ENTRY and order.state in IN_FLIGHT]


class MemoryMarketStore:
    def __init__(self, record: Record) -> None:
        self._record = record

    def put(self, exchange: str, markets: Collection[Market]) -> None:
        self._record.reach()
        self._record.markets |= {(exchange, each.symbol): each for each in markets}

    def market(self, exchange: str, symbol: str) -> Market | None:
        self._record.reach()
        return self._record.markets.get((exchange, symbol))

    def symbols(self, exchange: str) -> list[str]:
        self._record.reach()
        return sorted(symbol for venue, symbol in self._record.markets if venue == exchange)


class MemoryOutbox:
    def __init__(self, record: Record) -> None:
        self._record = record

    def relay(self, publish: Callable[[Sequence[Event]], None], limit: int = 500) -> int:
        record = self._record
        record.reach()
        with record.lock:
            part = range(record.sent, min(record.sent + limit, len(record.outbox)))
            for at in part:
                record.outbox[at] = replace(record.outbox[at], number=at + 1)
            publish([record.outbox[at] for at in part])
            record.sent = part.stop
            return len(part)

    def history(self, after: int, limit: int, bot_id: str | None = None) -> list[Event]:
        self._record.reach()
        numbered = [event for event in self._record.outbox if event.number is not None and event.number > after]
        return [event for event in numbered if bot_id in (None, event.bot_id)][:limit]

    def last_number(self) -> int:
        self._record.reach()
        return sum(event.number is not None for event in self._record.outbox)


class MemoryLiveness:
    def __init__(self, record: Record, clock: FakeClock | None = None) -> None:
        self._record = record
        self._clock = clock or FakeClock()
        self._last: dict[tuple[str, str], tuple[str, datetime]] = {}
        self._is_taken = False

    def record(self, worker: str, queue: str, tick: str) -> None:
        self._record.reach()
        self._last[worker, tick] = queue, self._clock.now()

    def ticks(self) -> list[LastTick]:
        self._record.reach()
        now = self._clock.now()
        aged = [
            LastTick(worker, queue, tick, (now - at).total_seconds())
            for (worker, tick), (queue, at) in self._last.items()
        ]
        return [each for each in aged if each.age_s < timedelta(days=1).total_seconds()]

    def forget_old(self) -> None:
        known = {(each.worker, each.tick) for each in self.ticks()}
        self._last = {key: value for key, value in self._last.items() if key in known}

    @contextmanager
    def sole_standby(self) -> Iterator[bool]:
        self._record.reach()
        is_sole, self._is_taken = not self._is_taken, True
        try:
            yield is_sole
        finally:
            self._is_taken = not is_sole


class MemoryStandings:
    """Accounts as a test has put them there."""

    def __init__(self, record: Record, clock: FakeClock) -> None:
        self._record = record
        self._clock = clock

    def standings(self) -> list[AccountStanding]:
        self._record.reach()
        return list(self._record.standings.values())

    def accept(self, key: AccountKey, reason: str) -> AccountStanding:
        self._record.reach()
        standing = self._record.standings.get(key)
        if standing is None:
            raise NotFound(f"no bot was ever started on {key.exchange} ({key.account})")
        row, now = standing.reconciliation, self._clock.now()
        if row.is_clean:
            raise Conflict("there is nothing to accept")
        acceptance = Acceptance(now, reason, row.confirmed)
        after = replace(standing, reconciliation=accepted(row, now), acceptances=(acceptance, *standing.acceptances))
        self._record.standings[key] = after
        return after


class MemoryQueries:
    def __init__(self, record: Record) -> None:
        self._record = record

    def account(self, bot_id: str) -> Account | None:
        self._record.reach()
        return self._record.accounts.get(bot_id)

    def holdings(self, bot_id: str) -> tuple[Account, list[Position]] | None:
        account = self.account(bot_id)
        held = [each for each in self._record.positions if each.bot_id == bot_id and each.quantity]
        return None if account is None else (account, held)

    def positions(self, bot_id: str, is_open: bool | None, limit: int, cursor: str | None) -> Page[Position]:
        mine = [each for each in self._record.positions if each.bot_id == bot_id]
        wanted = [each for each in mine if is_open in (None, each.state is PositionState.OPEN)]
        return self._page(wanted, limit, cursor)

    def orders(self, bot_id: str, limit: int, cursor: str | None, is_live: bool = False) -> Page[Order]:
        mine = [each for each in self._record.orders if each.bot_id == bot_id]
        return self._page([each for each in mine if not (is_live and each.is_finished)], limit, cursor)

    def order(self, bot_id: str, client_order_id: str) -> Order | None:
        self._record.reach()
        mine = (each for each in self._record.orders if each.bot_id == bot_id)
        return next((each for each in mine if each.client_order_id == client_order_id), None)

    def fills(self, bot_id: str, limit: int, cursor: str | None) -> Page[Fill]:
        return self._page([fill for owner, fill in self._record.fills if owner == bot_id], limit, cursor)

    def equity(self, bot_id: str, limit: int, cursor: str | None) -> Page[EquityMark]:
        return self._page([each for each in self._record.equity if each.bot_id == bot_id], limit, cursor)

    def last_evaluations(self, bot_id: str) -> list[LastEvaluation]:
        self._record.reach()
        mine = [each for each in self._record.subscriptions if each.bot_id == bot_id and each.is_active]
        return [self._record.evaluations.get(each.id, LastEvaluation(each, None, None)) for each in mine]

    def _page(self, rows: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
        """Newest first; a cursor holds how many rows are older, so that new ones don't shift a page."""
        self._record.reach()
        end = len(rows) if cursor is None else _decoded(cursor)
        start = max(end - limit, 0)
        after = base64.urlsafe_b64encode(str(start).encode()).decode() if start else None
        return Page(list(reversed(rows[start:end])), after)


def _decoded(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
    except ValueError:
        raise InvalidField("cursor", "is not one that a list gave") from None


@dataclass
class World:
    """Both stores, the ports over them, and a clock that stands still."""

    settings: Settings = field(default_factory=Settings)
    clock: FakeClock = field(default_factory=FakeClock)
    record: Record = field(default_factory=Record)
    cache: Cache = field(default_factory=Cache)

    def __post_init__(self) -> None:
        self.bots = MemoryBotStore(self.record)
        self.journal: Any = MemoryJournal(self.record)
        self.markets = MemoryMarketStore(self.record)
        self.outbox = MemoryOutbox(self.record)
        self.queries = MemoryQueries(self.record)
        self.reconciliations = MemoryStandings(self.record, self.clock)
        self.liveness = MemoryLiveness(self.record, self.clock)
        self.state = MemoryStateStore(self.cache)
        self.bus = MemoryEventBus(self.cache)

    def happen(self, *types: EventType, bot_id: str = "default") -> None:
        """Events that are committed, numbered and published."""
        for each in types:
            self.record.append(each, bot_id, self.clock.now())
        self.relay()

    def relay(self) -> None:
        self.outbox.relay(self.bus.publish)
