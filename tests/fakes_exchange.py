"""A venue in memory: deterministic, scripted by the test, honest about what a real one does."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.orders import RESTING, Fill, Order, OrderReport, OrderState, Permit, Placement
from shared.domain.values import ZERO, Market, OrderType, Side, Ticker
from shared.domain.venue import VenueOrder, VenueTrade
from shared.ports import Balance

START_MS = 1_700_000_000_000
RECV_WINDOW_MS = 5_000


def market(symbol: str = "BTC/USDT", **changes: object) -> Market:
    base, quote = symbol.split("/")
    plain = Market(
        exchange="binance",
        symbol=symbol,
        base=base,
        quote=quote,
        lot_step=Decimal("0.00001"),
        price_tick=Decimal("0.01"),
        min_quantity=Decimal("0.00001"),
        min_notional=Decimal(5),
        maker_fee_frac=Decimal("0.001"),
        taker_fee_frac=Decimal("0.001"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass
class _Placed:
    """One order on the venue. A repeated client id is a second one, as on a venue that checks only open orders."""

    order: Order
    number: int
    state: OrderState
    fills: list[Fill]
    at_ms: int

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)


class FakeExchange:
    """An `Exchange` without a network, a sleep or a clock of its own.

    `clock_ms` is its time; `calls` counts methods; `placements` are the client ids in the order they took effect.
    """

    name = "binance"
    account = "live"
    placement = Placement()
    starts_empty = False

    def __init__(self, *markets: Market, now_ms: int = START_MS) -> None:
        self.clock_ms = now_ms
        self.calls: Counter[str] = Counter()
        self.placements: list[str] = []
        self.books: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
        self.history: dict[tuple[str, Timeframe], Candles] = {}
        self._markets = {each.symbol: each for each in markets or (market(),)}
        self._placed: list[_Placed] = []
        self._balances: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._faults: dict[tuple[str, int], Exception] = {}
        self._lost_replies: set[int] = set()
        self._fill_fracs: list[Decimal] = []
        self._trades = 0

    # What a test sets.

    def set_price(self, symbol: str, last: str, bid: str | None = None, ask: str | None = None) -> None:
        self.books[symbol] = (Decimal(bid or last), Decimal(ask or last), Decimal(last))

    def set_candles(self, symbol: str, candles: Candles) -> None:
        self.history[symbol, candles.timeframe] = candles

    def set_market(self, changed: Market) -> None:
        self._markets[changed.symbol] = changed

    def delist(self, symbol: str) -> None:
        """No market, no quote, no candle any more; its orders are still answered for."""
        del self._markets[symbol]
        self.books.pop(symbol, None)

    def set_balance(self, asset: str, free: str) -> None:
        self._balances[asset] = Decimal(free)

    def deposit(self, asset: str, amount: str) -> None:
        """By hand, as a withdrawal where it is negative: no order and no trade tells of it."""
        self._balances[asset] += Decimal(amount)

    def trade_by_hand(self, order: Order) -> None:
        """A person's order on the same account, under whatever id the venue's own page gives it."""
        self._place(order)

    def advance(self, seconds: float) -> None:
        self.clock_ms += int(seconds * 1000)

    def fail(self, method: str, error: Exception, call: int = 1, times: int = 1) -> None:
        """Raise `error` on the `call`-th call of `method` from now (and the next `times` − 1), with no effect."""
        first = self.calls[method] + call
        self._faults.update({(method, nth): error for nth in range(first, first + times)})

    def lose_reply(self, call: int = 1) -> None:
        """The `call`-th submit from now takes effect, and its answer is Unclear."""
        self._lost_replies.add(self.calls["submit"] + call)

    def fill_next(self, frac: str) -> None:
        """The next order placed fills this part of its quantity (queued, in order)."""
        self._fill_fracs.append(Decimal(frac))

    def fill(self, client_order_id: str, quantity: str | None = None, price: str | None = None) -> None:
        """A trade on what rests: all that is left unless said otherwise."""
        placed = self._latest(client_order_id)
        left = placed.order.quantity - placed.filled
        self._trade(placed, Decimal(quantity) if quantity else left, Decimal(price) if price else None)

    # The port.

    def now_ms(self) -> int:
        self._called("now_ms")
        return self.clock_ms

    def markets(self) -> Mapping[str, Market]:
        self._called("markets")
        return dict(self._markets)

    def candles(self, symbol: str, timeframe: Timeframe, since_ms: int, limit: int) -> Candles:
        self._called("candles")
        if symbol not in self._markets:
            raise ExchangeDown(f"no market {symbol}")
        known = self.history.get((symbol, timeframe), Candles(timeframe))
        return Candles.from_rows(timeframe, [row for row in known.rows() if row[0] >= since_ms][:limit])

    def tickers(self, symbols: Collection[str]) -> Mapping[str, Ticker]:
        self._called("tickers")
        quoted = {symbol: self.books[symbol] for symbol in symbols if symbol in self.books}
        return {symbol: Ticker(symbol, *book, self.clock_ms) for symbol, book in quoted.items()}

    def permit(self, order: Order) -> Permit:
        self._called("permit")
        return Permit(self.clock_ms, self.clock_ms + RECV_WINDOW_MS)

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        self._called("submit")
        if self.clock_ms > permit.valid_until_ms:
            raise Throttled("signed too long ago")
        if any(p.state in RESTING and p.order.client_order_id == order.client_order_id for p in self._placed):
            raise Unclear("duplicate order sent: one with this client id is open")
        placed = self._place(order)
        if self.calls["submit"] in self._lost_replies:
            raise Unclear("the reply was lost")
        report = self._report(placed)
        keep(report)
        return report

    def cancel(self, order: Order) -> OrderReport:
        self._called("cancel")
        placed = self._latest(order.client_order_id)
        if placed.state not in RESTING:
            raise OrderUnknown(f"{order.client_order_id} does not rest")
        placed.state = OrderState.CANCELED
        return self._report(placed)

    def report(self, order: Order) -> OrderReport:
        self._called("report")
        return self._report(self._latest(order.client_order_id))

    def fills(self, order: Order) -> Sequence[Fill]:
        self._called("fills")
        return tuple(fill for p in self._placed if p.order.client_order_id == order.client_order_id for fill in p.fills)

    def balances(self) -> Mapping[str, Balance]:
        self._called("balances")
        return {asset: Balance(free, ZERO) for asset, free in self._balances.items()}

    def open_orders(self) -> Sequence[VenueOrder]:
        self._called("open_orders")
        return tuple(_listed(placed) for placed in self._placed if placed.state in RESTING)

    def trades_since(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        self._called("trades_since")
        found = [_traded(placed, fill) for placed in self._placed for fill in placed.fills if fill.symbol == symbol]
        return tuple(sorted((each for each in found if each.at >= _moment(since_ms)), key=lambda each: each.at))

    def order_by_exchange_id(self, symbol: str, exchange_order_id: str) -> VenueOrder:
        self._called("order_by_exchange_id")
        for placed in self._placed:
            if (placed.order.symbol, str(placed.number)) == (symbol, exchange_order_id):
                return _listed(placed)
        raise OrderUnknown(exchange_order_id)

    # How it works.

    def _called(self, method: str) -> None:
        self.calls[method] += 1
        error = self._faults.pop((method, self.calls[method]), None)
        if error is not None:
            raise error

    def _latest(self, client_order_id: str) -> _Placed:
        for placed in reversed(self._placed):
            if placed.order.client_order_id == client_order_id:
                return placed
        raise OrderUnknown(client_order_id)

    def _place(self, order: Order) -> _Placed:
        if order.symbol not in self.books:
            raise Rejected(f"no market for {order.symbol}", reason="unknown_symbol")
        placed = _Placed(order, len(self._placed) + 1, OrderState.ACKED, [], self.clock_ms)
        self._placed.append(placed)
        self.placements.append(order.client_order_id)
        frac = self._fill_fracs.pop(0) if self._fill_fracs else Decimal(int(self._crosses(order)))
        if frac > 0:
            self._trade(placed, order.quantity * frac)
        if order.type is OrderType.MARKET and placed.state is not OrderState.FILLED:
            placed.state = OrderState.EXPIRED
        return placed

    def _crosses(self, order: Order) -> bool:
        if order.type is OrderType.MARKET or order.price is None:
            return True
        bid, ask, _ = self.books[order.symbol]
        return order.price >= ask if order.side is Side.BUY else order.price <= bid

    def _trade(self, placed: _Placed, quantity: Decimal, price: Decimal | None = None) -> None:
        order, of = placed.order, self._markets[placed.order.symbol]
        bid, ask, _ = self.books[order.symbol]
        buys = order.side is Side.BUY
        paid = price or (ask if buys else bid)
        self._trades += 1
        # A fee is taken from what is received, as Binance does.
        received, given = (quantity, quantity * paid) if buys else (quantity * paid, quantity)
        fee = received * of.taker_fee_frac
        self._balances[of.base if buys else of.quote] += received - fee
        self._balances[of.quote if buys else of.base] -= given
        placed.fills.append(
            Fill(
                account=self.account,
                symbol=order.symbol,
                trade_id=str(self._trades),
                client_order_id=order.client_order_id,
                side=order.side,
                quantity=quantity,
                price=paid,
                fee=fee,
                fee_currency=of.base if buys else of.quote,
                at=_moment(self.clock_ms),
            )
        )
        if placed.state in RESTING:
            done = placed.filled >= order.quantity
            placed.state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED

    def _report(self, placed: _Placed) -> OrderReport:
        worth = sum((fill.quantity * fill.price for fill in placed.fills), ZERO)
        return OrderReport(
            client_order_id=placed.order.client_order_id,
            exchange_order_id=str(placed.number),
            state=placed.state,
            filled=placed.filled,
            average_price=worth / placed.filled if placed.fills else None,
            fills=tuple(placed.fills),
        )


def _listed(placed: _Placed) -> VenueOrder:
    order = placed.order
    return VenueOrder(
        exchange_order_id=str(placed.number),
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type.value,
        quantity=order.quantity,
        price=order.price,
        filled=placed.filled,
        state=placed.state,
        at=_moment(placed.at_ms),
    )


def _traded(placed: _Placed, fill: Fill) -> VenueTrade:
    return VenueTrade(
        symbol=fill.symbol,
        trade_id=fill.trade_id,
        exchange_order_id=str(placed.number),
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        at=fill.at,
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
