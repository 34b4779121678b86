"""Bots and their strategies."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.domain.booking import capital_lines
from shared.domain.bots import Bot, Desired, MarketKey, Roster, RosterEntry, Subscription, capital_change
from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict, NotFound
from shared.domain.events import EventType
from shared.domain.facts import bot_changed, strategy_changed
from shared.domain.orders import MAY_FILL, Purpose
from shared.domain.portfolio import Account
from shared.domain.risk import Denial
from shared.domain.transmission import no_entry
from shared.domain.values import ZERO
from tests.faults.memory.tables import Tables

Change = Callable[[Bot | None, bool], Bot]


class MemoryBotStore:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def bot(self, bot_id: str) -> Bot | None:
        self._tables.reach()
        return self._tables.bots.get(bot_id)

    def bots(self) -> list[Bot]:
        self._tables.reach()
        return [bot for _, bot in sorted(self._tables.bots.items())]

    def change(self, bot_id: str, change: Change, event: EventType) -> Bot:
        tables = self._tables
        tables.reach()
        before = tables.bots.get(bot_id)
        held = [(each.id, each.symbol) for each in tables.open_positions(bot_id)]
        after = change(before, bool(held) or self._entry_is_under_way(bot_id))
        if before is not None and after is before:
            return before
        self._write(before, after)
        if before is not None and before.may_enter and not after.may_enter:
            self._tables.deny_entries(after.id, no_entry(after), after.updated_at)
        if not after.is_watched:
            self._call_off_exits(bot_id)
        tables.append(bot_changed(event, after, held))
        if event is EventType.BOT_STARTED:
            tables.demand(after)
        tables.bump_roster()
        return after

    def _call_off_exits(self, bot_id: str) -> None:
        for position in list(self._tables.open_positions(bot_id)):
            self._tables.positions[position.id] = replace(position, leaving=None)

    def _entry_is_under_way(self, bot_id: str) -> bool:
        live = self._tables.live_orders(bot_id)
        return any(each.purpose is Purpose.ENTRY and each.state in MAY_FILL for each in live)

    def _write(self, before: Bot | None, after: Bot) -> None:
        tables, capital = self._tables, capital_change(before, after)
        if before is None:
            tables.sums[after.id] = _opened(after)
        else:
            tables.sums[after.id] = _moved(tables.sums[after.id], before, after)
        tables.write_bot(after)
        for line in capital_lines(after.id, after.version, after.quote, capital, after.updated_at):
            tables.insert_line(line)

    def add_strategy(self, subscription: Subscription) -> Subscription:
        tables = self._tables
        tables.bot(subscription.bot_id)
        place = (subscription.name, subscription.symbol, subscription.timeframe)
        if self._active(subscription.bot_id, *place):
            raise Conflict(f"{subscription.name} runs on {subscription.symbol} ({subscription.timeframe}) already")
        tables.subscriptions[subscription.id] = subscription
        tables.append(strategy_changed(EventType.STRATEGY_ADDED, subscription, subscription.created_at))
        tables.bump_roster()
        return subscription

    def remove_strategy(
        self, bot_id: str, name: str, symbol: str, timeframe: Timeframe | None, at: datetime
    ) -> Subscription:
        tables = self._tables
        bot = tables.bot(bot_id)
        found = self._active(bot_id, name, symbol, timeframe)
        if not found:
            raise NotFound(f"the bot has no {name} on {symbol}")
        if len(found) > 1:
            choices = [each.timeframe.value for each in found]
            raise Conflict(f"{name} runs on {symbol} at {', '.join(choices)}: name the timeframe", choices)
        removed = replace(found[0], removed_at=at)
        tables.subscriptions[removed.id] = removed
        self._tables.deny_entries(bot_id, Denial.STRATEGY_REMOVED, at, removed.id)
        tables.append(strategy_changed(EventType.STRATEGY_REMOVED, removed, at))
        tables.clear_if_flat(bot, at)
        tables.bump_roster()
        return removed

    def strategies(self, bot_id: str) -> list[Subscription]:
        self._tables.reach()
        return self._active(bot_id)

    def set_anchor(self, subscription_id: str, anchor_price: float, group: str) -> Subscription:
        tables = self._tables
        tables.reach()
        stored = tables.subscriptions.get(subscription_id)
        if stored is None:
            raise NotFound(f"there is no strategy {subscription_id!r}")
        if stored.params.get("anchor_price") is not None:
            return stored
        anchored = replace(stored, params={**stored.params, "anchor_price": anchor_price}, group=group)
        tables.subscriptions[subscription_id] = anchored
        tables.bump_roster()
        return anchored

    def roster_version(self) -> int:
        self._tables.reach()
        return self._tables.roster_version

    def roster(self) -> Roster:
        tables = self._tables
        tables.reach()
        bots = {bot.id: bot for bot in tables.bots.values() if bot.desired is not Desired.STOPPED}
        active = (each for each in tables.subscriptions.values() if each.is_active and each.bot_id in bots)
        return Roster(tables.roster_version, tuple(_entry(bots[each.bot_id], each) for each in active))

    def _active(
        self, bot_id: str, name: str | None = None, symbol: str | None = None, timeframe: str | None = None
    ) -> list[Subscription]:
        mine = (each for each in self._tables.subscriptions.values() if each.bot_id == bot_id and each.is_active)
        return [
            each
            for each in mine
            if name in (None, each.name) and symbol in (None, each.symbol) and timeframe in (None, each.timeframe)
        ]


def _entry(bot: Bot, subscription: Subscription) -> RosterEntry:
    market = MarketKey(bot.exchange, subscription.symbol, subscription.timeframe)
    return RosterEntry(market, bot.run, subscription)


def _opened(bot: Bot) -> Account:
    start = bot.initial_balance
    return Account(bot.id, start, start, ZERO, ZERO, ZERO, start, bot.created_at.date(), start, start)


def _moved(account: Account, before: Bot, after: Bot) -> Account:
    """Peak and day's start move along: paying in is no profit, paying out no loss."""
    capital = capital_change(before, after)
    if before.quote != after.quote:
        raise Conflict(f"the bot's books are kept in {before.quote}: it can't trade in {after.quote}")
    if account.cash + capital < 0:
        raise Conflict(f"of its initial balance the bot has {account.cash} {before.quote} in cash")
    names = ("cash", "peak_equity", "day_start_equity", "equity")
    changed = {name: getattr(account, name) + capital for name in names}
    return replace(account, initial_balance=after.initial_balance, **changed)
