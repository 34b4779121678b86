"""What the record says of an account: its sums, its live orders, and what it knows of what a venue shows."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa

from shared.adapters.ledger_sql import locking, tables
from shared.adapters.ledger_sql.reconciliation_rows import drift_of, external_order_of, reconciliation_of
from shared.adapters.ledger_sql.rows import bot_of, order_of, position_of, subscription_of
from shared.domain.adopting import Candidates
from shared.domain.booking import ASSETS
from shared.domain.bots import Desired
from shared.domain.findings import trade_id_of
from shared.domain.orders import Order, OrderState
from shared.domain.positions import PositionState
from shared.domain.reconciliation import Reconciliation
from shared.domain.reconciling import AccountKey, Books, Known, Look, Revision, Sum
from shared.domain.values import ZERO
from shared.domain.venue import OrderRef
from shared.ports import Acceptance, AccountStanding

# How long what was removed or closed may still turn out to have sent something.
REMEMBERED = sa.text("interval '30 days'")
ACCEPTANCES = 20
EPOCH = datetime.fromtimestamp(0, UTC)

_b, _s, _o, _f, _p = tables.bots, tables.strategies, tables.orders, tables.fills, tables.positions
_sums = tables.account_sums
_l, _r, _x, _t = tables.ledger, tables.reconciliations, tables.external_orders, tables.external_trades
_NOW = sa.func.clock_timestamp()


def of(table: sa.Table, key: AccountKey) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.exchange == key.exchange, table.c.account == key.account)


def books(conn: sa.Connection, key: AccountKey) -> Books:
    """The clock first: a demand that comes after it is not met by what is read."""
    read_at = conn.execute(sa.select(_NOW)).scalar_one()
    stored = conn.execute(sa.select(_r).where(of(_r, key))).one()
    row, summed_to = reconciliation_of(stored), stored.summed_to or 0
    live = _live(conn, key)
    return Books(
        read_at=read_at,
        revision=_revision(conn, key, live, summed_to),
        explained_until=row.explained_until or _beginning(conn, key),
        version=row.version,
        openings=_openings(conn, key),
        booked=_booked(conn, key, summed_to),
        live=tuple(live),
        symbols=_symbols(conn, key, live, summed_to),
        quotes=frozenset(conn.execute(sa.select(_b.c.quote).where(of(_b, key))).scalars()),
        suspected=row.suspected,
        confirmed=row.confirmed,
    )


def _live(conn: sa.Connection, key: AccountKey) -> list[Order]:
    found = sa.select(_o).where(of(_o, key), locking.IS_LIVE).order_by(_o.c.seq)
    return [order_of(row) for row in conn.execute(found)]


def _revision(conn: sa.Connection, key: AccountKey, live: Sequence[Order], summed_to: int) -> Revision:
    mine = sa.select(sa.func.max(_f.c.seq)).join(_o, _o.c.client_order_id == _f.c.client_order_id).where(of(_o, key))
    newest = mine.where(_f.c.seq > summed_to)
    # What is planned moves nothing: entries that wait for this very look come and go with each candle.
    sent = (each for each in live if each.state is not OrderState.PLANNED)
    now = frozenset((each.client_order_id, each.state, each.attempt, each.filled) for each in sent)
    return Revision(conn.execute(newest).scalar_one() or 0, now)


def _beginning(conn: sa.Connection, key: AccountKey) -> datetime:
    """Of an account that was never reconciled: what came before its bots started is in its opening."""
    since = sa.func.min(sa.case((_b.c.desired != Desired.STOPPED, _b.c.trades_from), else_=_b.c.updated_at))
    return conn.execute(sa.select(since).where(of(_b, key))).scalar_one() or EPOCH


def _openings(conn: sa.Connection, key: AccountKey) -> dict[str, Decimal]:
    a = tables.account_openings
    return {row.asset: row.amount for row in conn.execute(sa.select(a).where(of(a, key)))}


def lines(key: AccountKey, *which: sa.ColumnElement[bool]) -> "sa.Select[tuple[str, Decimal]]":
    """(asset, amount) of the account's fills in the ledger: a bot that moved has lines of other accounts, too."""
    transaction = sa.func.concat("fill|", _f.c.account, "|", _f.c.symbol, "|", _f.c.trade_id)
    return (
        sa.select(_l.c.asset, _l.c.amount)
        .join(_f, _l.c.transaction_id == transaction)
        .join(_o, _o.c.client_order_id == _f.c.client_order_id)
        .where(of(_o, key), _l.c.ledger_account == ASSETS, *which)
    )


def _booked(conn: sa.Connection, key: AccountKey, summed_to: int) -> dict[str, Sum]:
    """What our fills moved, and what others traded."""
    new = lines(key, _f.c.seq > summed_to).subquery()
    ours = sa.select(new.c.asset, new.c.amount, sa.literal(1).label("lines"))
    before = sa.select(_sums.c.asset, _sums.c.amount, _sums.c.lines).where(of(_sums, key))
    base, quote = (sa.func.split_part(_t.c.symbol, "/", part) for part in (1, 2))
    signed = sa.case((_t.c.side == "buy", _t.c.quantity), else_=-_t.c.quantity)
    moved = ((base, signed), (quote, -signed * _t.c.price), (_t.c.fee_currency, -_t.c.fee))
    theirs = (
        sa.select(asset.label("asset"), amount.label("amount"), sa.literal(1)).where(of(_t, key))
        for asset, amount in moved
    )
    every = sa.union_all(before, ours, *theirs).subquery()
    total = sa.func.sum(every.c.amount, type_=tables.Money).label("amount")
    sums = sa.select(every.c.asset, total, sa.func.sum(every.c.lines).label("lines")).group_by(every.c.asset)
    return {row.asset: Sum(row.amount, int(row.lines)) for row in conn.execute(sums)}


def _symbols(conn: sa.Connection, key: AccountKey, live: Sequence[Order], summed_to: int) -> frozenset[str]:
    """On which it has strategies, holds something, has orders, or has traded since what is summed up."""
    is_active = _s.c.removed_at.is_(None)
    with_strategies = sa.select(_s.c.symbol).join(_b, _b.c.id == _s.c.bot_id).where(of(_b, key), is_active)
    is_held = sa.and_(_p.c.exchange == key.exchange, _b.c.account == key.account, _p.c.quantity != ZERO)
    held = sa.select(_p.c.symbol).join(_b, _b.c.id == _p.c.bot_id).where(is_held)
    mine = sa.select(_f.c.symbol).join(_o, _o.c.client_order_id == _f.c.client_order_id).where(of(_o, key))
    found = conn.execute(sa.union(with_strategies, held, mine.where(_f.c.seq > summed_to))).scalars()
    return frozenset(found) | {each.symbol for each in live}


def known(conn: sa.Connection, key: AccountKey, look: Look) -> Known:
    listed = look.orders.values()
    refs = sorted({each.ref for each in listed} | {each.order_ref for each in look.trades})
    names = [each.client_order_id for each in listed]
    is_listed = sa.or_(sa.tuple_(_o.c.symbol, _o.c.exchange_order_id).in_(refs), _o.c.client_order_id.in_(names))
    orders = [order_of(row) for row in conn.execute(sa.select(_o).where(of(_o, key), is_listed))]
    return Known(
        orders=tuple(orders),
        external=external_among(conn, key, refs),
        trades=_trades_among(conn, key, look),
        settled_by_hand=_settled_by_hand(conn, orders),
    )


def external_among(conn: sa.Connection, key: AccountKey, refs: Collection[OrderRef]) -> frozenset[OrderRef]:
    ref = sa.tuple_(_x.c.symbol, _x.c.exchange_order_id)
    rows = conn.execute(sa.select(_x.c.symbol, _x.c.exchange_order_id).where(of(_x, key), ref.in_(list(refs))))
    return frozenset((row.symbol, row.exchange_order_id) for row in rows)


def _trades_among(conn: sa.Connection, key: AccountKey, look: Look) -> frozenset[tuple[str, str]]:
    refs = [each.ref for each in look.trades]
    ours = (
        sa.select(_f.c.symbol, _f.c.trade_id)
        .join(_o, _o.c.client_order_id == _f.c.client_order_id)
        .where(_f.c.account == key.account, of(_o, key), sa.tuple_(_f.c.symbol, _f.c.trade_id).in_(refs))
    )
    is_theirs = sa.and_(of(_t, key), sa.tuple_(_t.c.symbol, _t.c.trade_id).in_(refs))
    theirs = sa.select(_t.c.symbol, _t.c.trade_id).where(is_theirs)
    return frozenset((row.symbol, row.trade_id) for row in conn.execute(sa.union(ours, theirs)))


def _settled_by_hand(conn: sa.Connection, orders: Collection[Order]) -> frozenset[str]:
    manual = [trade_id_of(each.client_order_id) for each in orders]
    return frozenset(conn.execute(sa.select(_f.c.client_order_id).where(_f.c.trade_id.in_(manual))).scalars())


def candidates(conn: sa.Connection, key: AccountKey, symbols: Collection[str]) -> Candidates:
    bots = {row.id: bot_of(row) for row in conn.execute(sa.select(_b).where(of(_b, key)))}
    is_removed = _s.c.removed_at < _NOW - REMEMBERED
    strategies = sa.select(_s).where(_s.c.bot_id.in_(bots), _s.c.symbol.in_(symbols), is_removed.is_not(True))
    is_old = sa.and_(_p.c.state != PositionState.OPEN, _p.c.closed_at < _NOW - REMEMBERED)
    mine = (_p.c.exchange == key.exchange, _p.c.bot_id.in_(bots), _p.c.symbol.in_(symbols))
    positions = sa.select(_p).where(*mine, is_old.is_not(True))
    return Candidates(
        tuple((bots[row.bot_id], subscription_of(row)) for row in conn.execute(strategies.order_by(_s.c.seq))),
        tuple((bots[row.bot_id], position_of(row)) for row in conn.execute(positions.order_by(_p.c.seq))),
    )


def standings(conn: sa.Connection) -> list[AccountStanding]:
    rows = conn.execute(sa.select(_r).order_by(_r.c.exchange, _r.c.account)).all()
    return [_standing(conn, reconciliation_of(row)) for row in rows]


def _standing(conn: sa.Connection, reconciliation: Reconciliation) -> AccountStanding:
    a = tables.drift_acceptances
    resting = sa.select(_x).where(of(_x, reconciliation.key), _x.c.is_open).order_by(_x.c.at)
    newest = sa.select(a).where(of(a, reconciliation.key)).order_by(a.c.id.desc()).limit(ACCEPTANCES)
    return AccountStanding(
        reconciliation,
        tuple(external_order_of(row) for row in conn.execute(resting)),
        tuple(Acceptance(row.at, row.reason, drift_of(row.drift)) for row in conn.execute(newest)),
    )
