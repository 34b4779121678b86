"""Accounts held against their venues: who is due, what the record says, and what a look came to."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from shared.domain import reconciliation
from shared.domain.adopting import Adoption, Candidates
from shared.domain.booking import ASSETS
from shared.domain.bots import Bot
from shared.domain.orders import Fill, Order, OrderState
from shared.domain.reconciliation import CLAIM, Reconciliation
from shared.domain.reconciling import AccountKey, Books, Conclusion, Known, Look, Revision, Sum
from shared.domain.values import ZERO
from shared.domain.venue import moves
from tests.faults.memory.tables import Tables

EPOCH = datetime.fromtimestamp(0, UTC)


class MemoryReconciliations:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def demand(self) -> None:
        self._tables.reach()
        for bot in self._tables.bots.values():
            self._tables.demand(bot)

    def claim(self, keys: Collection[AccountKey]) -> list[AccountKey]:
        tables = self._tables
        tables.reach()
        now = tables.now()
        due = [
            key for key in sorted(keys) if key in tables.reconciliations and tables.reconciliations[key].due_at <= now
        ]
        for key in due:
            tables.reconciliations[key] = replace(tables.reconciliations[key], due_at=now + CLAIM)
        return due

    def books(self, key: AccountKey) -> Books:
        tables = self._tables
        tables.reach()
        row = tables.reconciliations[key]
        live = [order for order in tables.live.values() if _is_of(order, key)]
        return Books(
            read_at=tables.now(),
            revision=self._revision(key, live),
            explained_until=row.explained_until or self._beginning(key),
            version=row.version,
            openings={asset: amount for (of, asset), amount in tables.openings.items() if of == key},
            booked=self._booked(key),
            live=tuple(live),
            symbols=self._symbols(key, row),
            suspected=row.suspected,
            confirmed=row.confirmed,
        )

    def _revision(self, key: AccountKey, live: list[Order]) -> Revision:
        sent = (each for each in live if each.state is not OrderState.PLANNED)
        now = frozenset((each.client_order_id, each.state, each.attempt, each.filled) for each in sent)
        return Revision(sum(1 for _ in self._fills(key)), now)

    def _fills(self, key: AccountKey) -> Iterator[Fill]:
        fills = (fill for _, fill in self._tables.fills.values())
        return (fill for fill in fills if _is_of(self._tables.orders[fill.client_order_id], key))

    def _bots(self, key: AccountKey) -> dict[str, Bot]:
        bots = self._tables.bots
        return {name: bot for name, bot in bots.items() if (bot.exchange, bot.account) == (key.exchange, key.account)}

    def _beginning(self, key: AccountKey) -> datetime:
        """Of an account that was never reconciled: what came before its bots started is in its opening."""
        bots = self._bots(key).values()
        return min((bot.trades_from if bot.is_watched else bot.updated_at for bot in bots), default=EPOCH)

    def _booked(self, key: AccountKey) -> dict[str, Sum]:
        ours = {f"fill|{fill.account}|{fill.symbol}|{fill.trade_id}" for fill in self._fills(key)}
        found: dict[str, Sum] = {}
        for line in self._tables.ledger.values():
            if line.ledger_account == ASSETS and line.transaction_id in ours:
                _add(found, line.asset, line.amount)
        for of, trade in self._tables.external_trades.values():
            for asset, amount in moves(trade) if of == key else ():
                _add(found, asset, amount)
        return found

    def _symbols(self, key: AccountKey, row: Reconciliation) -> frozenset[str]:
        tables, bots, since = self._tables, self._bots(key), row.looked_at or EPOCH
        watched = {each.symbol for each in tables.subscriptions.values() if each.is_active and each.bot_id in bots}
        held = {each.symbol for each in tables.positions.values() if each.bot_id in bots and each.quantity != ZERO}
        ordered = {each.symbol for each in tables.orders.values() if _is_of(each, key) and each.updated_at >= since}
        return frozenset(watched | held | ordered)

    def known(self, key: AccountKey, look: Look) -> Known:
        tables = self._tables
        tables.reach()
        listed = look.orders.values()
        refs = {each.ref for each in listed} | {each.order_ref for each in look.trades}
        names = {each.client_order_id for each in listed}
        mine = [order for order in tables.orders.values() if _is_of(order, key)]
        fills = {(fill.symbol, fill.trade_id) for fill in self._fills(key)}
        theirs = {ref for ref, (of, _) in tables.external_trades.items() if of == key}
        return Known(
            orders=tuple(
                each
                for each in mine
                if each.client_order_id in names or (each.symbol, each.exchange_order_id or "") in refs
            ),
            external=frozenset(ref for of, ref in tables.external_orders if of == key and ref in refs),
            trades=frozenset(each.ref for each in look.trades if each.ref in fills | theirs),
        )

    def candidates(self, key: AccountKey, symbols: Collection[str]) -> Candidates:
        tables, bots = self._tables, self._bots(key)
        strategies = [each for each in tables.subscriptions.values() if each.bot_id in bots and each.symbol in symbols]
        positions = [each for each in tables.positions.values() if each.bot_id in bots and each.symbol in symbols]
        return Candidates(
            tuple((bots[each.bot_id], each) for each in strategies),
            tuple((bots[each.bot_id], each) for each in positions),
        )

    def adopt(self, adoption: Adoption) -> Order:
        tables, order = self._tables, adoption.order
        tables.reach()
        if order.client_order_id not in tables.orders:
            tables.insert_order(order)
            tables.append(reconciliation.order_adopted(order, tables.now()))
        return tables.orders[order.client_order_id]

    def conclude(self, key: AccountKey, books: Books, conclusion: Conclusion) -> bool:
        tables = self._tables
        tables.reach()
        before = tables.reconciliations[key]
        if before.version != books.version:
            return False
        after = reconciliation.after_look(before, books, conclusion, tables.now())
        for asset, amount in conclusion.openings.items():
            tables.openings[key, asset] = tables.openings.get((key, asset), ZERO) + amount
        for trade in conclusion.external_trades:
            tables.external_trades[trade.ref] = (key, trade)
        tables.external_orders |= {(key, each.ref): each for each in conclusion.external_orders}
        tables.reconciliations[key] = after
        tables.append(*reconciliation.told(before, after, books.read_at))
        return True


def _is_of(order: Order, key: AccountKey) -> bool:
    return (order.exchange, order.account) == (key.exchange, key.account)


def _add(sums: dict[str, Sum], asset: str, amount: Decimal) -> None:
    known = sums.get(asset, Sum())
    sums[asset] = Sum(known.amount + amount, known.lines + 1)
