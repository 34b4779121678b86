"""Decisions, orders and fills: each method one transaction. What it writes is decided by the domain's rules."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import localcontext

from shared.adapters.ledger_sql.evaluated import KEPT
from shared.adapters.ledger_sql.leasing import LEASE_S, is_owned
from shared.adapters.ledger_sql.rows import evaluation_json, evaluation_of
from shared.domain import doubting, folding, transmission
from shared.domain.bots import Bot, MarketKey
from shared.domain.errors import NotFound
from shared.domain.evaluating import GroupKey
from shared.domain.facts import order_changed, order_planned
from shared.domain.orders import (
    IN_FLIGHT,
    RESTING,
    Fill,
    Order,
    OrderReport,
    OrderState,
    Permit,
    Placement,
    Purpose,
    checked_transition,
)
from shared.domain.planning import Decision, Desk
from shared.domain.positions import Position, PositionState, Protection, left_by
from shared.domain.recording import (
    Effects,
    Held,
    as_dust,
    effects_of_report,
    events_of_denial,
    position_events,
    unsold,
)
from shared.domain.risk import Denial, Limits
from shared.domain.signals import Evaluation
from shared.domain.values import EXACT, ZERO, Market, Side
from shared.ports import Clock, Outcome
from tests.faults.memory.tables import Decided, Tables

LEASE = timedelta(seconds=LEASE_S)


class MemoryJournal:
    """`owner` leases what it plans, by the database's clock; `clock` is that of the owner's machine."""

    def __init__(self, tables: Tables, clock: Clock, owner: str = "me") -> None:
        self._tables = tables
        self._clock = clock
        self._owner = owner

    # Evaluations.

    def last_evaluated(self, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
        self._tables.reach()
        wanted = set(markets)
        rows = self._tables.evaluations.items()
        return {key: row[0].candle_open_ms for key, row in rows if key.market in wanted}

    def record_evaluations(self, market: MarketKey, candle_open_ms: int, by_group: Mapping[str, Evaluation]) -> None:
        tables = self._tables
        tables.reach()
        for group, evaluation in by_group.items():
            key = GroupKey(market, group)
            stored = tables.evaluations.get(key)
            if stored is None or candle_open_ms >= stored[0].candle_open_ms:
                kept = evaluation_of({**evaluation_json(evaluation), "candle_open_ms": candle_open_ms})
                tables.evaluations[key] = (kept, self._clock.now())
        oldest_ms = candle_open_ms - KEPT * market.timeframe.ms
        kept = {each for each in tables.decided_candles if each[0] != market or each[1] > oldest_ms}
        tables.decided_candles = kept | {(market, candle_open_ms)}

    # Planning.

    def decide(self, decision: Decision, plan: Callable[[Desk], Order | Denial]) -> Outcome:
        tables = self._tables
        bot = tables.bot(decision.bot_id)
        subscription = tables.subscriptions.get(decision.subscription.id)
        if subscription is None:
            raise NotFound(f"there is no strategy {decision.subscription.id!r}")
        earlier = tables.decisions.get(decision.key)
        if earlier is not None:
            order = None if earlier.client_order_id is None else tables.order(earlier.client_order_id)
            return Outcome(order, earlier.denial, is_new=False)
        live = tables.live_orders(bot.id)
        desk = Desk(
            bot=bot,
            subscription=subscription,
            account=tables.account(bot.id),
            position=tables.open_position(bot.id, subscription.id),
            live_orders=tuple(order for order in live if order.strategy_id == subscription.id),
            gate=tables.gate(bot, self._clock.now()),
        )
        return self._decided(decision, desk, plan(desk))

    def _decided(self, decision: Decision, desk: Desk, planned: Order | Denial) -> Outcome:
        tables = self._tables
        if isinstance(planned, Order) and planned.purpose is Purpose.EXIT and _place(planned) in tables.exits:
            planned = Denial.ORDER_IN_FLIGHT
        decision_id = len(tables.decisions) + 1
        if isinstance(planned, Denial):
            last = self._last_denial(decision.bot_id)
            tables.decisions[decision.key] = Decided(decision_id, decision, planned, None)
            tables.append(*events_of_denial(decision, planned, last, self._clock.now()))
            return Outcome(None, planned, is_new=True)
        tables.decisions[decision.key] = Decided(decision_id, decision, None, planned.client_order_id)
        order = replace(planned, decision_id=decision_id)
        if desk.position is not None:
            order = replace(order, position_id=desk.position.id)
        waits = order.purpose is Purpose.ENTRY and not desk.gate.is_reconciled
        return Outcome(self._planned(order, desk.position), None, is_new=True, waits=waits)

    def _last_denial(self, bot_id: str) -> Denial | None:
        mine = (row for row in self._tables.decisions.values() if row.decision.bot_id == bot_id)
        entries = [row.denial for row in mine if row.decision.side is Side.BUY]
        return entries[-1] if entries else None

    def _planned(self, order: Order, position: Position | None) -> Order:
        """Written and leased; a position that it is to leave keeps that."""
        order = replace(order, owner=self._owner, lease_until=self._tables.now() + LEASE)
        self._tables.insert_order(order)
        if position is not None and order.purpose is Purpose.EXIT:
            after = left_by(position, order)
            self._tables.write_position(after)
            if after.leaving is not None:
                self._tables.deny_entries(order.bot_id, Denial.ORDER_IN_FLIGHT, order.created_at, order.strategy_id)
        self._tables.append(order_planned(order))
        return order

    def plan_exit(self, position_id: str, plan: Callable[[Bot, Position], Order | Denial]) -> Order | None:
        tables = self._tables
        tables.reach()
        position = tables.positions.get(position_id)
        if position is None or position.state is not PositionState.OPEN or self._exit_lives(position):
            return None
        bot = tables.bot(position.bot_id)
        planned = plan(bot, position)
        if isinstance(planned, Order):
            return None if _place(planned) in tables.exits else self._planned(planned, position)
        at = self._clock.now()
        dust = as_dust(position, at)
        tables.write_position(dust)
        tables.append(*position_events(position, dust, planned, at))
        tables.clear_if_flat(bot, at)
        return None

    def _exit_lives(self, position: Position) -> bool:
        live = self._tables.live.values()
        return any(each.position_id == position.id and each.purpose is Purpose.EXIT for each in live)

    # Sending.

    def take(self, order: Order) -> Order | None:
        tables = self._tables
        tables.reach()
        stored, now = tables.order(order.client_order_id), tables.now()
        is_leased = stored.lease_until is not None and now <= stored.lease_until <= now + LEASE
        if is_leased or not is_owned(stored, order):
            return None
        if stored.purpose is Purpose.ENTRY and tables.is_unreconciled(stored, now):
            return None
        taken = replace(stored, owner=self._owner, epoch=stored.epoch + 1, lease_until=now + LEASE)
        tables.write_order(taken)
        return taken

    def release(self, order: Order) -> None:
        self._tables.reach()
        stored = self._tables.order(order.client_order_id)
        if is_owned(stored, order):
            self._tables.write_order(replace(stored, lease_until=None))

    def may_be_behind(self, order: Order) -> bool:
        self._tables.reach()
        return self._tables.is_unreconciled(order, self._tables.now())

    def mark_sending(self, order: Order, permit: Permit, now: datetime, limits: Limits) -> Order | None:
        tables = self._tables
        bot = tables.bot(order.bot_id)
        stored = tables.order(order.client_order_id)
        if not is_owned(stored, order):
            return None
        standing = transmission.Standing(bot, tables.account(bot.id), tables.gate(bot, self._clock.now()))
        after = transmission.sending(stored, standing, permit, now, limits)
        if after.is_finished:
            self._write_change(bot, after, now)
        if after.state is not OrderState.SENDING:
            return None
        tables.write_order(after)
        tables.append(order_changed(after))
        return after

    # What came of it.

    def record_report(self, order: Order, report: OrderReport, market: Market, at: datetime) -> Order:
        with localcontext(EXACT):
            bot = self._tables.bot(order.bot_id)
            return self._reported(bot, self._tables.order(order.client_order_id), report, market, at)

    def _reported(self, bot: Bot, before: Order, said: OrderReport, market: Market, at: datetime) -> Order:
        tables = self._tables
        new = self._new_fills(before, said.fills or ())
        after = folding.reported(before, said, new, self._traded(before, new), at)
        has_ended = after.is_finished and not before.is_finished
        held = self._held(after, market, new) if new or has_ended else None
        effects = effects_of_report(bot, before, after, new, held, at)
        self._keep(bot, new, effects)
        if effects.order != before:
            tables.write_order(effects.order)
        tables.append(*effects.events)
        if new or has_ended:
            tables.clear_if_flat(bot, at)
        return effects.order

    def _new_fills(self, order: Order, fills: Sequence[Fill]) -> list[Fill]:
        """Those that were not recorded yet, oldest first."""
        once = {fill.trade_id: fill for fill in fills}.values()
        ordered = sorted(once, key=lambda fill: (fill.at, fill.trade_id))
        unseen = (fill for fill in ordered if _key(fill) not in self._tables.fills)
        return [replace(fill, client_order_id=order.client_order_id) for fill in unseen]

    def _traded(self, order: Order, new: Sequence[Fill]) -> folding.Traded:
        rows = self._tables.fills.values() if order.filled != ZERO else ()
        fills = [fill for _, fill in rows if fill.client_order_id == order.client_order_id] + list(new)
        return folding.Traded(
            sum((fill.quantity for fill in fills), ZERO), sum((fill.quantity * fill.price for fill in fills), ZERO)
        )

    def _held(self, order: Order, market: Market, new: Sequence[Fill]) -> Held | None:
        position = self._position_before(order, market, new)
        if position is None:
            return None
        # A sale moves no stop.
        is_exit = order.purpose is Purpose.EXIT
        protection = Protection() if is_exit else self._tables.subscriptions[order.strategy_id].protection
        return Held(position, protection, market)

    def _position_before(self, order: Order, market: Market, new: Sequence[Fill]) -> Position | None:
        """An exit's own; an entry's is whichever its strategy has open, or the one that it had made before."""
        positions = self._tables.positions
        if order.purpose is Purpose.EXIT or not new:
            return positions.get(order.position_id or "")
        found = self._tables.open_position(order.bot_id, order.strategy_id)
        return found or positions.get(folding.position_id_of(order)) or folding.opened(order, market, new[0])

    def _keep(self, bot: Bot, new: Sequence[Fill], effects: Effects) -> None:
        tables, moved = self._tables, effects.moved
        for fill in new:
            tables.fills[_key(fill)] = (bot.id, fill)
        for line in effects.lines:
            tables.insert_line(line)
        if effects.position is not None:
            tables.write_position(effects.position)
        sums = tables.sums[bot.id]
        tables.sums[bot.id] = replace(
            sums, cash=sums.cash + moved.cash, realised=sums.realised + moved.realised, fees=sums.fees + moved.fees
        )

    def record_failure(self, order: Order, state: OrderState, reason: str, at: datetime) -> Order:
        bot = self._tables.bot(order.bot_id)
        stored = self._tables.order(order.client_order_id)
        if (stored.state, stored.attempt) != (order.state, order.attempt):
            return stored
        checked = checked_transition(stored.state, state)
        after = replace(stored, state=checked, updated_at=at, failure=reason, lease_until=None)
        if after.is_finished:
            after = replace(after, reason=reason, reserved=ZERO)
        self._write_change(bot, after, at, reason)
        return after

    def record_not_found(self, order: Order, at: datetime, placement: Placement) -> Order:
        return self._doubted(order, at, lambda stored: doubting.not_found(stored, at, placement))

    def record_unanswered(self, order: Order, at: datetime) -> Order:
        return self._doubted(order, at, lambda stored: doubting.unanswered(stored, at))

    def quarantine(self, order: Order, at: datetime) -> Order:
        return self._doubted(order, at, lambda stored: doubting.quarantined(stored, at))

    def _doubted(self, order: Order, at: datetime, doubted: Callable[[Order], Order]) -> Order:
        bot = self._tables.bot(order.bot_id)
        stored = self._tables.order(order.client_order_id)
        if (stored.state, stored.attempt, stored.filled) != (order.state, order.attempt, order.filled):
            return stored
        after = doubted(stored)
        if after.state is OrderState.NOT_PLACED:
            self._tables.append(order_changed(after))
            after = transmission.after_absence(after, bot, at)
        if after.state is not stored.state:
            self._write_change(bot, after, at)
        elif after != stored:
            self._tables.write_order(after)
        return after

    def _write_change(self, bot: Bot, after: Order, at: datetime, failure: str | None = None) -> None:
        """An order's new state without a report; an exit that ended this way makes room for the next."""
        tables = self._tables
        tables.write_order(after)
        events = [order_changed(after, failure)]
        position = tables.positions.get(after.position_id or "") if after.purpose is Purpose.EXIT else None
        if after.is_finished and position is not None and position.state is PositionState.OPEN:
            left = unsold(position, after, tables.markets.get((after.exchange, after.symbol)), at)
            tables.write_position(left)
            events += position_events(position, left, after.reason, at)
        tables.append(*events)
        if after.is_finished:
            tables.clear_if_flat(bot, at)

    # What lives.

    def resting(self, position: Position) -> list[Order]:
        self._tables.reach()
        mine = (each for each in self._tables.live_orders(position.bot_id) if each.state in RESTING)
        return [order for order in mine if order.strategy_id == position.strategy_id]

    def unfinished(self) -> list[Order]:
        self._tables.reach()
        return list(self._tables.live.values())

    def entries_in_flight(self, bot_id: str) -> list[Order]:
        self._tables.reach()
        mine = self._tables.live_orders(bot_id)
        return [order for order in mine if order.purpose is Purpose.ENTRY and order.state in IN_FLIGHT]


def _place(order: Order) -> tuple[str, int]:
    return str(order.position_id), int(order.position_version or 0)


def _key(fill: Fill) -> tuple[str, str, str]:
    return fill.account, fill.symbol, fill.trade_id
