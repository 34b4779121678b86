"""The venue's durable state in SQLite: what an acknowledged request did survives `kill -9`."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from decimal import Decimal
from pathlib import Path
from threading import RLock
from typing import Any

from simulator.orders import ZERO, Order, OrderType, Side, Status, TimeInForce, Trade
from simulator.prices import Overlay
from simulator.settlement import Change

SCHEMA = """
create table if not exists accounts (key text primary key, secret text not null) strict;
create table if not exists passphrases (key text primary key, passphrase text not null) strict;
create table if not exists opening_balances (
    account text not null, asset text not null, amount text not null, primary key (account, asset)) strict;
create table if not exists balances (
    account text not null, asset text not null, free text not null, locked text not null,
    primary key (account, asset)) strict;
create table if not exists orders (
    order_id integer primary key autoincrement, account text not null, symbol text not null,
    client_order_id text not null, side text not null, type text not null, time_in_force text not null,
    price text not null, orig_qty text not null, orig_quote_qty text not null, executed_qty text not null,
    quote_qty text not null, status text not null, updated_ms integer not null, received_ms integer not null,
    processed_ms integer not null) strict;
create index if not exists orders_by_client_id on orders (account, client_order_id);
create index if not exists orders_by_symbol on orders (account, symbol, order_id);
create index if not exists open_orders on orders (status) where status in ('NEW', 'PARTIALLY_FILLED');
create table if not exists trades (
    trade_id integer primary key autoincrement, order_id integer not null, account text not null,
    symbol text not null, side text not null, price text not null, qty text not null, commission text not null,
    commission_asset text not null, is_maker integer not null, at_ms integer not null) strict;
create index if not exists trades_by_order on trades (order_id);
create index if not exists trades_by_symbol on trades (account, symbol, trade_id);
create table if not exists overlays (
    symbol text not null, start_ms integer not null, end_ms integer, points text not null) strict;
create table if not exists settings (name text primary key, value text not null) strict;
"""

# Ids of one length, as the venue's are: ccxt sorts the fills of an answer by their ids, as text.
FIRST_IDS = """
insert into sqlite_sequence (name, seq)
select name, 1000000 from (select 'orders' as name union select 'trades')
where name not in (select name from sqlite_sequence);
"""

ORDER_COLUMNS = ", ".join(field.name for field in fields(Order))
TRADE_COLUMNS = ", ".join(field.name for field in fields(Trade))
OPEN = "status in ('NEW', 'PARTIALLY_FILLED')"


class Store:
    """One connection, one lock. `transaction` may be nested in its thread; all that is written inside is one effect."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(SCHEMA + FIRST_IDS)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._depth:
                yield
                return
            self._connection.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                raise
            else:
                self._connection.execute("commit")
            finally:
                self._depth -= 1

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _insert(self, table: str, columns: str, values: Iterable[Any]) -> int:
        stored = [_stored(value) for value in values]
        marks = ", ".join("?" * len(stored))
        with self._lock:
            cursor = self._connection.execute(f"insert into {table} ({columns}) values ({marks})", stored)
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    # Accounts and balances.

    def secret(self, account: str) -> str | None:
        rows = self._rows("select secret from accounts where key = ?", account)
        return rows[0][0] if rows else None

    def passphrase(self, account: str) -> str | None:
        rows = self._rows("select passphrase from passphrases where key = ?", account)
        return rows[0][0] if rows else None

    def register(
        self, account: str, secret: str, opening: dict[str, Decimal] | None, passphrase: str | None = None
    ) -> None:
        """Adds an account or changes what it signs with (its passphrase is its secret, unless it is given one).

        `opening`, if given, replaces its balances.
        """
        with self.transaction():
            self._rows("insert into accounts values (?, ?) on conflict do update set secret = excluded.secret",
                       account, secret)  # fmt: skip
            self._rows("insert or replace into passphrases values (?, ?)", account, passphrase or secret)
            if opening is None:
                return
            self._rows("delete from opening_balances where account = ?", account)
            self._rows("delete from balances where account = ?", account)
            for asset, amount in opening.items():
                self._rows("insert into opening_balances values (?, ?, ?)", account, asset, str(amount))
                self._rows("insert into balances values (?, ?, ?, '0')", account, asset, str(amount))

    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        rows = self._rows("select asset, free, locked from balances where account = ? order by asset", account)
        return {asset: (Decimal(free), Decimal(locked)) for asset, free, locked in rows}

    def free(self, account: str, asset: str) -> Decimal:
        rows = self._rows("select free from balances where account = ? and asset = ?", account, asset)
        return Decimal(rows[0][0]) if rows else ZERO

    def apply(self, account: str, changes: Iterable[Change]) -> None:
        with self.transaction():
            for change in changes:
                free, locked = self.balances(account).get(change.asset, (ZERO, ZERO))
                free, locked = free + change.free, locked + change.locked
                assert min(free, locked) >= 0, f"{account} {change.asset}: {free} free, {locked} locked"
                self._rows("insert or replace into balances values (?, ?, ?, ?)",
                           account, change.asset, str(free), str(locked))  # fmt: skip

    def all_balances(self) -> list[tuple[str, str, str, str]]:
        return self._rows("select account, asset, free, locked from balances order by account, asset")  # type: ignore[return-value]

    def opening_balances(self) -> list[tuple[str, str, str]]:
        return self._rows("select account, asset, amount from opening_balances order by account, asset")  # type: ignore[return-value]

    # Orders and trades.

    def add_order(self, order: Order) -> int:
        """Stores a new order, whatever its `order_id`, and returns the id it gets."""
        _, columns = ORDER_COLUMNS.split(", ", 1)
        return self._insert("orders", columns, astuple(order)[1:])

    def update_order(self, order: Order) -> None:
        self._rows(
            "update orders set orig_qty = ?, executed_qty = ?, quote_qty = ?, status = ?, updated_ms = ? "
            "where order_id = ?",
            *map(_stored, (order.orig_qty, order.executed_qty, order.quote_qty, order.status)),
            order.updated_ms,
            order.order_id,
        )

    def order(self, account: str, order_id: int) -> Order | None:
        return self._one_order("account = ? and order_id = ?", account, order_id)

    def order_by_client_id(self, account: str, client_order_id: str, *, is_open: bool = False) -> Order | None:
        """The newest of that id, since the venue lets the id of a finished order be used again."""
        where = "account = ? and client_order_id = ?" + (f" and {OPEN}" if is_open else "")
        return self._one_order(where, account, client_order_id)

    def _one_order(self, where: str, *values: Any) -> Order | None:
        rows = self._rows(f"select {ORDER_COLUMNS} from orders where {where} order by order_id desc limit 1", *values)
        return _order(rows[0]) if rows else None

    def open_orders(self, account: str | None = None, symbol: str | None = None) -> list[Order]:
        where = f"{OPEN} and account = coalesce(?, account) and symbol = coalesce(?, symbol)"
        rows = self._rows(f"select {ORDER_COLUMNS} from orders where {where} order by order_id", account, symbol)
        return [_order(row) for row in rows]

    def orders(self, account: str | None = None, symbol: str | None = None) -> list[Order]:
        where = "account = coalesce(?, account) and symbol = coalesce(?, symbol)"
        rows = self._rows(f"select {ORDER_COLUMNS} from orders where {where} order by order_id", account, symbol)
        return [_order(row) for row in rows]

    def add_trade(self, trade: Trade) -> int:
        _, columns = TRADE_COLUMNS.split(", ", 1)
        return self._insert("trades", columns, astuple(trade)[1:])

    def trades(self, account: str | None = None, symbol: str | None = None, order_id: int | None = None) -> list[Trade]:
        where = "account = coalesce(?, account) and symbol = coalesce(?, symbol) and order_id = coalesce(?, order_id)"
        rows = self._rows(
            f"select {TRADE_COLUMNS} from trades where {where} order by trade_id", account, symbol, order_id
        )
        return [_trade(row) for row in rows]

    # Overlays and settings.

    def overlays(self, symbol: str | None = None) -> tuple[Overlay, ...]:
        rows = self._rows(
            "select symbol, start_ms, end_ms, points from overlays where symbol = coalesce(?, symbol) "
            "order by start_ms, rowid",
            symbol,
        )
        return tuple(_overlay(row) for row in rows)

    def replace_overlays(self, symbol: str, overlays: Iterable[Overlay]) -> None:
        with self.transaction():
            self._rows("delete from overlays where symbol = ?", symbol)
            for overlay in overlays:
                self._rows("insert into overlays values (?, ?, ?, ?)",
                           symbol, overlay.start_ms, overlay.end_ms, json.dumps(overlay.points))  # fmt: skip

    def setting(self, name: str) -> Any:
        rows = self._rows("select value from settings where name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def set_setting(self, name: str, value: Any) -> None:
        self._rows("insert or replace into settings values (?, ?)", name, json.dumps(value))

    def clear(self) -> None:
        """Forgets orders, trades, overlays and settings and restores opening balances; ids go on counting."""
        with self.transaction():
            for table in ("orders", "trades", "overlays", "settings", "balances"):
                self._rows(f"delete from {table}")
            self._rows("insert into balances select account, asset, amount, '0' from opening_balances")


def _stored(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _overlay(row: tuple[Any, ...]) -> Overlay:
    symbol, start_ms, end_ms, points = row
    return Overlay(symbol, start_ms, end_ms, tuple((ms, ticks) for ms, ticks in json.loads(points)))


def _order(row: tuple[Any, ...]) -> Order:
    order_id, account, symbol, client_order_id, side, kind, tif, *rest = row
    price, orig, orig_quote, executed, quote = map(Decimal, rest[:5])
    return Order(order_id, account, symbol, client_order_id, Side(side), OrderType(kind), TimeInForce(tif),
                 price, orig, orig_quote, executed, quote, Status(rest[5]), *rest[6:])  # fmt: skip


def _trade(row: tuple[Any, ...]) -> Trade:
    trade_id, order_id, account, symbol, side, price, qty, commission, asset, is_maker, at_ms = row
    return Trade(trade_id, order_id, account, symbol, Side(side), Decimal(price), Decimal(qty), Decimal(commission),
                 asset, bool(is_maker), at_ms)  # fmt: skip
