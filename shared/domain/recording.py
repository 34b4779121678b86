"""What one transaction writes of an order's report, its failure, or a denial: position, money and events. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from shared.domain import facts
from shared.domain.booking import Line, assets_change, fill_lines
from shared.domain.bots import Bot
from shared.domain.events import Event
from shared.domain.folding import position_after
from shared.domain.orders import Fill, Order, Purpose
from shared.domain.planning import Decision
from shared.domain.positions import ExitReason, Position, PositionState, Protection, settled
from shared.domain.risk import Denial
from shared.domain.values import ZERO, Market, Side

HALTS = frozenset({Denial.DRAWDOWN_LIMIT, Denial.DAILY_LOSS_LIMIT})


@dataclass(frozen=True, slots=True)
class Moved:
    """By how much the sums that are kept with the bot change."""

    cash: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Effects:
    """The order and position as they are kept, and what goes with them; no position where none is concerned."""

    order: Order
    position: Position | None
    events: tuple[Event, ...]
    lines: tuple[Line, ...] = ()
    moved: Moved = Moved()


@dataclass(frozen=True, slots=True)
class Held:
    """The position that an order works on, before its new fills, the distances that its strategy keeps, its market."""

    position: Position
    protection: Protection
    market: Market


def effects_of_report(
    bot: Bot, before: Order, after: Order, new: Sequence[Fill], held: Held | None, at: datetime
) -> Effects:
    """Of a report that made `after` of `before` with its `new` fills."""
    events = [facts.order_filled(after, fill) for fill in new]
    if after.state is not before.state:
        events.append(facts.order_changed(after))
    if held is None:
        return Effects(after, None, tuple(events))
    position = position_after(held.position, before, after, new, held.protection, held.market)
    if new and _is_unasked(bot, before, held.position, at):
        position = replace(position, leaving=ExitReason.FLATTEN)
    after = replace(after, position_id=position.id) if new else after
    events += position_events(held.position, position, after.reason, at)
    lines = tuple(line for fill in new for line in fill_lines(fill, held.market, bot.id))
    moved = Moved(
        cash=assets_change(lines, bot.quote),
        realised=position.realised - held.position.realised,
        fees=position.fees - held.position.fees,
    )
    return Effects(after, position, tuple(events), lines, moved)


def _is_unasked(bot: Bot, entry: Order, position: Position, at: datetime) -> bool:
    """Whether a fill of `entry` opens `position` for a bot whose stop has answered: it named what it keeps, and nobody
    would watch what comes after. The answer waits for what can still be accepted, so that this came later than that."""
    if entry.purpose is not Purpose.ENTRY or bot.is_watched:
        return False
    is_after_the_answer = entry.is_finished or entry.valid_until is None or at > entry.valid_until
    return is_after_the_answer and (is_first_seen(position) or position.state is not PositionState.OPEN)


def is_first_seen(position: Position) -> bool:
    """Whether its first fill is still to come: it has no row yet."""
    return position.high_water is None


def position_events(before: Position, after: Position, reason: str, at: datetime) -> list[Event]:
    is_open, was_open = (each.state is PositionState.OPEN for each in (after, before))
    opened = is_first_seen(before) or (is_open and not was_open)
    events = [facts.position_opened(after, at)] if opened else []
    return [*events, facts.position_closed(after, reason, at)] if was_open and not is_open else events


def unsold(position: Position, order: Order, market: Market | None, at: datetime) -> Position:
    """`position` after an exit of it that ended without a report; its market may be gone."""
    return replace(position, version=position.version + 1) if market is None else settled(position, order, market, at)


def as_dust(position: Position, at: datetime) -> Position:
    """What no venue would sell stays in the books, watched no more."""
    return replace(position, state=PositionState.DUST, lots=0, closed_at=at)


def events_of_denial(decision: Decision, denial: Denial, last: str | None, at: datetime) -> list[Event]:
    """What a user hears of a denial; that a limit halts the bot is told once, by the first entry it denies.

    `last`: the denial of the bot's entry before, if it was denied.
    """
    if decision.side is not Side.BUY or denial not in facts.TOLD:
        return []
    halted = [facts.trading_halted(decision.bot_id, denial, at)] if denial in HALTS and last != denial else []
    return [*halted, facts.signal_denied(decision, denial, at)]
