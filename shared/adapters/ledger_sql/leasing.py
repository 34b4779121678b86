"""Who may send a planned order. A lease of the order, not of its bot: many workers look after one bot at once, and a
stop must not wait for an entry of another's. It runs by the database's clock, the one that all share."""

import sqlalchemy as sa

from shared.adapters.ledger_sql import tables
from shared.adapters.ledger_sql.rows import Values, order_of, values
from shared.domain.gate import FRESH
from shared.domain.orders import Order, OrderState, Purpose

# Longer than from planning to SENDING; what a dead worker had planned is anybody's after it.
LEASE_S = 5

_o = tables.orders
LEASE_END = sa.func.clock_timestamp() + sa.text(f"interval '{LEASE_S} s'")
_IS_SAME = sa.and_(
    _o.c.client_order_id == sa.bindparam("id_"),
    _o.c.state == OrderState.PLANNED,
    _o.c.epoch == sa.bindparam("epoch_"),
    _o.c.attempt == sa.bindparam("attempt_"),
)
_r = tables.reconciliations
_IS_STALE = sa.or_(
    _r.c.reconciled_at.is_(None),
    _r.c.reconciled_at < _r.c.demanded_at,
    _r.c.reconciled_at < sa.func.clock_timestamp() - FRESH,
)
_WAITS = sa.and_(
    _o.c.purpose == Purpose.ENTRY,
    sa.exists().where(_r.c.exchange == _o.c.exchange, _r.c.account == _o.c.account, _IS_STALE),
)
# One that ends later than any that is given now is from before the clock stepped back: a stop would wait for as long.
_IS_LEASED = _o.c.lease_until.between(sa.func.clock_timestamp(), LEASE_END)
_TAKE = (
    sa.update(_o)
    .where(_IS_SAME, _IS_LEASED.is_not(True), ~_WAITS)
    .values(owner=sa.bindparam("owner_"), epoch=_o.c.epoch + 1, lease_until=LEASE_END)
    .returning(_o)
)
_RELEASE = sa.update(_o).where(_IS_SAME).values(lease_until=None)


def is_unreconciled(conn: sa.Connection, order: Order) -> bool:
    mine = (_r.c.exchange == order.exchange, _r.c.account == order.account)
    return bool(conn.execute(sa.select(sa.exists().where(*mine, _IS_STALE))).scalar_one())


def row(order: Order) -> Values:
    """An order's columns for an insert that leases it."""
    return {name: value for name, value in values(order).items() if name != "lease_until"}


def taken(conn: sa.Connection, order: Order, owner: str) -> Order | None:
    found = conn.execute(_TAKE, {**_key(order), "owner_": owner}).one_or_none()
    return None if found is None else order_of(found)


def release(conn: sa.Connection, order: Order) -> None:
    conn.execute(_RELEASE, _key(order))


def is_owned(stored: Order, order: Order) -> bool:
    """Whether nobody has taken it over or sent it since `order` was read."""
    read = (OrderState.PLANNED, order.epoch, order.attempt)
    return (stored.state, stored.epoch, stored.attempt) == read


def _key(order: Order) -> Values:
    return {"id_": order.client_order_id, "epoch_": order.epoch, "attempt_": order.attempt}
