"""Bots and their strategies."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shared.adapters.ledger_sql import facts, locking, reconciliation, tables
from shared.adapters.ledger_sql.connections import snapshot, transaction
from shared.adapters.ledger_sql.denying import deny_entries
from shared.adapters.ledger_sql.rows import Row, bot_of, subscription_of, values
from shared.domain.booking import capital_lines
from shared.domain.bots import Bot, Desired, MarketKey, Roster, RosterEntry, Subscription, capital_change
from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict, NotFound
from shared.domain.events import EventType
from shared.domain.orders import MAY_FILL, Purpose
from shared.domain.positions import PositionState
from shared.domain.risk import Denial
from shared.domain.transmission import no_entry
from shared.domain.values import ZERO

Change = Callable[[Bot | None, bool], Bot]


class SqlBotStore:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def bot(self, bot_id: str) -> Bot | None:
        with transaction(self._engine) as conn:
            row = conn.execute(sa.select(tables.bots).where(tables.bots.c.id == bot_id)).one_or_none()
        return None if row is None else bot_of(row)

    def bots(self) -> list[Bot]:
        with transaction(self._engine) as conn:
            return [bot_of(row) for row in conn.execute(sa.select(tables.bots).order_by(tables.bots.c.id))]

    def change(self, bot_id: str, change: Change, event: EventType) -> Bot:
        with transaction(self._engine) as conn:
            # There may be no row to lock yet: two first starts at once queue here.
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"bot|{bot_id}", 0))))
            row = locking.bot_row(conn, bot_id)
            before = None if row is None else bot_of(row)
            held = _held(conn, bot_id)
            after = change(before, bool(held) or _entry_is_under_way(conn, bot_id))
            if before is not None and after is before:
                return before
            _write(conn, row, after)
            _deny_planned_entries(conn, before, after)
            if not after.is_watched:
                _call_off_exits(conn, bot_id)
            facts.append(conn, facts.bot_changed(event, after, held))
            if event is EventType.BOT_STARTED:
                reconciliation.demand(conn, tables.bots.c.id == bot_id)
            _bump_roster(conn)
        return after

    def add_strategy(self, subscription: Subscription) -> Subscription:
        with transaction(self._engine) as conn:
            locking.known_bot_row(conn, subscription.bot_id)
            twins = _active(conn, subscription.bot_id, subscription.name, subscription.symbol, subscription.timeframe)
            if twins:
                raise Conflict(
                    f"{subscription.name} runs on {subscription.symbol} ({subscription.timeframe}) already; "
                    "remove it first to change its parameters"
                )
            row = {**values(subscription), "params": dict(subscription.params)}
            conn.execute(sa.insert(tables.strategies).values(row))
            event = facts.strategy_changed(EventType.STRATEGY_ADDED, subscription, subscription.created_at)
            facts.append(conn, event)
            _bump_roster(conn)
        return subscription

    def remove_strategy(
        self, bot_id: str, name: str, symbol: str, timeframe: Timeframe | None, at: datetime
    ) -> Subscription:
        with transaction(self._engine) as conn:
            bot = bot_of(locking.known_bot_row(conn, bot_id))
            found = _active(conn, bot_id, name, symbol, timeframe)
            if not found:
                raise NotFound(f"the bot has no {name} on {symbol}" + (f" ({timeframe})" if timeframe else ""))
            if len(found) > 1:
                choices = [each.timeframe.value for each in found]
                raise Conflict(f"{name} runs on {symbol} at {', '.join(choices)}: name the timeframe", choices)
            removed = replace(found[0], removed_at=at)
            s = tables.strategies
            conn.execute(sa.update(s).where(s.c.id == removed.id).values(removed_at=at))
            deny_entries(conn, bot_id, Denial.STRATEGY_REMOVED, at, removed.id)
            facts.append(conn, facts.strategy_changed(EventType.STRATEGY_REMOVED, removed, at))
            locking.clear_if_flat(conn, bot, at)
            _bump_roster(conn)
        return removed

    def strategies(self, bot_id: str) -> list[Subscription]:
        with transaction(self._engine) as conn:
            return _active(conn, bot_id)

    def set_anchor(self, subscription_id: str, anchor_price: float, group: str) -> Subscription:
        s = tables.strategies
        with transaction(self._engine) as conn:
            row = conn.execute(sa.select(s).where(s.c.id == subscription_id).with_for_update()).one_or_none()
            if row is None:
                raise NotFound(f"there is no strategy {subscription_id!r}")
            if row.params.get("anchor_price") is not None:
                return subscription_of(row)
            params = {**row.params, "anchor_price": anchor_price}
            conn.execute(sa.update(s).where(s.c.id == subscription_id).values(params=params, group=group))
            _bump_roster(conn)
        return replace(subscription_of(row), params=params, group=group)

    def roster_version(self) -> int:
        with transaction(self._engine) as conn:
            return _roster_version(conn)

    def roster(self) -> Roster:
        b, s = tables.bots, tables.strategies
        statement = (
            sa.select(s, b.c.exchange, b.c.run)
            .join(b, b.c.id == s.c.bot_id)
            .where(b.c.desired != Desired.STOPPED, s.c.removed_at.is_(None))
            .order_by(s.c.seq)
        )
        with snapshot(self._engine) as conn:
            return Roster(_roster_version(conn), tuple(_entry(row) for row in conn.execute(statement)))


def _entry(row: Row) -> RosterEntry:
    return RosterEntry(MarketKey(row.exchange, row.symbol, Timeframe(row.timeframe)), row.run, subscription_of(row))


def _roster_version(conn: sa.Connection) -> int:
    return int(conn.execute(sa.select(tables.roster_version.c.version)).scalar_one())


def _bump_roster(conn: sa.Connection) -> None:
    """Last in a transaction: every control call of the fleet waits for this row."""
    version = tables.roster_version.c.version
    conn.execute(sa.update(tables.roster_version).values(version=version + 1))


def _active(
    conn: sa.Connection, bot_id: str, name: str | None = None, symbol: str | None = None, timeframe: str | None = None
) -> list[Subscription]:
    s = tables.strategies
    statement = sa.select(s).where(s.c.bot_id == bot_id, s.c.removed_at.is_(None)).order_by(s.c.seq)
    for column, wanted in ((s.c.name, name), (s.c.symbol, symbol), (s.c.timeframe, timeframe)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    return [subscription_of(row) for row in conn.execute(statement)]


def _held(conn: sa.Connection, bot_id: str) -> list[tuple[str, str]]:
    p = tables.positions
    statement = sa.select(p.c.id, p.c.symbol).where(p.c.bot_id == bot_id, p.c.state == PositionState.OPEN)
    return [(row.id, row.symbol) for row in conn.execute(statement.order_by(p.c.seq))]


def _entry_is_under_way(conn: sa.Connection, bot_id: str) -> bool:
    """An entry that has left may fill yet: a flatten has to wait for it as for a position."""
    live = locking.live_orders(conn, bot_id)
    return any(order.purpose is Purpose.ENTRY and order.state in MAY_FILL for order in live)


def _call_off_exits(conn: sa.Connection, bot_id: str) -> None:
    """What is kept is kept: nobody tries again to leave it, now or when the bot is started at other prices."""
    p = tables.positions
    is_left = (p.c.bot_id == bot_id, p.c.state == PositionState.OPEN, p.c.leaving.is_not(None))
    # Locked in one order, as by all that locks several.
    found = sa.select(p.c.id).where(*is_left).order_by(p.c.id).with_for_update(key_share=True).cte("left")
    conn.execute(sa.update(p).where(p.c.id == found.c.id).values(leaving=None))


def _write(conn: sa.Connection, row: Row | None, after: Bot) -> None:
    """The bot's row, and its capital where the initial balance moved."""
    before = None if row is None else bot_of(row)
    capital = capital_change(before, after)
    if row is None:
        money = dict.fromkeys(("cash", "peak_equity", "day_start_equity", "equity"), after.initial_balance)
        account = {**money, "realised": ZERO, "fees": ZERO, "day": after.created_at.date()}
        conn.execute(sa.insert(tables.bots).values({**values(after), **account}))
    else:
        if row.quote != after.quote:
            raise Conflict(f"the bot's books are kept in {row.quote}: it can't trade in {after.quote}")
        if row.cash + capital < 0:
            raise Conflict(f"of its initial balance the bot has {row.cash} {row.quote} in cash: it can't give up more")
        locking.write_bot(conn, after)
        _move_capital(conn, after.id, capital)
    lines = [values(line) for line in capital_lines(after.id, after.version, after.quote, capital, after.updated_at)]
    if lines:
        conn.execute(sa.insert(tables.ledger), lines)


def _move_capital(conn: sa.Connection, bot_id: str, capital: Any) -> None:
    """Peak and day's start move along: paying in is no profit, paying out no loss."""
    if not capital:
        return
    b = tables.bots
    names = ("cash", "peak_equity", "day_start_equity", "equity")
    moved = {name: b.c[name] + capital for name in names}
    conn.execute(sa.update(b).where(b.c.id == bot_id).values(moved))


def _deny_planned_entries(conn: sa.Connection, before: Bot | None, after: Bot) -> None:
    if before is None or not before.may_enter or after.may_enter:
        return
    reason = no_entry(after)
    deny_entries(conn, after.id, reason, after.updated_at)
