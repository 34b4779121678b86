"""The record transaction: fills, ledger, position, order, bot and events of one report. The bot is locked."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import facts, locking, tables
from shared.adapters.ledger_sql.rows import market_of, subscription_of, values
from shared.domain import folding, transmission
from shared.domain.bots import Bot
from shared.domain.findings import trade_id_of
from shared.domain.orders import Fill, Order, OrderReport, Purpose
from shared.domain.positions import Position, PositionState, Protection
from shared.domain.recording import Effects, Held, as_dust, effects_of_report, is_first_seen, position_events, unsold
from shared.domain.risk import Denial
from shared.domain.values import ZERO, Market

_b, _f, _p, _s = tables.bots, tables.fills, tables.positions, tables.strategies
_STRATEGY = sa.select(_s).where(_s.c.id == sa.bindparam("id_"))
_INSERT_FILLS = insert(_f).on_conflict_do_nothing().returning(_f.c.trade_id)
_INSERT_LINES = sa.insert(tables.ledger)
_INSERT_POSITION = sa.insert(_p)
_WRITE_POSITION = sa.update(_p).where(_p.c.id == sa.bindparam("id_"))
_MOVE_MONEY = (
    sa.update(_b)
    .where(_b.c.id == sa.bindparam("id_"))
    .values({name: _b.c[name] + sa.bindparam(f"{name}_", type_=tables.Money) for name in ("cash", "realised", "fees")})
)


def report(conn: sa.Connection, bot: Bot, before: Order, said: OrderReport, market: Market, at: datetime) -> Order:
    """Fold `said` into everything that it concerns, and return the order as it is kept."""
    if before.is_finished and said.fills and _is_settled_by_hand(conn, before):
        return before  # Its trades are counted already, by the one fill that stands for them.
    new = _insert_new_fills(conn, bot, before, said.fills or ())
    after = folding.reported(before, said, new, traded(conn, before, new), at)
    has_ended = after.is_finished and not before.is_finished
    held = _held(conn, after, market, new) if new or has_ended else None
    effects = effects_of_report(bot, before, after, new, held, at)
    after = effects.order
    if held is not None and effects.position is not None:
        _write_position(conn, held.position, effects.position)
    _move_money(conn, bot, effects)
    if after != before:
        locking.write_order(conn, after, raw_report=said.raw)
    facts.append(conn, *effects.events)
    if new or has_ended:
        locking.clear_if_flat(conn, bot, at)
    return after


def write_change(conn: sa.Connection, bot: Bot, after: Order, at: datetime, failure: str | None = None) -> None:
    """An order's new state without a report; an exit that ended this way makes room for the next."""
    locking.write_order(conn, after)
    events = [facts.order_changed(after, failure)]
    if after.is_finished and after.purpose is Purpose.EXIT:
        position = locking.position(conn, after.position_id)
        if position is not None and position.state is PositionState.OPEN:
            left = unsold(position, after, _market(conn, after), at)
            _write_position(conn, position, left)
            events += position_events(position, left, after.reason, at)
    facts.append(conn, *events)
    if after.is_finished:
        locking.clear_if_flat(conn, bot, at)


def proved_absent(conn: sa.Connection, bot: Bot, gone: Order, at: datetime) -> Order:
    """What follows from NOT_PLACED: planned once more, or too late."""
    facts.append(conn, facts.order_changed(gone))
    after = transmission.after_absence(gone, bot, at)
    write_change(conn, bot, after, at)
    return after


def leave_as_dust(conn: sa.Connection, bot: Bot, position: Position, denial: Denial, at: datetime) -> None:
    """What no venue would sell stays in the books, watched no more."""
    dust = as_dust(position, at)
    _write_position(conn, position, dust)
    facts.append(conn, *position_events(position, dust, denial, at))
    locking.clear_if_flat(conn, bot, at)


def _insert_new_fills(conn: sa.Connection, bot: Bot, order: Order, fills: Sequence[Fill]) -> list[Fill]:
    """Those that were not recorded yet, oldest first."""
    if not fills:
        return []
    once = {fill.trade_id: fill for fill in fills}.values()
    ordered = sorted(once, key=lambda fill: (fill.at, fill.trade_id))
    rows = [{**values(fill), "client_order_id": order.client_order_id, "bot_id": bot.id} for fill in ordered]
    inserted = conn.execute(_INSERT_FILLS, rows)
    new = set(inserted.scalars())
    return [fill for fill in ordered if fill.trade_id in new]


def _is_settled_by_hand(conn: sa.Connection, order: Order) -> bool:
    is_its_fill = (_f.c.account == order.account, _f.c.symbol == order.symbol)
    found = sa.exists().where(*is_its_fill, _f.c.trade_id == trade_id_of(order.client_order_id))
    return bool(conn.execute(sa.select(found)).scalar_one())


def traded(conn: sa.Connection, order: Order, new: Sequence[Fill] = ()) -> folding.Traded:
    """Over all fills of the order, those just inserted included."""
    if order.filled == ZERO:
        return folding.Traded(
            sum((fill.quantity for fill in new), ZERO), sum((fill.quantity * fill.price for fill in new), ZERO)
        )
    f = tables.fills
    sums = sa.select(
        sa.func.sum(f.c.quantity, type_=tables.Money), sa.func.sum(f.c.quantity * f.c.price, type_=tables.Money)
    )
    quantity, quote = conn.execute(sums.where(f.c.client_order_id == order.client_order_id)).one()
    return folding.Traded(quantity, quote)


def _held(conn: sa.Connection, order: Order, market: Market, new: Sequence[Fill]) -> Held | None:
    position = _position_before(conn, order, market, new)
    return None if position is None else Held(position, _protection(conn, order), market)


def _position_before(conn: sa.Connection, order: Order, market: Market, new: Sequence[Fill]) -> Position | None:
    """The position that the order works on: an exit's own; an entry's is whichever its strategy has open.

    A late fill of an entry brings its closed position back, unless the strategy has opened another since.
    """
    if order.purpose is Purpose.EXIT or not new:
        return locking.position(conn, order.position_id)
    position = locking.open_position(conn, order.bot_id, order.strategy_id)
    if position is not None:
        return position
    closed = locking.position(conn, folding.position_id_of(order))
    return folding.opened(order, market, new[0]) if closed is None else closed


def _protection(conn: sa.Connection, order: Order) -> Protection:
    if order.purpose is Purpose.EXIT:
        return Protection()  # A sale moves no stop.
    return subscription_of(conn.execute(_STRATEGY, {"id_": order.strategy_id}).one()).protection


def _write_position(conn: sa.Connection, before: Position, after: Position) -> None:
    if is_first_seen(before):
        conn.execute(_INSERT_POSITION, values(after))
    elif after != before:
        conn.execute(_WRITE_POSITION, {"id_": after.id, **values(after)})


def _move_money(conn: sa.Connection, bot: Bot, effects: Effects) -> None:
    """Ledger lines, and the running sums kept with the bot."""
    if effects.lines:
        conn.execute(_INSERT_LINES, [values(line) for line in effects.lines])
        moved = {f"{name}_": amount for name, amount in values(effects.moved).items()}
        conn.execute(_MOVE_MONEY, {"id_": bot.id, **moved})


def _market(conn: sa.Connection, order: Order) -> Market | None:
    m = tables.markets
    row = conn.execute(sa.select(m).where(m.c.exchange == order.exchange, m.c.symbol == order.symbol)).one_or_none()
    return None if row is None else market_of(row)
