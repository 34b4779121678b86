"""The rows that Postgres would hold, and the constraints that it would hold them to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from shared.domain.booking import Line
from shared.domain.bots import Bot, MarketKey, Subscription, flattened
from shared.domain.errors import NotFound, Unavailable
from shared.domain.evaluating import GroupKey
from shared.domain.events import Event, EventType
from shared.domain.facts import bot_changed, order_changed
from shared.domain.folding import is_flat
from shared.domain.gate import Gate, is_reconciled
from shared.domain.orders import TERMINAL, Fill, Order, OrderState, Purpose
from shared.domain.planning import Decision
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position, PositionState
from shared.domain.reconciliation import Reconciliation
from shared.domain.reconciling import AccountKey
from shared.domain.risk import Denial
from shared.domain.signals import Evaluation
from shared.domain.values import ZERO, Market
from shared.domain.venue import OrderRef, VenueOrder, VenueTrade

T = TypeVar("T")


class ConstraintViolated(Exception):
    """The database would have refused the row."""


@dataclass(frozen=True, slots=True)
class Decided:
    id: int
    decision: Decision
    denial: Denial | None
    client_order_id: str | None


@dataclass(slots=True)
class Sent:
    """A row of the outbox."""

    id: int
    event: Event
    is_sent: bool = False


@dataclass
class Tables:
    """`now` is the database's clock, the one that leases run by. `session` changes when every session is cut."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    is_away: bool = False
    session: int = 0
    roster_version: int = 1
    bots: dict[str, Bot] = field(default_factory=dict)
    sums: dict[str, Account] = field(default_factory=dict)
    equity_at: dict[str, datetime] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    decisions: dict[str, Decided] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    live: dict[str, Order] = field(default_factory=dict)
    exits: set[tuple[str, int]] = field(default_factory=set)
    fills: dict[tuple[str, str, str], tuple[str, Fill]] = field(default_factory=dict)
    ledger: dict[tuple[str, str, str, str], Line] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    equity: dict[tuple[str, datetime], EquityMark] = field(default_factory=dict)
    evaluations: dict[GroupKey, tuple[Evaluation, datetime]] = field(default_factory=dict)
    decided_candles: set[tuple[MarketKey, int]] = field(default_factory=set)
    markets: dict[tuple[str, str], Market] = field(default_factory=dict)
    reconciliations: dict[AccountKey, Reconciliation] = field(default_factory=dict)
    openings: dict[tuple[AccountKey, str], Decimal] = field(default_factory=dict)
    external_orders: dict[tuple[AccountKey, OrderRef], VenueOrder] = field(default_factory=dict)
    external_trades: dict[tuple[str, str], tuple[AccountKey, VenueTrade]] = field(default_factory=dict)
    outbox: list[Sent] = field(default_factory=list)

    def reach(self) -> None:
        if self.is_away:
            raise Unavailable("Postgres is away")

    # Reading, as the statements of `locking` do.

    def bot(self, bot_id: str) -> Bot:
        self.reach()
        return _known(self.bots.get(bot_id), "bot", bot_id)

    def order(self, client_order_id: str) -> Order:
        return _known(self.orders.get(client_order_id), "order", client_order_id)

    def live_orders(self, bot_id: str) -> list[Order]:
        return [order for order in self.live.values() if order.bot_id == bot_id]

    def deny_entries(self, bot_id: str, reason: Denial, at: datetime, strategy_id: str | None = None) -> None:
        """Planned ones, of the bot or of one strategy of it."""
        for order in self.live_orders(bot_id):
            is_planned = order.purpose is Purpose.ENTRY and order.state is OrderState.PLANNED
            if is_planned and strategy_id in (None, order.strategy_id):
                denied = replace(order, state=OrderState.DENIED, reason=reason, reserved=ZERO, updated_at=at)
                self.write_order(denied)
                self.append(order_changed(denied))

    def account(self, bot_id: str) -> Account:
        return replace(self.sums[bot_id], reserved=sum((each.reserved for each in self.live_orders(bot_id)), ZERO))

    def open_position(self, bot_id: str, strategy_id: str) -> Position | None:
        mine = (each for each in self.open_positions(bot_id) if each.strategy_id == strategy_id)
        return next(mine, None)

    def open_positions(self, bot_id: str) -> Iterator[Position]:
        return (each for each in self.positions.values() if each.bot_id == bot_id and each.state is PositionState.OPEN)

    def gate(self, bot: Bot, now: datetime) -> Gate:
        row = self.reconciliations.get(AccountKey(bot.exchange, bot.account))
        is_quarantined = (order.state is OrderState.QUARANTINED for order in self.live_orders(bot.id))
        return Gate(
            is_reconciled=row is None or is_reconciled(row.demanded_at, row.reconciled_at, now),
            has_drift=row is not None and row.reconciled_at is not None and not row.is_clean,
            has_quarantined=any(is_quarantined),
        )

    # Writing.

    def append(self, *events: Event) -> None:
        for event in events:
            self.outbox.append(Sent(len(self.outbox) + 1, event))

    def demand(self, bot: Bot) -> None:
        """Close the gate of the bot's account until it was reconciled once more."""
        key, now = AccountKey(bot.exchange, bot.account), self.now()
        stored = self.reconciliations.get(key, Reconciliation(bot.exchange, bot.account, now, now))
        self.reconciliations[key] = replace(stored, demanded_at=now, due_at=now)

    def is_unreconciled(self, order: Order, now: datetime) -> bool:
        row = self.reconciliations.get(AccountKey(order.exchange, order.account))
        return row is not None and not is_reconciled(row.demanded_at, row.reconciled_at, now)

    def bump_roster(self) -> None:
        self.roster_version += 1

    def insert_order(self, order: Order) -> None:
        _demand(order.client_order_id not in self.orders, "orders_pkey", order)
        _demand(order.quantity > 0, "quantity", order)
        if order.purpose is Purpose.EXIT:
            _demand(order.position_id is not None and order.position_version is not None, "exit_of", order)
            place = (str(order.position_id), int(order.position_version or 0))
            _demand(place not in self.exits, "orders_one_exit", order)
            self.exits.add(place)
        self.write_order(order)

    def write_order(self, order: Order) -> None:
        _demand(order.reserved == 0 or (order.reserved > 0 and order.state not in TERMINAL), "reserved", order)
        self.orders[order.client_order_id] = order
        if order.state in TERMINAL:
            self.live.pop(order.client_order_id, None)
        else:
            self.live[order.client_order_id] = order

    def write_position(self, position: Position) -> None:
        _demand((position.state is PositionState.OPEN) == (position.closed_at is None), "closed", position)
        if position.state is PositionState.OPEN:
            other = self.open_position(position.bot_id, position.strategy_id)
            _demand(other is None or other.id == position.id, "positions_one_open", position)
        self.positions[position.id] = position

    def insert_line(self, line: Line) -> None:
        key = (line.transaction_id, line.kind, line.ledger_account, line.asset)
        _demand(key not in self.ledger, "ledger_pkey", line)
        self.ledger[key] = line

    def write_bot(self, bot: Bot) -> None:
        _demand(not bot.is_stopping or bot.desired == "stopped", "stopping", bot)
        self.bots[bot.id] = bot

    def clear_if_flat(self, bot: Bot, at: datetime) -> None:
        """End a flatten whose last position is gone."""
        if not bot.is_stopping:
            return
        if is_flat(bot, sum(1 for _ in self.open_positions(bot.id)), len(self.live_orders(bot.id))):
            cleared = flattened(bot, at)
            self.write_bot(cleared)
            self.append(bot_changed(EventType.BOT_FLATTENED, cleared, []))


def _known(row: T | None, kind: str, name: str) -> T:
    if row is None:
        raise NotFound(f"there is no {kind} {name!r}")
    return row


def _demand(holds: bool, constraint: str, row: object) -> None:
    if not holds:
        raise ConstraintViolated(f"{constraint}: {row}")
