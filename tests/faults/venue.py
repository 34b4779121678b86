"""A spot venue with Binance's rules, written from them: it knows nothing of the code that trades on it.

A client id is unique among open orders only. A request whose signature is older than its window, by the venue's own
clock, is refused. Orders match in one or several trades, some later; what was cancelled may have traded just before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from random import Random

from tests.faults.prices import Prices

FEE = Decimal("0.001")
OPEN = ("NEW", "PARTIALLY_FILLED")
LOT = Decimal("0.00001")
FUTURE_MS = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """A signed order, as bytes on the wire."""

    client_id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None
    signed_at_ms: int
    window_ms: int


@dataclass(frozen=True, slots=True)
class Trade:
    id: int
    order_id: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at_ms: int


@dataclass(slots=True)
class VenueOrder:
    id: int
    request: Request
    accepted_ms: int
    visible_ms: int
    states: list[tuple[int, str]]
    trades: list[Trade] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.states[-1][1]

    @property
    def filled(self) -> Decimal:
        return sum((trade.quantity for trade in self.trades), Decimal(0))

    def state_at(self, at_ms: int) -> str:
        return [state for since, state in self.states if since <= at_ms][-1]

    def trades_at(self, at_ms: int) -> list[Trade]:
        return [trade for trade in self.trades if trade.at_ms <= at_ms]


@dataclass(frozen=True, slots=True)
class Answer:
    """`refusal` is the venue's code, None where the order was accepted."""

    order: VenueOrder | None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One line of the venue's log."""

    at_ms: int
    request: Request
    refusal: str | None


class Venue:
    """`fees`: from what is received, in quote, or in a third currency. `after(seconds, action)` is its clockwork."""

    def __init__(
        self,
        random: Random,
        prices: Prices,
        now_ms: Callable[[], int],
        after: Callable[[float, Callable[[], object]], None],
        fees: str,
    ) -> None:
        self._random = random
        self._prices = prices
        self._now_ms = now_ms
        self._after = after
        self._fees = fees
        self.lag_ms = 2000
        self.late_fills = 0.3
        self.orders: list[VenueOrder] = []
        self.trades: list[Trade] = []
        self.arrivals: list[Arrival] = []
        self.opening: dict[str, Decimal] = {"USDT": Decimal(10**6), "BNB": Decimal(100)}
        self.opening |= {symbol.split("/")[0]: Decimal(1000) for symbol in prices.symbols}
        self.balances = dict(self.opening)

    # What clients ask.

    def place(self, request: Request) -> Answer:
        answer = self._placed(request)
        self.arrivals.append(Arrival(self._now_ms(), request, answer.refusal))
        return answer

    def _placed(self, request: Request) -> Answer:
        now_ms = self._now_ms()
        if now_ms - request.signed_at_ms > request.window_ms or request.signed_at_ms > now_ms + FUTURE_MS:
            return Answer(None, "timestamp_refused")
        if any(order.request.client_id == request.client_id and order.state in OPEN for order in self.orders):
            return Answer(None, "duplicate")
        if request.quantity % LOT != 0 or request.quantity <= 0:
            return Answer(None, "filter_failure")
        if self._is_short_of(request):
            return Answer(None, "insufficient_balance")
        lag_ms = self._random.randint(0, self.lag_ms) if self._random.random() < 0.4 else 0
        order = VenueOrder(len(self.orders) + 1, request, now_ms, now_ms + lag_ms, [(now_ms, "NEW")])
        self.orders.append(order)
        self._match(order)
        return Answer(order)

    def cancel(self, client_id: str) -> VenueOrder | None:
        """The order as it is afterwards; None where none with this id is open."""
        for order in reversed(self.orders):
            if order.request.client_id == client_id and order.state in OPEN:
                order.states.append((self._now_ms(), "CANCELED"))
                # Of purchases alone: whoever sells what a cancel has left has nothing but the venue's word for it.
                if order.request.side == "BUY" and self._random.random() < self.late_fills:
                    self._after(self._random.uniform(0.1, 15), partial(self._trade_after_cancel, order))
                return order
        return None

    def find(self, client_id: str) -> VenueOrder | None:
        """The newest with this id, once the replica that answers has heard of it."""
        now_ms = self._now_ms()
        for order in reversed(self.orders):
            if order.request.client_id == client_id and order.visible_ms <= now_ms:
                return order
        return None

    # How it works.

    def _is_short_of(self, request: Request) -> bool:
        base, quote = request.symbol.split("/")
        if request.side == "SELL":
            return self.balances[base] < request.quantity
        return self.balances[quote] < request.quantity * self._price(request.symbol) * 2

    def _price(self, symbol: str) -> Decimal:
        return self._prices.last(symbol, self._now_ms())

    def _match(self, order: VenueOrder) -> None:
        if order.request.type == "LIMIT":
            self._match_limit(order)
            return
        # Mostly at once; in a thin book a part waits for the other side, or is given up.
        way = self._random.random()
        if way < 0.72:
            self._trade_in_parts(order, self._parts(order.request.quantity))
        elif way < 0.9:
            first, *rest = self._parts(order.request.quantity, at_least=2)
            self._trade(order, first)
            self._trade_later(order, rest)
        else:
            self._trade(order, self._parts(order.request.quantity, at_least=2)[0])
            self._expire(order)

    def _match_limit(self, order: VenueOrder) -> None:
        """At its price or better; looked at again as the price moves."""
        if order.state not in OPEN:
            return
        limit = order.request.price
        assert limit is not None
        last = self._price(order.request.symbol)
        is_crossed = last >= limit if order.request.side == "SELL" else last <= limit
        left = order.request.quantity - order.filled
        if is_crossed:
            parts = self._parts(left)
            self._trade_in_parts(order, parts[:1] if self._random.random() < 0.3 else parts)
        if order.state in OPEN:
            self._after(self._prices.STEP_S, lambda: self._match_limit(order))

    def _parts(self, quantity: Decimal, at_least: int = 1) -> list[Decimal]:
        lots = int(quantity / LOT)
        count = min(max(at_least, self._random.choice((1, 1, 2, 3))), lots)
        cuts = sorted(self._random.sample(range(1, lots), count - 1)) if count > 1 else []
        return [LOT * (b - a) for a, b in zip([0, *cuts], [*cuts, lots], strict=True)]

    def _trade_in_parts(self, order: VenueOrder, parts: Sequence[Decimal]) -> None:
        for part in parts:
            self._trade(order, part)

    def _trade_later(self, order: VenueOrder, parts: Sequence[Decimal]) -> None:
        wait_s = 0.0
        for part in parts:
            wait_s += self._random.uniform(0.5, 20)
            self._after(wait_s, lambda each=part: order.state in OPEN and self._trade(order, each))

    def _expire(self, order: VenueOrder) -> None:
        if order.state in OPEN:
            order.states.append((self._now_ms(), "EXPIRED"))

    def _trade(self, order: VenueOrder, quantity: Decimal) -> None:
        request, now_ms = order.request, self._now_ms()
        base, quote = request.symbol.split("/")
        is_buy = request.side == "BUY"
        price = self._price(request.symbol) if request.price is None else request.price
        fee, asset = self._fee(is_buy, base, quote, quantity, price)
        trade = Trade(len(self.trades) + 1, order.id, request.symbol, request.side, quantity, price, fee, asset, now_ms)
        self.trades.append(trade)
        order.trades.append(trade)
        sign = 1 if is_buy else -1
        self.balances[base] += sign * quantity
        self.balances[quote] -= sign * quantity * price
        self.balances[asset] -= fee
        is_done = order.filled == request.quantity
        order.states.append((now_ms, "FILLED" if is_done else "PARTIALLY_FILLED"))

    def _trade_after_cancel(self, order: VenueOrder) -> None:
        """Matched before the cancel, and told of after it."""
        self._trade(order, self._parts(order.request.quantity - order.filled)[0])
        order.states.append((self._now_ms(), "CANCELED"))

    def _fee(self, is_buy: bool, base: str, quote: str, quantity: Decimal, price: Decimal) -> tuple[Decimal, str]:
        if self._fees == "third":
            return quantity * price * FEE / 500, "BNB"
        if self._fees == "received" and is_buy:
            return quantity * FEE, base
        return quantity * price * FEE, quote
