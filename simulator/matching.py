"""Who gets what: orders against a book. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from simulator.book import Book, Quote
from simulator.errors import Reason, Refused
from simulator.orders import ZERO, NewOrder, OrderType, Side, Status, TimeInForce


@dataclass(frozen=True, slots=True)
class Fill:
    price: Decimal
    qty: Decimal

    @property
    def notional(self) -> Decimal:
        return self.price * self.qty


@dataclass(frozen=True, slots=True)
class Match:
    """What an order meets on arrival; `qty` is what it asked for in base (of a quote amount: what that came to)."""

    fills: tuple[Fill, ...]
    status: Status
    qty: Decimal


def match(order: NewOrder, book: Book) -> Match:
    """Takes liquidity at once. Raises where the venue refuses instead (a maker order that would take)."""
    quotes = book.asks if order.side is Side.BUY else book.bids
    if order.quantity is None:
        assert order.quote_quantity is not None
        fills, has_rest = take_quote(quotes, order.quote_quantity, order.symbol.step)
        if not fills:
            raise Refused(Reason.TOO_SMALL)
        return Match(fills, Status.EXPIRED if has_rest else Status.FILLED, _total(fills))
    fills = take(reachable(quotes, order.side, order.price), order.quantity)
    if order.type is OrderType.LIMIT_MAKER and fills:
        raise Refused(Reason.WOULD_TAKE)
    is_whole = _total(fills) == order.quantity
    if order.time_in_force is TimeInForce.FOK and not is_whole:
        return Match((), Status.EXPIRED, order.quantity)
    return Match(fills, _status(order, is_whole, bool(fills)), order.quantity)


def _status(order: NewOrder, is_whole: bool, is_part: bool) -> Status:
    if is_whole:
        return Status.FILLED
    if order.type is OrderType.MARKET or order.time_in_force is not TimeInForce.GTC:
        return Status.EXPIRED
    return Status.PARTIALLY_FILLED if is_part else Status.NEW


def reachable(quotes: Iterable[Quote], side: Side, price: Decimal | None) -> list[Quote]:
    """The other side's quotes that an order of `side` at `price` (None: any) may take."""
    if price is None:
        return list(quotes)
    return [q for q in quotes if (q.price <= price if side is Side.BUY else q.price >= price)]


def take(quotes: Iterable[Quote], qty: Decimal) -> tuple[Fill, ...]:
    fills, rest = [], qty
    for quote in quotes:
        if rest <= 0:
            break
        part = min(rest, quote.qty)
        fills.append(Fill(quote.price, part))
        rest -= part
    return tuple(fills)


def take_quote(quotes: Iterable[Quote], amount: Decimal, step: Decimal) -> tuple[tuple[Fill, ...], bool]:
    """Fills worth at most `amount` of quote, on the lot grid; and whether the book ended before the amount did."""
    fills, rest = [], amount
    for quote in quotes:
        affordable = (rest / quote.price / step).to_integral_value(ROUND_DOWN) * step
        part = min(affordable, quote.qty)
        if part > 0:
            fills.append(Fill(quote.price, part))
            rest -= part * quote.price
        if part < quote.qty:
            return tuple(fills), False
    return tuple(fills), True


def is_beyond(side: Side, price: Decimal, extreme: Decimal) -> bool:
    """Whether the market's `extreme` price never came to a resting order's: cheap, and true of most."""
    return extreme > price if side is Side.BUY else extreme < price


def crossed(side: Side, price: Decimal, book_at_extreme: Book, remaining: Decimal) -> Fill | None:
    """What a resting order gets when the market has been where `book_at_extreme` stands; at its own price."""
    quotes = book_at_extreme.asks if side is Side.BUY else book_at_extreme.bids
    available = sum((q.qty for q in reachable(quotes, side, price)), ZERO)
    return Fill(price, min(available, remaining)) if available > 0 else None


def _total(fills: Iterable[Fill]) -> Decimal:
    return sum((fill.qty for fill in fills), ZERO)
