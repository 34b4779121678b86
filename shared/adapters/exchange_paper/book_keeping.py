"""Orders and fills in Postgres. Each effect is one statement or one transaction: whole, or not there."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, DateTime, Select, bindparam, case, func, select, true, update
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.engine import Connection, Engine, Row

from shared.adapters.exchange_paper.tables import paper_fills, paper_orders
from shared.domain.orders import RESTING, OrderState
from shared.domain.values import ZERO, Market, OrderType, Side


@dataclass(frozen=True, slots=True)
class Execution:
    """A trade to be recorded. The venue numbers it."""

    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Placement:
    client_order_id: str
    market: Market
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    state: OrderState
    at: datetime
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """An order as the venue knows it. `fills`: (trade id, execution), oldest first."""

    number: int
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    state: OrderState
    placed_at: datetime
    fills: tuple[tuple[int, Execution], ...]

    @property
    def filled(self) -> Decimal:
        return sum((execution.quantity for _, execution in self.fills), ZERO)

    @property
    def rests(self) -> bool:
        return self.state in RESTING


Decide = Callable[[Stored], tuple[OrderState, Sequence[Execution]]]


class BookKeeping:
    """The books of one venue. A client id is unique over all of them."""

    def __init__(self, engine: Engine, exchange: str) -> None:
        self._engine = engine
        self._exchange = exchange

    def place(self, placement: Placement, deadline: datetime) -> None:
        """Record an order and its trades, unless its id is there or `deadline` has passed by the database's clock.

        One statement, committed by itself: whoever falls asleep before it is too late afterwards.
        """
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(_PLACE, {**_parameters(placement, deadline), "exchange": self._exchange})

    def find(self, client_order_id: str) -> Stored | None:
        with self._engine.connect() as connection:
            return _stored(connection, client_order_id, is_locked=False)

    def change(self, client_order_id: str, decide: Decide) -> Stored | None:
        """Lock an order, ask `decide(stored)` for its new state and trades, write both; the order afterwards."""
        with self._engine.begin() as connection:
            stored = _stored(connection, client_order_id, is_locked=True)
            if stored is None:
                return None
            state, executions = decide(stored)
            if executions:
                connection.execute(paper_fills.insert(), [_fill_row(client_order_id, each) for each in executions])
            changed = update(paper_orders).where(paper_orders.c.client_order_id == client_order_id)
            connection.execute(changed.values(state=state.value))
            return _stored(connection, client_order_id, is_locked=False)

    def by_number(self, number: int) -> Stored | None:
        o = paper_orders.c
        wanted = select(o.client_order_id).where(o.exchange == self._exchange, o.number == number)
        with self._engine.connect() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
            return None if found is None else _stored(connection, found, is_locked=False)

    def resting(self) -> list[Stored]:
        """Oldest first."""
        o = paper_orders.c
        wanted = select(o.client_order_id).where(o.exchange == self._exchange, o.state.in_(sorted(RESTING)))
        with self._engine.connect() as connection:
            ids = list(connection.execute(wanted.order_by(o.number)).scalars())
            found = (_stored(connection, each, is_locked=False) for each in ids)
            return [each for each in found if each is not None]

    def trades_since(self, symbol: str, since: datetime) -> list[tuple[int, Side, int, Execution]]:
        """(the order's number, its side, trade id, trade), oldest first."""
        o, f = paper_orders.c, paper_fills.c
        wanted = (
            select(o.number, o.side, paper_fills)
            .join_from(paper_fills, paper_orders)
            .where(o.exchange == self._exchange, o.symbol == symbol, f.filled_at >= since)
            .order_by(f.trade_id)
        )
        with self._engine.connect() as connection:
            return [(row.number, Side(row.side), row.trade_id, _execution(row)) for row in connection.execute(wanted)]

    def net(self) -> dict[str, Decimal]:
        """Per asset, what all fills together brought and took."""
        totals: defaultdict[str, Decimal] = defaultdict(Decimal)
        with self._engine.connect() as connection:
            for row in connection.execute(_NET, {"exchange_": self._exchange}):
                totals[row.base] += row.quantity
                totals[row.quote] -= row.worth
                totals[row.fee_currency] -= row.fee
        return dict(totals)


def _stored(connection: Connection, client_order_id: str, is_locked: bool) -> Stored | None:
    wanted = select(paper_orders).where(paper_orders.c.client_order_id == client_order_id)
    row = connection.execute(wanted.with_for_update() if is_locked else wanted).one_or_none()
    if row is None:
        return None
    trades = connection.execute(
        select(paper_fills).where(paper_fills.c.client_order_id == client_order_id).order_by(paper_fills.c.trade_id)
    )
    return Stored(
        number=row.number,
        client_order_id=client_order_id,
        symbol=row.symbol,
        side=Side(row.side),
        type=OrderType(row.type),
        quantity=row.quantity,
        price=row.price,
        state=OrderState(row.state),
        placed_at=row.placed_at,
        fills=tuple((trade.trade_id, _execution(trade)) for trade in trades),
    )


def _execution(row: Row[Any]) -> Execution:
    return Execution(row.quantity, row.price, row.fee, row.fee_currency, row.filled_at)


def _fill_row(client_order_id: str, execution: Execution) -> dict[str, object]:
    return {
        "client_order_id": client_order_id,
        "quantity": execution.quantity,
        "price": execution.price,
        "fee": execution.fee,
        "fee_currency": execution.fee_currency,
        "filled_at": execution.at,
    }


def _placing() -> Insert:
    """Order and trades in one statement: none of it where the order is there, or too late."""
    order = {
        column.name: bindparam(column.name, type_=column.type)
        for column in paper_orders.columns
        if column is not paper_orders.c.number
    }
    placed = (
        insert(paper_orders)
        .from_select(
            list(order),
            select(*order.values()).where(func.clock_timestamp() <= bindparam("deadline", type_=DateTime(True))),
        )
        .on_conflict_do_nothing()
        .returning(paper_orders.c.client_order_id)
        .cte("placed")
    )
    names = [column.name for column in paper_fills.columns if column.name not in ("trade_id", "client_order_id")]
    rows = (
        func.jsonb_to_recordset(bindparam("trades", type_=JSONB))
        .table_valued(*(Column(name, paper_fills.c[name].type) for name in names))
        .render_derived(name="trades", with_types=True)
    )
    each = select(placed.c.client_order_id, *(rows.c[name] for name in names)).join_from(placed, rows, true())
    return insert(paper_fills).from_select(["client_order_id", *names], each)


def _parameters(placement: Placement, deadline: datetime) -> dict[str, object]:
    return {
        "client_order_id": placement.client_order_id,
        "symbol": placement.market.symbol,
        "base": placement.market.base,
        "quote": placement.market.quote,
        "side": placement.side.value,
        "type": placement.type.value,
        "quantity": placement.quantity,
        "price": placement.price,
        "state": placement.state.value,
        "placed_at": placement.at,
        "deadline": deadline,
        "trades": [_json(execution) for execution in placement.executions],
    }


def _json(execution: Execution) -> dict[str, str]:
    """Numbers as text: JSON's would be floats on the way."""
    row = _fill_row("", execution)
    del row["client_order_id"]
    return {**{name: str(value) for name, value in row.items()}, "filled_at": execution.at.isoformat()}


def _netting() -> Select[Any]:
    signed = case((paper_orders.c.side == Side.BUY.value, paper_fills.c.quantity), else_=-paper_fills.c.quantity)
    assets = (paper_orders.c.base, paper_orders.c.quote, paper_fills.c.fee_currency)
    sums = (
        func.sum(signed).label("quantity"),
        func.sum(signed * paper_fills.c.price).label("worth"),
        func.sum(paper_fills.c.fee).label("fee"),
    )
    mine = paper_orders.c.exchange == bindparam("exchange_")
    return select(*assets, *sums).join_from(paper_fills, paper_orders).where(mine).group_by(*assets)


_PLACE = _placing()
_NET = _netting()
