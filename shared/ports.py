"""What the cycles need of the world. Each port's docstring is its contract; one contract suite runs on every adapter.

Errors: stores raise `Unavailable` when they are away; the exchange raises the branch `ExchangeError`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from shared.domain.adopting import Adoption, Candidates
from shared.domain.bots import Bot, MarketKey, Roster, Subscription
from shared.domain.candles import Candles, Timeframe
from shared.domain.evaluating import GroupKey
from shared.domain.events import Event, EventType
from shared.domain.findings import Finding
from shared.domain.health import Vitals
from shared.domain.liveness import LastTick
from shared.domain.orders import Fill, Order, OrderReport, OrderState, Permit, Placement
from shared.domain.planning import Decision, Desk
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position
from shared.domain.reconciliation import Reconciliation
from shared.domain.reconciling import AccountKey, Conclusion, Drift, Known, Look
from shared.domain.reconciling import Books as AccountBooks
from shared.domain.risk import Denial, Limits
from shared.domain.signals import Evaluation
from shared.domain.values import Market, Ticker
from shared.domain.venue import VenueOrder, VenueTrade

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """This machine's time, aware, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Balance:
    free: Decimal
    locked: Decimal


class Exchange(Protocol):
    """One account at one venue, guarded. Reads are retried and raise ExchangeDown or Throttled.

    Built after the fork, one per process. `account` names whose money it moves.
    """

    name: str
    account: str
    placement: Placement
    starts_empty: bool  # The account holds nothing that our own orders did not bring.

    def now_ms(self) -> int:
        """The venue's clock. Its offset to ours is asked for at most every few seconds."""
        ...

    def markets(self) -> Mapping[str, Market]:
        """Every spot market by symbol, cached for the life of the process (an hour at most)."""
        ...

    def candles(self, symbol: str, timeframe: Timeframe, since_ms: int, limit: int) -> Candles:
        """From `since_ms` on, oldest first, the forming candle possibly included: drop it by time."""
        ...

    def tickers(self, symbols: Collection[str]) -> Mapping[str, Ticker]:
        """One call for all of them. A symbol that the venue does not quote is absent."""
        ...

    def permit(self, order: Order) -> Permit:
        """Budget and breaker permission for one transmission, its timestamp fixed. Nothing is sent.

        Raises Throttled or ExchangeDown: the order stays planned.
        """
        ...

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        """Transmit once, signed at the permit's time; no retry of any kind.

        `keep` is called with the reply as soon as it is read, before any book-keeping of ours could delay it, and again
        where a venue that answers with an id alone has then said more; what it raises is raised.

        Raises Rejected (certain), Throttled (certain, may be tried again), Unclear (everything else).
        """
        ...

    def cancel(self, order: Order) -> OrderReport:
        """Cancel what rests. Raises OrderUnknown, Unclear or Throttled; ask `report` afterwards."""
        ...

    def report(self, order: Order) -> OrderReport:
        """The venue's view, by client id, `fills` included. Raises OrderUnknown only on a healthy answer."""
        ...

    def fills(self, order: Order) -> Sequence[Fill]:
        """Every trade of an order that the venue knows, oldest first."""
        ...

    def balances(self) -> Mapping[str, Balance]:
        """Per asset, of the whole account."""
        ...

    def open_orders(self) -> Sequence[VenueOrder]:
        """Every order of the account that rests, ours or not, on whatever symbol."""
        ...

    def trades_since(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        """Every trade of the account on `symbol` from `since_ms` on, ours or not, oldest first.

        The newest may be missing for a moment. A symbol that the venue does not trade has none.
        """
        ...

    def order_by_exchange_id(self, symbol: str, exchange_order_id: str) -> VenueOrder:
        """An order of the account by the venue's own number, ours or not. Raises OrderUnknown."""
        ...


class BotStore(Protocol):
    """Bots and their strategies, in the record. Every method is one transaction, its events included."""

    def bot(self, bot_id: str) -> Bot | None: ...

    def change(self, bot_id: str, change: Callable[[Bot | None, bool], Bot], event: EventType) -> Bot:
        """Lock the bot's row, call `change(bot, holds_open_positions)`, write what it returns.

        The same object back writes nothing. A new initial balance moves the difference as capital (Conflict if
        cash would fall below zero). A change that leaves `running` denies the bot's planned entries, reason
        `paused` or `not_running`; where positions are watched no more, none is `leaving` any more. What `change`
        raises rolls back.
        """
        ...

    def bots(self) -> list[Bot]: ...

    def add_strategy(self, subscription: Subscription) -> Subscription:
        """Raises NotFound without the bot, Conflict where (name, symbol, timeframe) is there already."""
        ...

    def remove_strategy(
        self, bot_id: str, name: str, symbol: str, timeframe: Timeframe | None, at: datetime
    ) -> Subscription:
        """Raises NotFound; Conflict naming the timeframes where it would be ambiguous. Its position stays watched."""
        ...

    def strategies(self, bot_id: str) -> list[Subscription]:
        """The active ones, oldest first."""
        ...

    def set_anchor(self, subscription_id: str, anchor_price: float, group: str) -> Subscription:
        """Keep a grid's anchor and its new group; the first writer wins, and the stored row is returned."""
        ...

    def roster_version(self) -> int: ...

    def roster(self) -> Roster: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision. `is_new` is False where it had been decided before: `order` is then that one.

    `waits`: the order is an entry that can't go before its account is reconciled.
    """

    order: Order | None
    denial: Denial | None
    is_new: bool
    waits: bool = False


class Journal(Protocol):
    """Decisions, orders and fills, in the record. Each method is one transaction, its events included.

    Order changes are compare-and-set on state and attempt: a loser changes nothing and gets the stored order back.
    """

    def last_evaluated(self, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
        """Open time of the newest candle evaluated, per group of those markets that has one."""
        ...

    def record_evaluations(self, market: MarketKey, candle_open_ms: int, by_group: Mapping[str, Evaluation]) -> None:
        """Each group's last evaluation, and the row that says this candle is decided. Repeating it is harmless.

        Written after the candle's decisions: a crash before it makes the next tick decide again, harmlessly.
        """
        ...

    def decide(self, decision: Decision, plan: Callable[[Desk], Order | Denial]) -> Outcome:
        """Lock the bot, call `plan`, and write the decision with its order, reservation and event, or its denial."""
        ...

    def plan_exit(self, position_id: str, plan: Callable[[Bot, Position], Order | Denial]) -> Order | None:
        """Lock bot and position, call `plan`, write the exit, and that the position is being left where all of it goes.

        None where the position is not open or an exit of it lives. A denial leaves the position as dust.
        """
        ...

    def take(self, order: Order) -> Order | None:
        """Lease a PLANNED order whose lease has run out, its epoch raised; None where it changed or is another's.

        None also for an entry whose account waits for its reconciliation: it would cost a permit each time it is tried.
        What is planned is leased to its planner, for seconds. A worker that died, or sleeps, loses it so.
        """
        ...

    def release(self, order: Order) -> None:
        """Give up the lease of a PLANNED order that can't be sent now; nothing where it is another's by now."""
        ...

    def may_be_behind(self, order: Order) -> bool:
        """Whether the venue may have an order that this record never sent: nothing was reconciled since the demand."""
        ...

    def mark_sending(self, order: Order, permit: Permit, now: datetime, limits: Limits) -> Order | None:
        """PLANNED → SENDING, attempt + 1, `valid_until` kept: the last look before bytes leave.

        None = do not transmit: another has taken it over since `order` was read (epoch), it is out already (attempt),
        the signature is too old, or it waits for its account's reconciliation. An entry whose bot no longer runs, or
        whose limits or gate refuse it by now, becomes DENIED, one past `expires_at` EXPIRED.
        """
        ...

    def record_report(self, order: Order, report: OrderReport, market: Market, at: datetime) -> Order:
        """Fold what the venue says: order, fills, double-entry ledger, position and events in one transaction.

        Fills are unique by (account, symbol, trade id); one seen before is skipped. FILLED, CANCELED and EXPIRED are
        recorded only once the recorded fills sum to the report's `filled`; until then the order stays followed.
        """
        ...

    def record_failure(self, order: Order, state: OrderState, reason: str, at: datetime) -> Order:
        """SENDING → REJECTED, UNKNOWN or PLANNED (a refusal that may be tried again), with its reason."""
        ...

    def record_not_found(self, order: Order, at: datetime, placement: Placement) -> Order:
        """Count a healthy "no such order". The second, seconds after the first, proves absence where the venue can:
        NOT_PLACED, then PLANNED again, or EXPIRED where it is too late or the bot no longer enters.

        Where it is no proof it counts as no answer."""
        ...

    def record_unanswered(self, order: Order, at: datetime) -> Order:
        """A look-up that told nothing: the order is in doubt, and QUARANTINED after a quarter of an hour of it."""
        ...

    def quarantine(self, order: Order, at: datetime) -> Order:
        """Leave the order to a person: its venue can't be asked for it."""
        ...

    def settle(self, order: Order, finding: Finding, market: Market, at: datetime) -> Order:
        """QUARANTINED → what a person found, through the same folding as a venue's report; the finding is kept.

        What is not recorded yet becomes one fill, `manual-<client id>`; later reports of its trades change nothing.
        NOT_PLACED is planned again or EXPIRED. The same finding again returns the stored order. Raises InvalidField
        where it can't be true of the order, Conflict where the order is in no quarantine; NotFound.
        """
        ...

    def resting(self, position: Position) -> list[Order]:
        """Orders of the position's strategy that rest at the venue, entries and exits."""
        ...

    def unfinished(self) -> list[Order]:
        """Every order without an end, oldest first."""
        ...

    def entries_in_flight(self, bot_id: str) -> list[Order]:
        """Entries in SENDING or UNKNOWN: bytes of theirs may still be under way."""
        ...


class Books(Protocol):
    """Positions and equity, in the record."""

    def watched_positions(self, exchange: str) -> list[tuple[Bot, Position]]:
        """Open positions of bots that run, are paused, or are stopping; of a stopped one, what is being left."""
        ...

    def raise_high_water(self, marks: Mapping[str, Decimal]) -> None:
        """Position id → mark; only ever upward."""
        ...

    def accounts(self, exchange: str) -> list[tuple[Account, list[Position]]]:
        """Each bot's account and what it holds, dust included, read in one snapshot."""
        ...

    def store_equity(self, marks: Sequence[EquityMark]) -> None:
        """Append to the curve; peak and the day's start are kept with the bot. One transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A drift that a person has made part of the account's opening."""

    at: datetime
    reason: str
    drift: Drift


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """How an account stands, for people: the foreign orders that rest, and what was accepted, newest first."""

    reconciliation: Reconciliation
    external_orders: tuple[VenueOrder, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()


class AccountStandings(Protocol):
    """What people see of reconciliations, and settle."""

    def standings(self) -> list[AccountStanding]:
        """Of every account on which a bot was started, or a worker found one."""
        ...

    def accept(self, key: AccountKey, reason: str) -> AccountStanding:
        """Make the present drift part of the account's opening, its strays external: entries go again.

        Raises NotFound for an account that there is none of, Conflict where it does not drift.
        """
        ...


class Reconciliations(AccountStandings, Protocol):
    """An account's books against its venue, in the record. Each method is one transaction, its events included.

    `demanded_at` and what follows from it are moments of the database's clock, the same for all.
    """

    def demand(self) -> None:
        """From now on entries of every account that has a bot wait until it was reconciled once more.

        The start of a bot demands the same for its own account, within its transaction.
        """
        ...

    def claim(self, keys: Collection[AccountKey]) -> list[AccountKey]:
        """Those of `keys` that are due (demanded, or their time has come), each for one caller for half a minute."""
        ...

    def books(self, key: AccountKey) -> AccountBooks:
        """What the record says of the account, read at one moment."""
        ...

    def known(self, key: AccountKey, look: Look) -> Known:
        """What the record has of the orders and trades that the venue showed."""
        ...

    def candidates(self, key: AccountKey, symbols: Collection[str]) -> Candidates:
        """Who could have sent an order on these: strategies and positions, those of the last month included."""
        ...

    def adopt(self, adoption: Adoption) -> Order:
        """Write an order, and its decision, as the record would have had them; the stored one where it is there.

        It is SENDING and unfenced: whoever looks it up first reports it.
        """
        ...

    def conclude(self, key: AccountKey, books: AccountBooks, conclusion: Conclusion) -> bool:
        """Write what a look came to. False, and nothing written, where another was concluded since `books` were read.

        CLEAN opens the gate and DRIFT holds entries, both as of `books.read_at`; INCONCLUSIVE changes neither.
        """
        ...


class MarketStore(Protocol):
    """The venues' markets as the workers last read them: what the API checks a symbol against."""

    def put(self, exchange: str, markets: Collection[Market]) -> None: ...

    def market(self, exchange: str, symbol: str) -> Market | None: ...

    def symbols(self, exchange: str) -> list[str]:
        """Empty until a worker has read them once."""
        ...


class Outbox(Protocol):
    def relay(self, publish: Callable[[Sequence[Event]], None], limit: int = 500) -> int:
        """Give the oldest unsent events gapless numbers, `publish` them in order, mark them sent; how many.

        One relay at a time (advisory lock; 0 where another runs). Numbers are committed before publishing, so a
        crash in between publishes again under the same numbers: the bus refuses duplicates.
        """
        ...

    def history(self, after: int, limit: int, bot_id: str | None = None) -> list[Event]:
        """Numbered events after `after`, oldest first."""
        ...

    def last_number(self) -> int: ...


class EventBus(Protocol):
    """The Redis stream `events`: id `<number>-0`."""

    def publish(self, events: Sequence[Event]) -> None:
        """Append in order; an event whose number is there already is skipped."""
        ...

    def read(self, after: int, block_ms: int) -> list[Event]:
        """Events after a number, waiting at most `block_ms` (≤ 2000) for the first."""
        ...


class StateStore(Protocol):
    """The working copy in Redis. Losing it loses nothing: the next tick rebuilds it. Writes are never retried."""

    def now(self) -> datetime:
        """The store's own clock: the same for every process, whatever the clocks of their machines say."""
        ...

    def claim_slot(self, tick: str, slot: int, ttl_s: int) -> bool:
        """True for exactly one caller per (tick, slot)."""
        ...

    def roster(self) -> Roster | None: ...

    def put_roster(self, roster: Roster) -> None: ...

    def candles(self, market: MarketKey) -> Candles | None: ...

    def put_candles(self, market: MarketKey, candles: Candles) -> None: ...

    def clock_offset_ms(self, exchange: str) -> int | None:
        """The venue's clock minus this machine's, as last measured by a worker on whatever machine; None if unknown."""
        ...

    def put_clock_offset_ms(self, exchange: str, offset_ms: int) -> None: ...

    def put_marks(self, exchange: str, marks: Mapping[str, Decimal]) -> None:
        """Symbol → last price, as the newest position or portfolio tick saw it."""
        ...

    def marks(self, exchange: str) -> dict[str, Decimal]: ...

    def record_success(self, exchange: str, source: str, at: datetime) -> None:
        """A tick did its work: clears the consecutive count of its source, and of no other.

        Else stops that are watched would hide strategies that fail.
        """
        ...

    def record_error(self, exchange: str, source: str, kind: str, at: datetime) -> int:
        """Count an error by kind in the 1-hour window; returns how many in a row its source has had."""
        ...

    def vitals(self, exchange: str, now: datetime) -> Vitals: ...

    def reset_errors(self, exchange: str) -> None:
        """Counters and breakers of the exchange cleared."""
        ...

    def beat(self, component: str, instance: str, ttl_s: int) -> None:
        """A sign of life of a `beat`. A worker's is a tick that it executed: `Liveness`."""
        ...

    def alive(self, component: str) -> list[str]:
        """Instances whose last sign is younger than its time to live."""
        ...


class Liveness(Protocol):
    """When each worker last executed what, in the record: Redis may be away, and a process that hangs executes nothing.

    Ages are told by the record's own clock, whatever the clocks of the workers' machines say.
    """

    def record(self, worker: str, queue: str, tick: str) -> None:
        """`worker`, named as its supervisor knows it, has executed a `tick` just now. A standby's queue is STANDBY."""
        ...

    def ticks(self) -> list[LastTick]:
        """The last of each kind by each worker, those of the last day."""
        ...

    def forget_old(self) -> None:
        """Drop what `ticks` leaves out."""
        ...

    def sole_standby(self) -> AbstractContextManager[bool]:
        """True within the block for one process of the fleet at a time; one that dies or sleeps for 15 s loses it."""
        ...


class TaskQueue(Protocol):
    def evaluate_markets(self, exchange: str, markets: Sequence[MarketKey]) -> None:
        """Hand a batch to any worker. A hint: what is lost is swept by the next tick."""
        ...


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class LastEvaluation:
    """Why a subscription did or did not act: its group's last evaluation, and what its own last decision became."""

    subscription: Subscription
    evaluation: Evaluation | None
    evaluated_at: datetime | None
    decision_candle_open_ms: int | None = None
    decision_side: str | None = None
    decision_outcome: str | None = None
    client_order_id: str | None = None


class Queries(Protocol):
    """Reads for people. Newest first; `cursor` is opaque, an unreadable one raises InvalidField("cursor")."""

    def account(self, bot_id: str) -> Account | None: ...

    def holdings(self, bot_id: str) -> tuple[Account, list[Position]] | None:
        """The bot's account and every position with a quantity, dust included, in one snapshot."""
        ...

    def positions(self, bot_id: str, is_open: bool | None, limit: int, cursor: str | None) -> Page[Position]: ...

    def orders(self, bot_id: str, limit: int, cursor: str | None, is_live: bool = False) -> Page[Order]:
        """`is_live`: those without an end alone."""
        ...

    def order(self, bot_id: str, client_order_id: str) -> Order | None: ...

    def fills(self, bot_id: str, limit: int, cursor: str | None) -> Page[Fill]: ...

    def equity(self, bot_id: str, limit: int, cursor: str | None) -> Page[EquityMark]: ...

    def last_evaluations(self, bot_id: str) -> list[LastEvaluation]: ...
