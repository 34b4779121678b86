"""Accounts held against their venues: who is due, what the record says, and what a look came to."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.adapters.ledger_sql import deciding, facts, locking, tables
from shared.adapters.ledger_sql import reconciliation_reads as reads
from shared.adapters.ledger_sql.connections import snapshot, transaction
from shared.adapters.ledger_sql.reconciliation_rows import (
    external_order_row,
    external_trade_row,
    reconciliation_of,
    reconciliation_row,
)
from shared.adapters.ledger_sql.rows import order_of, values
from shared.domain import reconciliation
from shared.domain.adopting import Adoption, Candidates
from shared.domain.errors import Conflict, NotFound
from shared.domain.orders import RESTING, Order
from shared.domain.reconciliation import CLAIM, Reconciliation
from shared.domain.reconciling import AccountKey, Books, Conclusion, Known, Look
from shared.domain.venue import VenueOrder
from shared.ports import AccountStanding

_r, _b = tables.reconciliations, tables.bots
_e, _o, _d, _f = tables.external_orders, tables.orders, tables.decisions, tables.fills
# A transaction lives for seconds: its statements, and its pauses, have limits.
SETTLED = timedelta(minutes=1)
_NOW = sa.func.clock_timestamp()


def demand(conn: sa.Connection, *which: sa.ColumnElement[bool]) -> None:
    """Close the gate of the accounts of these bots until they were reconciled once more."""
    now = conn.execute(sa.select(_NOW)).scalar_one()
    accounts = sa.select(_b.c.exchange, _b.c.account).where(*which).distinct().order_by(_b.c.exchange, _b.c.account)
    rows = [Reconciliation(row.exchange, row.account, now, now) for row in conn.execute(accounts)]
    statement = insert(_r)
    again = {name: statement.excluded[name] for name in ("demanded_at", "due_at")}
    upsert = statement.on_conflict_do_update(index_elements=list(_r.primary_key), set_=again)
    if rows:
        conn.execute(upsert, [asdict(row.key) | reconciliation_row(row) | {"demanded_at": now} for row in rows])


class SqlReconciliations:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def demand(self) -> None:
        with transaction(self._engine) as conn:
            demand(conn)

    def claim(self, keys: Collection[AccountKey]) -> list[AccountKey]:
        pairs = [(key.exchange, key.account) for key in sorted(keys)]
        is_due = (sa.tuple_(_r.c.exchange, _r.c.account).in_(pairs), _r.c.due_at <= _NOW)
        statement = sa.update(_r).where(*is_due).values(due_at=_NOW + CLAIM).returning(_r.c.exchange, _r.c.account)
        with transaction(self._engine) as conn:
            return sorted(AccountKey(row.exchange, row.account) for row in conn.execute(statement))

    def books(self, key: AccountKey) -> Books:
        with snapshot(self._engine) as conn:
            return reads.books(conn, key)

    def known(self, key: AccountKey, look: Look) -> Known:
        with snapshot(self._engine) as conn:
            return reads.known(conn, key, look)

    def candidates(self, key: AccountKey, symbols: Collection[str]) -> Candidates:
        with snapshot(self._engine) as conn:
            return reads.candidates(conn, key, symbols)

    def adopt(self, adoption: Adoption) -> Order:
        order = adoption.order
        with transaction(self._engine) as conn:
            locking.known_bot_row(conn, order.bot_id)
            order = replace(order, decision_id=_decision_id(conn, adoption))
            new = insert(_o).values(values(order)).on_conflict_do_nothing().returning(_o.c.client_order_id)
            if conn.execute(new).scalar_one_or_none() is not None:
                facts.append(conn, reconciliation.order_adopted(order, conn.execute(sa.select(_NOW)).scalar_one()))
            stored = conn.execute(sa.select(_o).where(_o.c.client_order_id == order.client_order_id)).one()
            return order_of(stored)

    def conclude(self, key: AccountKey, books: Books, conclusion: Conclusion) -> bool:
        with transaction(self._engine) as conn:
            before = _locked(conn, key)
            if before is None or before.version != books.version:
                return False
            after = reconciliation.after_look(before, books, conclusion, conn.execute(sa.select(_NOW)).scalar_one())
            seen = _write_external(conn, key, conclusion)
            _add_to_openings(conn, key, conclusion.openings)
            _write(conn, after)
            _keep_sums(conn, key)
            facts.append(conn, *(reconciliation.external_order_seen(key, each, books.read_at) for each in seen))
            facts.append(conn, *reconciliation.told(before, after, books.read_at))
        return True

    def standings(self) -> list[AccountStanding]:
        with snapshot(self._engine) as conn:
            return reads.standings(conn)

    def accept(self, key: AccountKey, reason: str) -> AccountStanding:
        with transaction(self._engine) as conn:
            before = _locked(conn, key)
            if before is None:
                raise NotFound(f"no bot was ever started on {key.exchange} ({key.account})")
            if before.is_clean:
                raise Conflict(f"the books of {key.exchange} ({key.account}) show no drift: there is nothing to accept")
            drift, now = before.confirmed, conn.execute(sa.select(_NOW)).scalar_one()
            _add_to_openings(conn, key, {each.asset: each.amount for each in drift.differences})
            # Of our form, and nobody's: from now on they count as foreign.
            _upsert_orders(conn, key, {each: each.state in RESTING for each in drift.strays})
            told = reconciliation.drift_told(drift)
            accepted = {**asdict(key), "at": now, "reason": reason, "drift": told}
            conn.execute(sa.insert(tables.drift_acceptances).values(accepted))
            _write(conn, reconciliation.accepted(before, now))
            facts.append(conn, reconciliation.drift_accepted(key, drift, reason, now))
            return next(each for each in reads.standings(conn) if each.reconciliation.key == key)


def _locked(conn: sa.Connection, key: AccountKey) -> Reconciliation | None:
    """Two that conclude at once queue here."""
    row = conn.execute(sa.select(_r).where(reads.of(_r, key)).with_for_update()).one_or_none()
    return None if row is None else reconciliation_of(row)


def _write(conn: sa.Connection, after: Reconciliation) -> None:
    conn.execute(sa.update(_r).where(reads.of(_r, after.key)).values(reconciliation_row(after)))


def _write_external(conn: sa.Connection, key: AccountKey, conclusion: Conclusion) -> list[VenueOrder]:
    """Orders as they are now, and new trades; those orders that nobody had seen before."""
    if conclusion.open_orders is None:
        return []
    still = sa.tuple_(_e.c.symbol, _e.c.exchange_order_id).in_(sorted(conclusion.open_orders))
    conn.execute(sa.update(_e).where(reads.of(_e, key), _e.c.is_open, ~still).values(is_open=False))
    if conclusion.external_trades:
        rows = [external_trade_row(key, each) for each in conclusion.external_trades]
        conn.execute(insert(tables.external_trades).on_conflict_do_nothing(), rows)
    orders = {each: each.ref in conclusion.open_orders for each in conclusion.external_orders}
    seen = reads.external_among(conn, key, [each.ref for each in orders])
    _upsert_orders(conn, key, orders)
    return [each for each in orders if each.ref not in seen]


def _upsert_orders(conn: sa.Connection, key: AccountKey, is_open: Mapping[VenueOrder, bool]) -> None:
    statement = insert(_e)
    changed = {name: statement.excluded[name] for name in ("filled", "state", "is_open")}
    upsert = statement.on_conflict_do_update(index_elements=list(_e.primary_key), set_=changed)
    rows = [external_order_row(key, order, rests) for order, rests in is_open.items()]
    if rows:
        conn.execute(upsert, rows)


def _add_to_openings(conn: sa.Connection, key: AccountKey, amounts: Mapping[str, Decimal]) -> None:
    a = tables.account_openings
    statement = insert(a)
    added = {"amount": a.c.amount + statement.excluded.amount}
    upsert = statement.on_conflict_do_update(index_elements=list(a.primary_key), set_=added)
    rows = [{**asdict(key), "asset": asset, "amount": amount} for asset, amount in sorted(amounts.items())]
    if rows:
        conn.execute(upsert, rows)


def _keep_sums(conn: sa.Connection, key: AccountKey) -> None:
    """Take into the sums what was written by the look before last: no transaction that is older lives any more."""
    r = conn.execute(
        sa.select(_r.c.summed_to, _r.c.settling_to, _r.c.settling_at, _NOW.label("now")).where(reads.of(_r, key))
    ).one()
    if r.settling_at is not None and r.now - r.settling_at < SETTLED:
        return
    if r.settling_to is not None:
        _sum_up(conn, key, r.summed_to or 0, r.settling_to)
    newest = sa.select(sa.func.coalesce(sa.func.max(_f.c.seq), 0)).scalar_subquery()
    moved = {"summed_to": r.settling_to, "settling_to": newest, "settling_at": r.now}
    conn.execute(sa.update(_r).where(reads.of(_r, key)).values(moved))


def _sum_up(conn: sa.Connection, key: AccountKey, after: int, up_to: int) -> None:
    s = tables.account_sums
    new = reads.lines(key, _f.c.seq > after, _f.c.seq <= up_to).subquery()
    total = sa.func.sum(new.c.amount, type_=tables.Money)
    sums = sa.select(new.c.asset, total.label("amount"), sa.func.count().label("lines")).group_by(new.c.asset)
    rows = [{**asdict(key), **row._mapping} for row in conn.execute(sums)]
    statement = insert(s)
    added = {name: s.c[name] + statement.excluded[name] for name in ("amount", "lines")}
    if rows:
        conn.execute(statement.on_conflict_do_update(index_elements=list(s.primary_key), set_=added), rows)


def _decision_id(conn: sa.Connection, adoption: Adoption) -> int | None:
    """An entry's decision; where the candle was decided anew since, that stays, unless it denied what was done."""
    if adoption.decision is None:
        return None
    order = adoption.order
    statement = insert(_d).values(deciding.row(adoption.decision, order, order.created_at))
    names = ("side", "lots", "reason", "denial", "client_order_id")
    is_open = sa.or_(_d.c.denial.is_not(None), _d.c.client_order_id == order.client_order_id)
    new = {name: statement.excluded[name] for name in names}
    upsert = statement.on_conflict_do_update(constraint="decisions_once", set_=new, where=is_open)
    found = conn.execute(upsert.returning(_d.c.id)).scalar_one_or_none()
    return None if found is None else int(found)
