"""The plan transaction: what is read under the bot's lock, and what a decision writes."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import facts, leasing, locking, tables
from shared.adapters.ledger_sql.denying import deny_entries
from shared.adapters.ledger_sql.rows import Row, Values, account_of, bot_of, order_of, subscription_of
from shared.domain.bots import Subscription
from shared.domain.errors import NotFound
from shared.domain.events import Event
from shared.domain.orders import Order, Purpose
from shared.domain.planning import Decision, Desk
from shared.domain.positions import Position, left_by
from shared.domain.recording import HALTS, events_of_denial
from shared.domain.risk import Denial
from shared.domain.values import ZERO, Side
from shared.ports import Outcome

_s, _d = tables.strategies, tables.decisions
_STANDING = (
    sa.select(_s, _d.c.id.label("decision_id"), _d.c.denial, _d.c.client_order_id)
    .outerjoin(
        _d,
        sa.and_(
            _d.c.bot_id == sa.bindparam("bot_id_"),
            _d.c.run == sa.bindparam("run_"),
            _d.c.strategy_id == _s.c.id,
            _d.c.symbol == _s.c.symbol,
            _d.c.timeframe == _s.c.timeframe,
            _d.c.candle_open_ms == sa.bindparam("candle_"),
        ),
    )
    .where(_s.c.id == sa.bindparam("strategy_id_"))
)
_LAST_DENIAL = (
    sa.select(_d.c.denial)
    .where(_d.c.bot_id == sa.bindparam("bot_id_"), _d.c.id < sa.bindparam("id_"), _d.c.side == Side.BUY)
    .order_by(_d.c.id.desc())
    .limit(1)
)
_KEEP_LEAVING = (
    sa.update(tables.positions)
    .where(tables.positions.c.id == sa.bindparam("id_"))
    .values(leaving=sa.bindparam("leaving_"))
)
_INSERT_DECISION = sa.insert(_d).returning(_d.c.id)
_lease_until = tables.orders.c.lease_until
_INSERT_ORDER = sa.insert(tables.orders).values(lease_until=leasing.LEASE_END).returning(_lease_until)
_INSERT_ORDER_ONCE = (
    insert(tables.orders).values(lease_until=leasing.LEASE_END).on_conflict_do_nothing().returning(_lease_until)
)


def standing(conn: sa.Connection, decision: Decision) -> tuple[Subscription, Outcome | None]:
    """The strategy as it is now, and the outcome where the decision was made before."""
    key = {
        "strategy_id_": decision.subscription.id,
        "bot_id_": decision.bot_id,
        "run_": decision.run,
        "candle_": decision.candle_open_ms,
    }
    row = conn.execute(_STANDING, key).one_or_none()
    if row is None:
        raise NotFound(f"there is no strategy {decision.subscription.id!r}")
    return subscription_of(row), None if row.decision_id is None else _earlier(conn, row)


def desk(conn: sa.Connection, bot: Row, subscription: Subscription) -> Desk:
    live = locking.live_orders(conn, bot.id)
    return Desk(
        bot=bot_of(bot),
        subscription=subscription,
        account=account_of(bot, reserved=sum((order.reserved for order in live), ZERO)),
        position=locking.open_position(conn, bot.id, subscription.id),
        live_orders=tuple(order for order in live if order.strategy_id == subscription.id),
        gate=locking.gate_of(bot),
    )


def write(
    conn: sa.Connection, decision: Decision, desk: Desk, planned: Order | Denial, owner: str, at: datetime
) -> Outcome:
    if isinstance(planned, Order) and _is_taken(conn, planned):
        planned = Denial.ORDER_IN_FLIGHT
    decision_id = _insert_decision(conn, decision, planned, at)
    if isinstance(planned, Denial):
        facts.append(conn, *_told(conn, decision, planned, decision_id, at))
        return Outcome(order=None, denial=planned, is_new=True)
    order = replace(planned, decision_id=decision_id, owner=owner)
    if desk.position is not None:
        order = replace(order, position_id=desk.position.id)
        _keep_leaving(conn, desk.position, order)
    order = replace(order, lease_until=conn.execute(_INSERT_ORDER, leasing.row(order)).scalar_one())
    facts.append(conn, facts.order_planned(order))
    waits = order.purpose is Purpose.ENTRY and not desk.gate.is_reconciled
    return Outcome(order=order, denial=None, is_new=True, waits=waits)


def insert_exit(conn: sa.Connection, planned: Order, position: Position, owner: str) -> Order | None:
    """None where the position's exit at this version is there already."""
    order = replace(planned, owner=owner)
    inserted = conn.execute(_INSERT_ORDER_ONCE, leasing.row(order)).one_or_none()
    if inserted is None:
        return None
    order = replace(order, lease_until=inserted.lease_until)
    _keep_leaving(conn, position, order)
    facts.append(conn, facts.order_planned(order))
    return order


def _keep_leaving(conn: sa.Connection, position: Position, order: Order) -> None:
    """That all of it is to go: kept, so that the exit is tried again until nothing is held."""
    after = left_by(position, order) if order.purpose is Purpose.EXIT else position
    if after.leaving is not position.leaving:
        conn.execute(_KEEP_LEAVING, {"id_": position.id, "leaving_": after.leaving})
    if after.leaving is not None and order.purpose is Purpose.EXIT:
        # One that waits for budget, or at the gate, would buy again what is being sold.
        deny_entries(conn, order.bot_id, Denial.ORDER_IN_FLIGHT, order.created_at, order.strategy_id)


def exit_lives(conn: sa.Connection, position: Position) -> bool:
    o = tables.orders
    exits = sa.exists().where(o.c.position_id == position.id, o.c.purpose == Purpose.EXIT, locking.IS_LIVE)
    return bool(conn.execute(sa.select(exits)).scalar_one())


def _told(conn: sa.Connection, decision: Decision, denial: Denial, decision_id: int, at: datetime) -> list[Event]:
    before = {"bot_id_": decision.bot_id, "id_": decision_id}
    last = conn.execute(_LAST_DENIAL, before).scalar() if denial in HALTS else None
    return events_of_denial(decision, denial, last, at)


def _earlier(conn: sa.Connection, row: Row) -> Outcome:
    if row.denial is not None:
        return Outcome(order=None, denial=Denial(row.denial), is_new=False)
    o = tables.orders
    order = conn.execute(sa.select(o).where(o.c.client_order_id == row.client_order_id)).one()
    return Outcome(order=order_of(order), denial=None, is_new=False)


def _is_taken(conn: sa.Connection, order: Order) -> bool:
    """An exit of the position at this version exists; the bot's lock keeps the answer true."""
    if order.purpose is not Purpose.EXIT:
        return False
    o = tables.orders
    same = sa.and_(o.c.position_id == order.position_id, o.c.position_version == order.position_version)
    taken = sa.exists().where(same, o.c.purpose == Purpose.EXIT)
    return bool(conn.execute(sa.select(taken)).scalar_one())


def _insert_decision(conn: sa.Connection, decision: Decision, planned: Order | Denial, at: datetime) -> int:
    return int(conn.execute(_INSERT_DECISION, row(decision, planned, at)).scalar_one())


def row(decision: Decision, planned: Order | Denial, at: datetime) -> Values:
    """A decision's columns, with what became of it."""
    return {
        "bot_id": decision.bot_id,
        "run": decision.run,
        "strategy_id": decision.subscription.id,
        "symbol": decision.subscription.symbol,
        "timeframe": decision.subscription.timeframe,
        "candle_open_ms": decision.candle_open_ms,
        "side": decision.side,
        "lots": decision.lots,
        "reason": decision.reason,
        "denial": planned if isinstance(planned, Denial) else None,
        "client_order_id": None if isinstance(planned, Denial) else planned.client_order_id,
        "decided_at": at,
    }
