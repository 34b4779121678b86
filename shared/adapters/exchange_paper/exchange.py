"""A venue of our own on another venue's prices. Its books are in Postgres, so it survives a crash as a venue does."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.adapters.exchange_paper import matching
from shared.adapters.exchange_paper.book_keeping import BookKeeping, Execution, Placement, Stored
from shared.adapters.exchange_paper.matching import Book, Level, Trade
from shared.domain import orders
from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import ExchangeDown, ExchangeError, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.orders import Fill, Order, OrderReport, OrderState, Permit
from shared.domain.values import ZERO, Market, OrderType, Side, Ticker
from shared.domain.venue import VenueOrder, VenueTrade
from shared.ports import Balance, Clock

ACCOUNT = "paper"


class Source(Protocol):
    """Where prices come from: the data side of an Exchange, its book, and its guard's leave to enter."""

    name: str

    def now_ms(self) -> int: ...

    def markets(self) -> Mapping[str, Market]: ...

    def candles(self, symbol: str, timeframe: Timeframe, since_ms: int, limit: int) -> Candles: ...

    def tickers(self, symbols: Collection[str]) -> Mapping[str, Ticker]: ...

    def order_book(self, symbol: str) -> tuple[Sequence[Level], Sequence[Level]]: ...

    def admit(self, order: Order) -> None: ...


class ExchangePaper:
    """The port `Exchange`; orders take the source's live book, level by level, at the market's fees.

    A market order that the book can't fill expires with what it got; a limit order rests, and trades when it is asked
    about and the price has come to it. Credit is unlimited: a bot's own cash is checked when an order is planned.
    A client id is unique for ever here: placing it again changes nothing and answers with what is stored.
    """

    account = ACCOUNT
    placement = orders.Placement()
    starts_empty = True

    def __init__(self, source: Source, engine: Engine, clock: Clock, recv_window_ms: int) -> None:
        self.name = source.name
        self._source = source
        self._books = BookKeeping(engine, source.name)
        self._clock = clock
        self._recv_window_ms = recv_window_ms

    def now_ms(self) -> int:
        return self._source.now_ms()

    def markets(self) -> Mapping[str, Market]:
        return self._source.markets()

    def candles(self, symbol: str, timeframe: Timeframe, since_ms: int, limit: int) -> Candles:
        return self._source.candles(symbol, timeframe, since_ms, limit)

    def tickers(self, symbols: Collection[str]) -> Mapping[str, Ticker]:
        return self._source.tickers(symbols)

    def permit(self, order: Order) -> Permit:
        # What holds entries back live holds them back here: without Redis there are none.
        self._source.admit(order)
        signed_at_ms = self.now_ms()
        return Permit(signed_at_ms, signed_at_ms + self._recv_window_ms)

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        try:
            market, book = self._market(order.symbol), self._book(order.symbol)
            # Ours is read first: a process that falls asleep in between has less time left, not more.
            ours, venue_ms = self._clock.now(), self.now_ms()
        except (ExchangeDown, Throttled) as error:
            raise Throttled(f"not placed: {error}") from error
        placement = _placement(order, market, book, _moment(venue_ms))
        deadline = ours + timedelta(milliseconds=permit.valid_until_ms - venue_ms)
        with _failing_as(Unclear):
            self._books.place(placement, deadline)
            stored = self._books.find(order.client_order_id)
        if stored is None:
            raise Throttled("signed too long ago")
        report = self._report(stored)
        keep(report)
        return report

    def cancel(self, order: Order) -> OrderReport:
        def cancelled(stored: Stored) -> tuple[OrderState, Sequence[Execution]]:
            if not stored.rests:
                raise OrderUnknown(f"{order.client_order_id} does not rest")
            return OrderState.CANCELED, ()

        with _failing_as(Unclear):
            stored = self._books.change(order.client_order_id, cancelled)
        return self._report(_known(stored, order))

    def report(self, order: Order) -> OrderReport:
        with _failing_as(ExchangeDown):
            stored = _known(self._books.find(order.client_order_id), order)
            return self._report(self._settled(stored) if stored.rests else stored)

    def fills(self, order: Order) -> Sequence[Fill]:
        return self.report(order).fills or ()

    def balances(self) -> Mapping[str, Balance]:
        with _failing_as(ExchangeDown):
            return {asset: Balance(amount, ZERO) for asset, amount in self._books.net().items()}

    def open_orders(self) -> Sequence[VenueOrder]:
        with _failing_as(ExchangeDown):
            return [_listed(each) for each in self._books.resting()]

    def trades_since(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        with _failing_as(ExchangeDown):
            found = self._books.trades_since(symbol, _moment(since_ms))
        return [_trade(symbol, *each) for each in found]

    def order_by_exchange_id(self, symbol: str, exchange_order_id: str) -> VenueOrder:
        with _failing_as(ExchangeDown):
            stored = self._books.by_number(int(exchange_order_id)) if exchange_order_id.isdigit() else None
        if stored is None or stored.symbol != symbol:
            raise OrderUnknown(f"{exchange_order_id} on {symbol}")
        return _listed(stored)

    def _market(self, symbol: str) -> Market:
        market = self._source.markets().get(symbol)
        if market is None:
            raise Rejected(f"no market {symbol}", reason="unknown_symbol")
        return market

    def _book(self, symbol: str) -> Book:
        bids, asks = self._source.order_book(symbol)
        return Book(tuple(bids), tuple(asks))

    def _settled(self, stored: Stored) -> Stored:
        """What rests, after trading with the book as it is now."""
        market = self._source.markets()[stored.symbol]
        book, at = self._book(stored.symbol), _moment(self.now_ms())

        def traded(locked: Stored) -> tuple[OrderState, Sequence[Execution]]:
            if not locked.rests or locked.price is None:
                return locked.state, ()
            trades = matching.reached(locked.side, locked.quantity - locked.filled, locked.price, book)
            filled = locked.filled + sum((trade.quantity for trade in trades), ZERO)
            state = matching.state_after(OrderType.LIMIT, locked.quantity, filled)
            return state, [_execution(locked.side, trade, market, at, is_maker=True) for trade in trades]

        return self._books.change(stored.client_order_id, traded) or stored

    def _report(self, stored: Stored) -> OrderReport:
        fills = tuple(self._fill(stored, trade_id, each) for trade_id, each in stored.fills)
        worth = sum((fill.quantity * fill.price for fill in fills), ZERO)
        return OrderReport(
            client_order_id=stored.client_order_id,
            exchange_order_id=str(stored.number),
            state=stored.state,
            filled=stored.filled,
            average_price=worth / stored.filled if fills else None,
            fills=fills,
        )

    def _fill(self, stored: Stored, trade_id: int, execution: Execution) -> Fill:
        return Fill(
            account=self.account,
            symbol=stored.symbol,
            trade_id=str(trade_id),
            client_order_id=stored.client_order_id,
            side=stored.side,
            quantity=execution.quantity,
            price=execution.price,
            fee=execution.fee,
            fee_currency=execution.fee_currency,
            at=execution.at,
        )


def _placement(order: Order, market: Market, book: Book, at: datetime) -> Placement:
    """The order with all that it gets at once. Raises Rejected where a filter of the market refuses it."""
    facing = book.facing(order.side)
    best = facing[0][0] if facing else ZERO
    broken = matching.broken_filter(order.quantity, order.price, best, market)
    if broken is not None:
        raise Rejected(f"filter failure: {broken}", reason="filter_failure")
    trades = matching.taken(order.side, order.quantity, order.price, book)
    filled = sum((trade.quantity for trade in trades), ZERO)
    return Placement(
        client_order_id=order.client_order_id,
        market=market,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        state=matching.state_after(order.type, order.quantity, filled),
        at=at,
        executions=tuple(_execution(order.side, trade, market, at, is_maker=False) for trade in trades),
    )


def _listed(stored: Stored) -> VenueOrder:
    return VenueOrder(
        exchange_order_id=str(stored.number),
        client_order_id=stored.client_order_id,
        symbol=stored.symbol,
        side=stored.side,
        type=stored.type.value,
        quantity=stored.quantity,
        price=stored.price,
        filled=stored.filled,
        state=stored.state,
        at=stored.placed_at,
    )


def _trade(symbol: str, number: int, side: Side, trade_id: int, execution: Execution) -> VenueTrade:
    return VenueTrade(
        symbol=symbol,
        trade_id=str(trade_id),
        exchange_order_id=str(number),
        side=side,
        quantity=execution.quantity,
        price=execution.price,
        fee=execution.fee,
        fee_currency=execution.fee_currency,
        at=execution.at,
    )


def _execution(side: Side, trade: Trade, market: Market, at: datetime, is_maker: bool) -> Execution:
    fee, currency = matching.fee(side, trade, market, is_maker)
    return Execution(trade.quantity, trade.price, fee, currency, at)


def _known(stored: Stored | None, order: Order) -> Stored:
    if stored is None:
        raise OrderUnknown(order.client_order_id)
    return stored


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@contextmanager
def _failing_as(error: type[ExchangeError]) -> Iterator[None]:
    """A database that failed: for a write nobody knows whether it took effect, for a read it was no answer."""
    try:
        yield
    except SQLAlchemyError as failure:
        raise error(f"the books can't be reached: {type(failure).__name__}") from failure
