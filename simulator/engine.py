"""The matching engine: each order's whole effect is one transaction."""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from simulator.book import Book, book
from simulator.errors import Reason, Refused
from simulator.market_data import Bar
from simulator.matching import Fill, crossed, is_beyond, match
from simulator.orders import ZERO, NewOrder, Order, Side, Status, Trade
from simulator.prices import Prices
from simulator.settlement import Commission, Fees, Means, commission, locked, made, paid, taken, unlocked
from simulator.store import Store
from simulator.symbols import SYMBOLS, Symbol

MATCH_INTERVAL_S = 0.2
LOG = logging.getLogger("simulator")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    order: Order
    trades: tuple[Trade, ...]


class Engine:
    """Places, cancels and matches orders. Safe to call from several threads: one at a time is inside."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self.store = store
        self.prices = prices
        self._lock = threading.RLock()
        self._checked_ms: dict[str, int] = {}
        self._last_fill_second: dict[int, int] = {}
        self._stopping = threading.Event()

    # What others may ask of the market.

    def mark(self, symbol: Symbol, at_ms: int) -> Decimal:
        return symbol.price(self.prices.at(symbol, at_ms))

    def book(self, symbol: Symbol, at_ms: int) -> Book:
        return book(self.prices.seed, symbol, at_ms // 1000, self.prices.at(symbol, at_ms))

    @property
    def fees(self) -> Fees:
        stored = self.store.setting("fees")
        return Fees(Decimal(stored[0]), Decimal(stored[1]), stored[2]) if stored else Fees()

    @fees.setter
    def fees(self, fees: Fees) -> None:
        self.store.set_setting("fees", [str(fees.maker), str(fees.taker), fees.in_asset])

    # Placing and cancelling.

    def place(self, account: str, request: NewOrder, received_ms: int) -> Placed:
        with self._lock:
            self.settle()
            at_ms = now_ms()
            with self.store.transaction():
                if self.store.order_by_client_id(account, request.client_order_id, is_open=True):
                    raise Refused(Reason.DUPLICATE_CLIENT_ID)
                return self._placed(account, request, received_ms, at_ms)

    def _placed(self, account: str, request: NewOrder, received_ms: int, at_ms: int) -> Placed:
        result = match(request, self.book(request.symbol, at_ms))
        self._check_balance(account, request, result.fills)
        order = _accepted(account, request, result.qty, received_ms, at_ms)
        order = replace(order, order_id=self.store.add_order(order))
        trades = []
        for fill in result.fills:
            order, trade = self._filled(order, request.symbol, fill, at_ms, is_maker=False)
            trades.append(trade)
        order = replace(order, status=result.status)
        self.store.update_order(order)
        if order.status.is_open:
            self.store.apply(account, [locked(request.symbol, order.side, order.remaining, order.price)])
        return Placed(order, tuple(trades))

    def _check_balance(self, account: str, request: NewOrder, fills: Iterable[Fill]) -> None:
        symbol, qty = request.symbol, request.quantity
        if request.side is Side.SELL:
            asset, needed = symbol.base, sum((f.qty for f in fills), ZERO) if qty is None else qty
        elif request.price is not None and qty is not None:
            asset, needed = symbol.quote, request.price * qty
        else:
            asset, needed = symbol.quote, request.quote_quantity or sum((f.notional for f in fills), ZERO)
        if self.store.free(account, asset) < needed:
            raise Refused(Reason.INSUFFICIENT_BALANCE)

    def _filled(self, order: Order, symbol: Symbol, fill: Fill, at_ms: int, *, is_maker: bool) -> tuple[Order, Trade]:
        self.store.apply(order.account, (made if is_maker else taken)(symbol, order.side, fill))
        fee = self._commission(order, symbol, fill, at_ms, is_maker=is_maker)
        self.store.apply(order.account, [paid(fee)])
        trade = Trade(0, order.order_id, order.account, symbol.name, order.side, fill.price, fill.qty, fee.amount,
                      fee.asset, is_maker, at_ms)  # fmt: skip
        trade = replace(trade, trade_id=self.store.add_trade(trade))
        executed, quote = order.executed_qty + fill.qty, order.quote_qty + fill.notional
        status = Status.FILLED if executed == order.orig_qty else Status.PARTIALLY_FILLED
        return replace(order, executed_qty=executed, quote_qty=quote, status=status, updated_ms=at_ms), trade

    def _commission(self, order: Order, symbol: Symbol, fill: Fill, at_ms: int, *, is_maker: bool) -> Commission:
        fees = self.fees
        means = Means(
            worth=lambda asset, quote: self._worth(asset, quote, at_ms),
            free=lambda asset: self.store.free(order.account, asset),
        )
        rate = fees.maker if is_maker else fees.taker
        return commission(symbol, order.side, fill, rate, fees.in_asset, means)

    def _worth(self, asset: str, quote: str, at_ms: int) -> Decimal | None:
        symbol = SYMBOLS.get(asset + quote)
        return self.mark(symbol, at_ms) if symbol else None

    def cancel(self, account: str, order_id: int) -> Order:
        with self._lock:
            self.settle()
            with self.store.transaction():
                order = self.store.order(account, order_id)
                if order is None or not order.status.is_open:
                    raise Refused(Reason.NOT_OPEN)
                self.store.apply(account, [unlocked(SYMBOLS[order.symbol], order)])
                cancelled = replace(order, status=Status.CANCELED, updated_ms=now_ms())
                self.store.update_order(cancelled)
                return cancelled

    # Resting orders.

    def settle(self) -> None:
        """Fills every resting order that the market has crossed since it was last looked at."""
        with self._lock:
            if self._stopping.is_set():
                return
            at_ms = now_ms()
            bars: dict[tuple[str, int], Bar] = {}
            for order in self.store.open_orders():
                symbol = SYMBOLS[order.symbol]
                since = min(max(self._checked_ms.get(symbol.name, 0), order.updated_ms), at_ms)
                if (symbol.name, since) not in bars:
                    bars[symbol.name, since] = self.prices.bar(symbol, since, at_ms + 1)
                self._settle(order, symbol, bars[symbol.name, since], at_ms)
            self._checked_ms.update((name, at_ms) for name, _ in bars)

    def _settle(self, order: Order, symbol: Symbol, bar: Bar, at_ms: int) -> None:
        second = at_ms // 1000
        # The book is one per second: an order that emptied its part of it waits for the next.
        if self._last_fill_second.get(order.order_id) == second:
            return
        extreme = bar.low if order.side is Side.BUY else bar.high
        if is_beyond(order.side, order.price, symbol.price(extreme)):
            return
        fill = crossed(order.side, order.price, book(self.prices.seed, symbol, second, extreme), order.remaining)
        if fill is None:
            return
        with self.store.transaction():
            filled, _ = self._filled(order, symbol, fill, at_ms, is_maker=True)
            self.store.update_order(filled)
        self._last_fill_second[order.order_id] = second
        if not filled.status.is_open:
            del self._last_fill_second[order.order_id]

    def run_matching(self) -> threading.Thread:
        """A thread that settles until `stop`, so that resting orders fill though nobody asks."""
        thread = threading.Thread(target=self._match_until_stopped, name="matching", daemon=True)
        thread.start()
        return thread

    def _match_until_stopped(self) -> None:
        while not self._stopping.wait(MATCH_INTERVAL_S):
            try:
                self.settle()
            except Exception:  # The next round may do better, and without this thread nothing would rest correctly.
                LOG.exception("matching_failed")

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            self.store.close()


def _accepted(account: str, request: NewOrder, qty: Decimal, received_ms: int, at_ms: int) -> Order:
    return Order(
        order_id=0,
        account=account,
        symbol=request.symbol.name,
        client_order_id=request.client_order_id,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force,
        price=request.price or ZERO,
        orig_qty=qty,
        orig_quote_qty=request.quote_quantity or ZERO,
        executed_qty=ZERO,
        quote_qty=ZERO,
        status=Status.NEW,
        updated_ms=at_ms,
        received_ms=received_ms,
        processed_ms=at_ms,
    )
