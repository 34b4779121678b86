"""Control calls: what a user asks of a bot, made true before it is answered.

Each reads first (the exchange's clock, the markets), then changes the record in one transaction. Pause and stop
return only once no entry order that left before them can still be accepted.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from shared.domain import bots as lifecycle
from shared.domain.bots import Bot, Desired, OnStop, PausedBy, Subscription
from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict, NotFound, Unavailable
from shared.domain.events import EventType
from shared.domain.exchanges import LIVE, PAPER, account_on
from shared.domain.orders import Order
from shared.domain.positions import Position
from shared.ports import BotStore, Clock, Journal, MarketStore, Queries, StateStore
from shared.services.exchange_time import exchange_now, exchange_offset, measured_exchange_now
from shared.services.queries import open_positions
from shared.services.requests import (
    EXCHANGES,
    QUOTE,
    check_settings,
    check_timeframe,
    checked_balance,
    checked_exchange,
    checked_symbol,
)
from shared.settings import Settings

FENCE_POLL_S = 0.05
FENCE_MARGIN_S = 1.0
CLOCK_ERROR = timedelta(seconds=0.5)
MARKETS_POLL_S = 0.25
MARKETS_LOOKS = 28  # A worker reads them within five seconds of its start.
NEVER_STARTED = "the bot has never been started; start it first"

Change = Callable[[Bot | None, bool, datetime], Bot]


class Catalogue(Protocol):
    """The strategies that there are. Both raise InvalidField naming `strategy_name` or `params.<key>`."""

    def validated(self, name: str, params: Mapping[str, Any]) -> dict[str, int | float | str | None]:
        """Every parameter, defaults filled in."""
        ...

    def key(self, name: str, params: Mapping[str, Any]) -> str:
        """Equal for subscriptions that can share one evaluation."""
        ...


@dataclass(frozen=True, slots=True)
class Changed:
    """The bot after a call (None: there is none), whether the call changed it, and the positions it concerns."""

    bot: Bot | None
    is_new: bool
    positions: tuple[Position, ...] = ()


def account_name(settings: Settings) -> str:
    """Whether the money is real: which account that is depends on the exchange too."""
    return PAPER if settings.paper_trading else LIVE


@dataclass(frozen=True, slots=True)
class Controls:
    """The calls, over the ports that they need."""

    bots: BotStore
    journal: Journal
    queries: Queries
    markets: MarketStore
    state: StateStore
    clock: Clock
    catalogue: Catalogue
    account: str
    recv_window_ms: int
    sleep: Callable[[float], None] = time.sleep
    lacking: Callable[[str], Sequence[str]] = lambda exchange: ()  # The settings that trading there still needs.

    def start(self, bot_id: str, exchange: str, initial_balance: Decimal) -> Changed:
        check_settings(checked_exchange(exchange), self.lacking(exchange))
        checked_balance(initial_balance)
        account = account_on(exchange, self.account)

        def change(bot: Bot | None, holds: bool, now: datetime) -> Bot:
            _refuse_other_books(bot, holds, exchange, account)
            return lifecycle.started(
                bot,
                bot_id=bot_id,
                exchange=exchange,
                account=account,
                quote=QUOTE,
                initial_balance=initial_balance,
                now=now,
            )

        return self._change(bot_id, exchange, change, EventType.BOT_STARTED)

    def pause(self, bot_id: str, reason: str = "") -> Changed:
        exchange = self._bot(bot_id).exchange

        def change(bot: Bot | None, holds: bool, now: datetime) -> Bot:
            return lifecycle.paused(_existing(bot), PausedBy.USER, reason, now)

        changed = self._change(bot_id, exchange, change, EventType.BOT_PAUSED)
        self._wait_for_fence(bot_id, exchange)
        return changed

    def resume(self, bot_id: str) -> Changed:
        def change(bot: Bot | None, holds: bool, now: datetime) -> Bot:
            return lifecycle.resumed(_existing(bot), now)

        return self._change(bot_id, self._bot(bot_id).exchange, change, EventType.BOT_RESUMED)

    def stop(self, bot_id: str, on_stop: OnStop | None = None) -> Changed:
        """`positions` of the answer: those now unwatched (keep), or being sold (flatten)."""
        found = self.bots.bot(bot_id)
        if found is None:
            return Changed(None, False)

        def change(bot: Bot | None, holds: bool, now: datetime) -> Bot:
            return lifecycle.stopped(_existing(bot), on_stop, holds, now)

        changed = self._change(bot_id, found.exchange, change, EventType.BOT_STOPPED)
        self._wait_for_fence(bot_id, found.exchange)
        return Changed(changed.bot, changed.is_new, tuple(open_positions(self.queries, bot_id)))

    def reset_errors(self, bot_id: str) -> Changed:
        """Clears the exchange's counters and breakers; resumes only what the system itself paused."""
        found = self.bots.bot(bot_id)
        self.state.reset_errors(found.exchange if found else EXCHANGES[0])
        if found is None or found.paused_by is not PausedBy.SYSTEM:
            return Changed(found, False)

        def change(bot: Bot | None, holds: bool, now: datetime) -> Bot:
            bot = _existing(bot)
            return lifecycle.resumed(bot, now) if bot.paused_by is PausedBy.SYSTEM else bot

        return self._change(bot_id, found.exchange, change, EventType.BOT_RESUMED)

    def add_strategy(
        self, bot_id: str, name: str, symbol: str, timeframe: Timeframe, params: Mapping[str, Any]
    ) -> Subscription:
        complete = self.catalogue.validated(name, params)
        bot = self._bot(bot_id)
        self._check_symbol(bot, symbol)
        check_timeframe(bot.exchange, timeframe)
        subscription = Subscription(
            id=uuid.uuid4().hex,
            bot_id=bot_id,
            name=name,
            symbol=symbol,
            timeframe=timeframe,
            active_from=exchange_now(self.clock, self.state, bot.exchange),
            created_at=self.clock.now(),
            params=complete,
            group=self.catalogue.key(name, complete),
        )
        return self.bots.add_strategy(subscription)

    def remove_strategy(
        self, bot_id: str, name: str, symbol: str, timeframe: Timeframe | None
    ) -> tuple[Subscription, Position | None]:
        """What was removed, and the position that it leaves open: that one stays watched."""
        bot = self._bot(bot_id)
        present = self.bots.strategies(bot_id)
        if (name, symbol) not in {(each.name, each.symbol) for each in present}:
            listed = ", ".join(f"{each.name} on {each.symbol} ({each.timeframe})" for each in present[:10])
            raise NotFound(f"the bot has no such strategy on that symbol; it has {listed or 'none'}")
        at = exchange_now(self.clock, self.state, bot.exchange)
        removed = self.bots.remove_strategy(bot_id, name, symbol, timeframe, at)
        held = (each for each in open_positions(self.queries, bot_id) if each.strategy_id == removed.id)
        return removed, next(held, None)

    def _bot(self, bot_id: str) -> Bot:
        return _existing(self.bots.bot(bot_id))

    def _check_symbol(self, bot: Bot, symbol: str) -> None:
        checked_symbol(symbol, self._symbols(bot.exchange), bot.quote, bot.exchange)

    def _symbols(self, exchange: str) -> list[str]:
        """Those of the exchange, waiting a moment for the first worker of a new system to read them."""
        for _ in range(MARKETS_LOOKS):
            if symbols := self.markets.symbols(exchange):
                return symbols
            self.sleep(MARKETS_POLL_S)
        raise Unavailable(f"the markets of {exchange} are not loaded yet; a worker does that as it starts")

    def _change(self, bot_id: str, exchange: str, change: Change, event: EventType) -> Changed:
        offset = exchange_offset(self.state, exchange)
        before: list[Bot | None] = []

        def under_lock(bot: Bot | None, holds: bool) -> Bot:
            before[:] = [bot]
            return change(bot, holds, self.clock.now() + offset)

        after = self.bots.change(bot_id, under_lock, event)
        return Changed(after, is_new=before[0] is None or after.version != before[0].version)

    def _wait_for_fence(self, bot_id: str, exchange: str) -> None:
        """Return once every entry on its way is answered for, or past the moment at which the venue refuses it.

        Where nobody has measured the exchange's clock, that is once a signature made before the call has run out: this
        machine's own clock may be minutes off.
        """
        patience_s, waited_s = self.recv_window_ms / 1000 + FENCE_MARGIN_S, 0.0
        while not self._is_fenced(bot_id, exchange):
            if waited_s >= patience_s:
                if measured_exchange_now(self.clock, self.state, exchange) is None:
                    return
                raise Unavailable(
                    "the change is written, but an order sent before it may still arrive; repeat the call"
                )
            self.sleep(FENCE_POLL_S)
            waited_s += FENCE_POLL_S

    def _is_fenced(self, bot_id: str, exchange: str) -> bool:
        flying = self.journal.entries_in_flight(bot_id)
        now = measured_exchange_now(self.clock, self.state, exchange)
        return not flying or (now is not None and all(_is_past(order, now) for order in flying))


def _is_past(order: Order, now: datetime) -> bool:
    """Whether the venue refuses it by now, however far off the two measurements of its clock are."""
    return order.valid_until is not None and order.valid_until + CLOCK_ERROR < now


def _existing(bot: Bot | None) -> Bot:
    if bot is None:
        raise Conflict(NEVER_STARTED)
    return bot


def _refuse_other_books(bot: Bot | None, holds: bool, exchange: str, account: str) -> None:
    """What a bot holds lives on one exchange and account: it can't be carried to another."""
    if bot is None or (bot.exchange, bot.account) == (exchange, account):
        return
    if bot.desired is not Desired.STOPPED:
        raise Conflict(f"the bot is trading on {bot.exchange} ({bot.account}); stop it first")
    if holds:
        raise Conflict(
            f"the bot holds positions on {bot.exchange} ({bot.account}); "
            "stop it with positions=flatten before it starts elsewhere"
        )
