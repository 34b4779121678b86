"""An exchange over ccxt. Everything that leaves passes the guard; everything that fails is one of our errors."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from ccxt.base.errors import BadSymbol, BaseError, OperationFailed
from pydantic import SecretStr

from shared.adapters.exchange_ccxt import parsing
from shared.adapters.exchange_ccxt.client import Access, Hands
from shared.adapters.exchange_ccxt.profile import CandlePage, Params
from shared.adapters.exchange_ccxt.profiles import PROFILES
from shared.adapters.exchange_ccxt.refusals import cancel_error, read_error, submit_error
from shared.adapters.exchange_ccxt.venue_time import VenueTime
from shared.adapters.guard import Circuit, Guard, Lane
from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import ExchangeDown, ExchangeError, Rejected, Throttled, Unavailable, Unclear
from shared.domain.orders import Fill, Order, OrderReport, Permit
from shared.domain.values import ZERO, Market, Ticker
from shared.domain.venue import VenueOrder, VenueTrade
from shared.ports import Balance, Clock, StateStore
from shared.settings import Settings

T = TypeVar("T")

MARKETS_FRESH_S = 3600.0
MARKETS_RETRY_S = 60.0
# What ccxt, or our parsing of its structures, raises on an answer of another shape than promised.
READ_ERRORS = (BaseError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError)


class ExchangeCcxt:
    """The port `Exchange` for a venue that ccxt speaks to. Not for several threads at once."""

    starts_empty = False

    def __init__(
        self,
        name: str,
        account: str,
        *,
        settings: Settings,
        guard: Guard,
        clock: Clock,
        state: StateStore | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        trades_page: int | None = None,
    ) -> None:
        self.name = name
        self.account = account
        self._profile = PROFILES[name]
        self.placement = self._profile.placement
        self._guard = guard
        self._clock = clock
        self._state = state
        self._monotonic = monotonic
        self._trades_page = trades_page or self._profile.trades_page
        self._recv_window_ms = settings.recv_window_ms
        self._time = VenueTime(self._measured_time, monotonic)
        self._markets: dict[str, Market] = {}
        self._markets_due = float("-inf")
        self._client = self._profile.client(
            _access(settings), Hands(guard.take, guard.hold, self._time.estimate_ms), settings.recv_window_ms
        )

    # Public data.

    def now_ms(self) -> int:
        return self._time.now_ms()

    def markets(self) -> Mapping[str, Market]:
        """Read once an hour. While the venue does not answer, the last ones are kept, and asked for once a minute."""
        if self._monotonic() < self._markets_due:
            return self._markets
        try:
            self._markets = self._read(Circuit.DATA, Lane.DATA, self._loaded_markets)
            self._markets_due = self._monotonic() + MARKETS_FRESH_S
        except (ExchangeDown, Throttled):
            if not self._markets:
                raise
            self._markets_due = self._monotonic() + MARKETS_RETRY_S
        return self._markets

    def candles(self, symbol: str, timeframe: Timeframe, since_ms: int, limit: int) -> Candles:
        self.markets()
        pages = self._profile.candle_pages(timeframe, since_ms, limit, self.now_ms)
        rows = [row for page in pages for row in self._candle_page(symbol, timeframe, page).rows()]
        return Candles.from_rows(timeframe, rows)

    def _candle_page(self, symbol: str, timeframe: Timeframe, page: CandlePage) -> Candles:
        def fetched() -> Candles:
            rows = self._client.fetch_ohlcv(symbol, timeframe.value, page.since_ms, page.limit, page.params)
            return parsing.candles(rows, timeframe)

        return self._read(Circuit.DATA, Lane.DATA, fetched)

    def tickers(self, symbols: Collection[str]) -> Mapping[str, Ticker]:
        known = [symbol for symbol in symbols if symbol in self.markets()]
        if not known:
            return {}
        now_ms = self.now_ms()
        # Stops stand on this call: it goes before candles.
        return self._read(
            Circuit.PRICE, Lane.EXIT, lambda: parsing.tickers(self._client.fetch_tickers(known), known, now_ms)
        )

    def order_book(self, symbol: str, depth: int = 100) -> tuple[parsing.Levels, parsing.Levels]:
        """(bids, asks), each (price, quantity), best first. Not of the port: for who fills orders by it."""
        self.markets()

        def fetched() -> tuple[parsing.Levels, parsing.Levels]:
            book = self._client.fetch_order_book(symbol, depth)
            return parsing.levels(book["bids"]), parsing.levels(book["asks"])

        return self._read(Circuit.PRICE, Lane.EXIT, fetched)

    # Orders.

    def permit(self, order: Order) -> Permit:
        # First what may itself ask the venue: a signature only grows older.
        self.markets()
        self.now_ms()
        self._guard.permit(Lane.of(order.purpose))
        signed_at_ms = self._time.estimate_ms()
        return Permit(signed_at_ms, signed_at_ms + self._recv_window_ms)

    def admit(self, order: Order) -> None:
        """Not of the port: the guard's word alone, for who fills orders on these prices. Raises NotAsked."""
        self._guard.admit(Lane.of(order.purpose))

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        if order.symbol not in self._markets:
            raise Throttled(f"not sent: the market of {order.symbol} is not loaded")
        report = self._guard.transmit(lambda: self._transmitted(order, permit), keep)
        return report if self._profile.answers_in_full else self._followed(order, report, keep)

    def _followed(self, order: Order, acknowledged: OrderReport, keep: Callable[[OrderReport], object]) -> OrderReport:
        """What became of an order that the venue has named, asked for once: who resolves orders asks again."""
        try:
            report = self._report(order, is_retried=False)
        except ExchangeError:
            return acknowledged
        keep(report)
        return report

    def cancel(self, order: Order) -> OrderReport:
        try:
            self.markets()
            self.now_ms()
        except ExchangeDown as error:
            raise Throttled(f"not sent: {error}") from error
        self._guard.permit(Lane.EXIT)
        report = self._guard.transmit(lambda: self._cancelled(order))
        if self._profile.answers_in_full:
            return report
        try:
            return self._report(order, is_retried=False)
        except ExchangeError as error:
            raise Unclear(f"the cancel is accepted, not seen: {error}") from error

    def report(self, order: Order) -> OrderReport:
        return self._report(order)

    def _report(self, order: Order, is_retried: bool = True) -> OrderReport:
        def fetched() -> OrderReport:
            return self._parsed(order, self._client.fetch_order(None, **_named(order)))

        found = self._private(Lane.LOOK_UP, fetched, is_retried)
        if found.filled == 0 or found.fills is not None:
            return found
        fills = tuple(self._trades(order, found.exchange_order_id, is_retried))
        return replace(found, fills=fills, average_price=_average(fills, found))

    def fills(self, order: Order) -> Sequence[Fill]:
        exchange_order_id = order.exchange_order_id or self.report(order).exchange_order_id
        return self._trades(order, exchange_order_id)

    def balances(self) -> Mapping[str, Balance]:
        return self._private(Lane.DATA, lambda: parsing.balances(self._client.fetch_balance()))

    def open_orders(self) -> Sequence[VenueOrder]:
        found: list[VenueOrder] = []
        params: Params = {}
        while True:
            page, following = self._open_page(params)
            found += page
            if self._profile.open_page is None or len(page) < self._profile.open_page:
                return found
            params = following

    def _open_page(self, params: Params) -> tuple[list[VenueOrder], Params]:
        def fetched() -> tuple[list[VenueOrder], Params]:
            raw = self._client.fetch_open_orders(None, None, self._profile.open_page, params)
            # What is listed here is open, whatever it is called: a foreign order's odd state must not end the look.
            page = [parsing.venue_order(each, parsing.open_status(self._profile.status(each))) for each in raw]
            return page, self._profile.open_after(raw) if raw else {}

        return self._private(Lane.DATA, fetched)

    def trades_since(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        if symbol not in self.markets():
            return ()
        found: dict[str, VenueTrade] = {}
        params = self._profile.trades_since(since_ms, ())
        while True:
            page, following = self._account_page(symbol, since_ms, params)
            is_last = len(page) < self._trades_page or all(trade.trade_id in found for trade in page)
            found.update((trade.trade_id, trade) for trade in page)
            if is_last:
                return sorted(found.values(), key=lambda trade: (trade.at, len(trade.trade_id), trade.trade_id))
            params = following

    def _account_page(self, symbol: str, since_ms: int, params: Params) -> tuple[list[VenueTrade], Params]:
        """The trades, and what asks for those that follow."""

        def fetched() -> tuple[list[VenueTrade], Params]:
            raw = self._client.fetch_my_trades(symbol, None, self._trades_page, params)
            quote = self._markets[symbol].quote
            following = self._profile.trades_since(since_ms, raw) if raw else {}
            return [parsing.venue_trade(each, quote) for each in raw], following

        return self._private(Lane.DATA, fetched)

    def order_by_exchange_id(self, symbol: str, exchange_order_id: str) -> VenueOrder:
        def fetched() -> VenueOrder:
            return self._listed(self._client.fetch_order(exchange_order_id, symbol))

        return self._private(Lane.DATA, fetched)

    # Below the guard.

    def _transmitted(self, order: Order, permit: Permit) -> OrderReport:
        client = self._client
        client.permit, client.sent_at, client.refusal = permit, None, None
        try:
            return self._answered(order, client.create_order(**self._request(order)))
        except Exception as error:
            # Whatever it is, once bytes have left the order may exist: no exception may claim less than Unclear.
            self._heed_clock()
            raise submit_error(error, client.refusal, was_sent=client.sent_at is not None) from error
        finally:
            client.permit = None

    def _request(self, order: Order) -> dict[str, object]:
        quantity = format(order.quantity, "f")
        # ccxt truncates what is off the grid without a word; the intent that was recorded is what is sent.
        if Decimal(self._client.amount_to_precision(order.symbol, quantity)) != order.quantity:
            raise Rejected(f"quantity {quantity} is off the grid of {order.symbol}", reason="filter_failure")
        price = None if order.price is None else format(order.price, "f")
        if price is not None and Decimal(self._client.price_to_precision(order.symbol, price)) != order.price:
            raise Rejected(f"price {price} is off the grid of {order.symbol}", reason="filter_failure")
        return {
            "symbol": order.symbol,
            "type": order.type.value,
            "side": order.side.value,
            "amount": quantity,
            "price": price,
            "params": self._profile.placing(order),
        }

    def _cancelled(self, order: Order) -> OrderReport:
        self._client.sent_at, self._client.refusal = None, None
        try:
            return self._answered(order, self._client.cancel_order(None, **_named(order)))
        except Exception as error:
            self._heed_clock()
            raise cancel_error(error, self._client.refusal) from error

    def _trades(self, order: Order, exchange_order_id: str, is_retried: bool = True) -> list[Fill]:
        found: dict[str, Fill] = {}
        params = self._profile.trades_of(exchange_order_id)
        while True:
            page, following = self._page(order, params, is_retried)
            is_last = len(page) < self._trades_page or all(fill.trade_id in found for fill in page)
            found.update((fill.trade_id, fill) for fill in page)
            if is_last:
                return parsing.oldest_first(found.values())
            params = {**params, **following}

    def _page(self, order: Order, params: Params, is_retried: bool) -> tuple[tuple[Fill, ...], Params]:
        """The trades, and what asks for those that follow."""

        def fetched() -> tuple[tuple[Fill, ...], Params]:
            raw = self._client.fetch_my_trades(order.symbol, None, self._trades_page, params)
            fills = parsing.fills(raw, order, self.account, self._markets[order.symbol].quote)
            return fills, self._profile.after(raw) if raw else {}

        return self._private(Lane.LOOK_UP, fetched, is_retried)

    def _answered(self, order: Order, raw: parsing.Raw) -> OrderReport:
        """The answer to placing and cancelling."""
        return self._parsed(order, raw) if self._profile.answers_in_full else parsing.acknowledged(raw, order)

    def _parsed(self, order: Order, raw: parsing.Raw) -> OrderReport:
        status = self._profile.status(raw)
        return parsing.order_report(raw, status, order, self.account, self._markets[order.symbol].quote)

    def _listed(self, raw: parsing.Raw) -> VenueOrder:
        return parsing.venue_order(raw, self._profile.status(raw))

    def _private(self, lane: Lane, call: Callable[[], T], is_retried: bool = True) -> T:
        self.markets()
        self.now_ms()
        return self._read(Circuit.PRIVATE, lane, call, is_retried)

    def _read(self, circuit: Circuit, lane: Lane, call: Callable[[], T], is_retried: bool = True) -> T:
        def translated() -> T:
            self._client.sent_at, self._client.refusal = None, None
            try:
                return call()
            except READ_ERRORS as error:
                found = self._client.refusal
                self._heed_clock()
                if found is not None and isinstance(error, BadSymbol):
                    self._markets_due = float("-inf")  # Delisted since: read them again before the next call.
                was_sent = self._client.sent_at is not None
                raise read_error(error, found, was_sent, isinstance(error, OperationFailed)) from error

        return self._guard.read(circuit, lane, translated, is_retried)

    def _heed_clock(self) -> None:
        if self._client.refusal is not None and self._client.refusal.is_stale_timestamp:
            self._time.forget()

    def _loaded_markets(self) -> dict[str, Market]:
        found = parsing.markets(self._client.load_markets(True), self.name)
        if not found:
            raise parsing.Unreadable("no market at all")
        return found

    def _measured_time(self) -> tuple[float, float]:
        return self._read(Circuit.PRICE, Lane.EXIT, self._asked_time)

    def _asked_time(self) -> tuple[float, float]:
        venue_ms = self._client.fetch_time()
        now, sent_at = self._monotonic(), self._client.sent_at
        if venue_ms is None or sent_at is None:
            raise parsing.Unreadable("no time")
        # The reply was written half a round trip ago, as nearly as can be known.
        at = (sent_at + now) / 2
        self._publish(venue_ms + (now - at) * 1000)
        return float(venue_ms), at

    def _publish(self, venue_ms: float) -> None:
        if self._state is not None:
            with suppress(Unavailable):
                self._state.put_clock_offset_ms(self.name, round(venue_ms - self._clock.now().timestamp() * 1000))


def _named(order: Order) -> dict[str, object]:
    return {"symbol": order.symbol, "params": {"clientOrderId": order.client_order_id}}


def _average(fills: Sequence[Fill], found: OrderReport) -> Decimal | None:
    """Exact, where the fills are whole: a venue rounds it."""
    if sum((fill.quantity for fill in fills), ZERO) != found.filled:
        return found.average_price
    return sum((fill.quantity * fill.price for fill in fills), ZERO) / found.filled


def _access(settings: Settings) -> Access:
    return Access(
        base_url=settings.effective_exchange_url,
        api_key=_revealed(settings.exchange_api_key),
        secret=_revealed(settings.exchange_api_secret),
        password=_revealed(settings.exchange_api_password),
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
