"""An account's books against its venue: what a comparison says, and what is to be done about it. Pure.

Per asset, opening + Σ our ledger lines + Σ foreign trades = free + locked. An order of ours that lives at the venue
moves balances while we look: its assets tell nothing then. What differs counts once two looks in a row found the same.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from shared.domain.adopting import Adoption, Candidates, adoption, is_ours
from shared.domain.orders import IN_FLIGHT, TERMINAL, Order, OrderState
from shared.domain.values import ZERO
from shared.domain.venue import OrderRef, VenueOrder, VenueTrade, assets_of, moves

EVERY = timedelta(minutes=5)
RETRY = timedelta(seconds=10)
# A drift waits for a person; whether it is still there is asked less often.
DRIFT_EVERY = timedelta(minutes=2)
# Trades of the last moments before a look may not be listed yet, or not be in the balances.
LAG = timedelta(seconds=10)
# Foreign orders are asked for by their numbers, one call each: so many at a time.
NAMED_AT_ONCE = 20
# Venues round what a trade moves to eight decimals; our lines are exact.
UNIT = Decimal("1e-8")


@dataclass(frozen=True, slots=True, order=True)
class AccountKey:
    exchange: str
    account: str


class Verdict(StrEnum):
    CLEAN = "clean"
    DRIFT = "drift"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Sum:
    """Of what was booked in one asset, and in how many lines: each may have been rounded by the venue."""

    amount: Decimal = ZERO
    lines: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """One asset of which the venue has `found` where the books say `expected`."""

    asset: str
    expected: Decimal
    found: Decimal

    @property
    def amount(self) -> Decimal:
        return self.found - self.expected


@dataclass(frozen=True, slots=True)
class Drift:
    """What does not agree. `strays`: orders whose ids have our form, and that no bot of the record can have sent."""

    differences: tuple[Difference, ...] = ()
    strays: tuple[VenueOrder, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.differences or self.strays)

    @property
    def assets(self) -> frozenset[str]:
        return frozenset(each.asset for each in self.differences)

    @property
    def stray_refs(self) -> frozenset[OrderRef]:
        return frozenset(each.ref for each in self.strays)


NO_DRIFT = Drift()


@dataclass(frozen=True, slots=True)
class Revision:
    """Equal at two moments where nothing of ours has moved the account between them."""

    newest_fill: int = 0
    live: frozenset[tuple[str, OrderState, int, Decimal]] = frozenset()


@dataclass(frozen=True, slots=True)
class Books:
    """What the record says of an account at one moment.

    `read_at` is the database's clock; `explained_until` the venue's: every trade before it is in the sums.
    `version` rises with every conclusion and acceptance.
    `quotes`: what its bots reckon in.
    `suspected` was found by the last look alone, `confirmed` is the drift that holds entries.
    """

    read_at: datetime
    revision: Revision
    explained_until: datetime
    version: int = 0
    openings: Mapping[str, Decimal] = field(default_factory=dict)
    booked: Mapping[str, Sum] = field(default_factory=dict)
    live: tuple[Order, ...] = ()
    symbols: frozenset[str] = frozenset()
    quotes: frozenset[str] = frozenset()
    suspected: Drift = NO_DRIFT
    confirmed: Drift = NO_DRIFT

    @property
    def wants_trades(self) -> bool:
        """Where the balances agree, trades would tell nothing new: they are asked for to explain what does not, and
        before an opening would take in what an order of ours has moved."""
        return bool(self.suspected or self.confirmed or self.assets - self.openings.keys())

    @property
    def assets(self) -> frozenset[str]:
        """Those that our trading concerns; of others the account may hold what it likes."""
        traded = {asset for symbol in self.symbols for asset in assets_of(symbol)}
        return frozenset(traded | self.quotes | self.booked.keys() | self.openings.keys())


@dataclass(frozen=True, slots=True)
class Look:
    """What the venue says, in the order in which it was asked. `named`: orders asked for by a trade's number.

    `at` is the venue's clock before the first question. `unnamed` counts the orders that there was no time to ask for.
    `starts_empty`: the account holds nothing that our orders did not bring.
    """

    at: datetime
    open_orders: tuple[VenueOrder, ...] = ()
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    trades: tuple[VenueTrade, ...] = ()
    named: tuple[VenueOrder, ...] = ()
    unnamed: int = 0
    starts_empty: bool = False

    @property
    def orders(self) -> dict[OrderRef, VenueOrder]:
        """What was asked for last is the newest."""
        return {each.ref: each for each in (*self.open_orders, *self.named)}


@dataclass(frozen=True, slots=True)
class Known:
    """What the record has of that which a look showed.

    `orders`: ours, found by either id. `external`: orders that are known not to be followed. `trades`: those recorded
    already, as fills or as foreign. `settled_by_hand`: ours, whose fills a person has told.
    """

    orders: tuple[Order, ...] = ()
    external: frozenset[OrderRef] = frozenset()
    trades: frozenset[tuple[str, str]] = frozenset()
    settled_by_hand: frozenset[str] = frozenset()

    def order_of(self, ref: OrderRef, listed: VenueOrder | None) -> Order | None:
        for order in self.orders:
            is_named = listed is not None and order.client_order_id == listed.client_order_id
            if is_named or (order.symbol, order.exchange_order_id) == ref:
                return order
        return None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a look comes to. `follow`: orders of ours to look up; `adopt`: ours that the record lacks.

    `openings`: of assets without one so far. `external_trades` are new to the record, `external_orders` are all that
    were seen, of which those of `open_orders` rest. `why` says what an inconclusive look met. `explained_until` is set
    where everything agrees. `looked_at` and `open_orders` are None where the venue did not say.
    """

    verdict: Verdict
    looked_at: datetime | None = None
    drift: Drift = NO_DRIFT
    follow: tuple[Order, ...] = ()
    adopt: tuple[Adoption, ...] = ()
    openings: Mapping[str, Decimal] = field(default_factory=dict)
    external_orders: tuple[VenueOrder, ...] = ()
    external_trades: tuple[VenueTrade, ...] = ()
    open_orders: frozenset[OrderRef] | None = None
    why: str = ""
    explained_until: datetime | None = None


def unanswered(before: Books, why: str) -> Conclusion:
    """Of a look that the venue did not answer: nothing is known, and nothing forgotten."""
    return Conclusion(Verdict.INCONCLUSIVE, drift=before.suspected, why=why)


def unknown_orders(look: Look, known: Known) -> list[OrderRef]:
    """Behind trades that the record lacks: those that nobody has named yet, oldest first."""
    new = (trade for trade in look.trades if trade.ref not in known.trades)
    found, listed = dict.fromkeys(trade.order_ref for trade in new), look.orders
    return [
        ref for ref in found if ref not in listed and ref not in known.external and known.order_of(ref, None) is None
    ]


def strays(look: Look, known: Known) -> list[VenueOrder]:
    """Orders of our form that the record does not know, those that opened positions first."""
    found = [
        order
        for ref, order in look.orders.items()
        if is_ours(order.client_order_id) and ref not in known.external and known.order_of(ref, order) is None
    ]
    return sorted(found, key=lambda order: (order.side, order.at))


def concluded(before: Books, look: Look, known: Known, candidates: Candidates, after: Books) -> Conclusion:
    """What the venue's answers come to, against the books read before and after it was asked."""
    lost = strays(look, known)
    adoptions = tuple(found for each in lost if (found := adoption(each, candidates)) is not None)
    part = Conclusion(
        Verdict.INCONCLUSIVE,
        looked_at=look.at,
        drift=before.suspected,
        follow=_to_follow(look, known),
        adopt=adoptions,
        external_orders=_foreign_orders(look, known),
        open_orders=frozenset(each.ref for each in look.open_orders),
    )
    why = _unsettled(part, look, before.revision == after.revision)
    if why:
        return replace(part, why=why)
    return _compared(after, look, _foreign_trades(look, known, after.explained_until), tuple(lost), part)


def _unsettled(part: Conclusion, look: Look, is_stable: bool) -> str:
    """Why nothing can be compared yet; empty where it can.

    An exit whose position was lost as well finds its owner once the entry is back: that is another look's business.
    """
    if part.adopt or part.follow:
        return f"orders to look up: {len(part.adopt) + len(part.follow)}"
    if look.unnamed:
        return f"foreign orders to ask for: {look.unnamed}"
    return "" if is_stable else "the account traded while the venue was asked"


def _compared(
    books: Books, look: Look, foreign: tuple[VenueTrade, ...], ownerless: tuple[VenueOrder, ...], part: Conclusion
) -> Conclusion:
    books = replace(books, booked=_with(books.booked, foreign))
    moving = _moving(books)
    new = sorted(books.assets - books.openings.keys() - moving)
    openings = {asset: ZERO if look.starts_empty else _opening(books, look, asset) for asset in new}
    books = replace(books, openings={**books.openings, **openings})
    drift = Drift(tuple(_differences(books, look, moving)), ownerless)
    verdict, why = _judged(drift, books, moving)
    is_clean, is_known = verdict is Verdict.CLEAN, bool(drift)
    return replace(
        part,
        verdict=verdict,
        drift=drift if is_known or is_clean else _hidden(books.suspected, moving),
        openings=openings,
        external_trades=foreign,
        why=why,
        explained_until=_explained_until(books, look, moving, openings) if is_clean else None,
    )


def _explained_until(books: Books, look: Look, moving: Collection[str], new: Collection[str]) -> datetime:
    """What came before it explains nothing any more. Where an asset could not be compared, a trade that moved it may
    still be unknown: it is to be found by the look that can. A new opening has all in it that came before."""
    is_whole = bool(new) or books.openings.keys().isdisjoint(moving)
    return look.at - LAG if is_whole else books.explained_until


def _opening(books: Books, look: Look, asset: str) -> Decimal:
    return look.balances.get(asset, ZERO) - books.booked.get(asset, Sum()).amount


def _judged(drift: Drift, books: Books, moving: Collection[str]) -> tuple[Verdict, str]:
    if drift:
        is_seen_again = any(_is_same(drift, earlier, books) for earlier in (books.suspected, books.confirmed))
        return (Verdict.DRIFT, "") if is_seen_again else (Verdict.INCONCLUSIVE, "a difference, to be looked at again")
    flying = sum(order.state in IN_FLIGHT for order in books.live)
    if flying:
        return Verdict.INCONCLUSIVE, f"orders in flight: {flying}"
    # What differed is not settled by not being able to look.
    hidden = sorted(_hidden(books.suspected, moving).assets | _hidden(books.confirmed, moving).assets)
    if hidden:
        return Verdict.INCONCLUSIVE, f"orders are live on {', '.join(hidden)}"
    return Verdict.CLEAN, ""


def _hidden(drift: Drift, moving: Collection[str]) -> Drift:
    return Drift(tuple(each for each in drift.differences if each.asset in moving))


def _is_same(found: Drift, earlier: Drift, books: Books) -> bool:
    if (found.assets, found.stray_refs) != (earlier.assets, earlier.stray_refs):
        return False
    amounts = {each.asset: each.amount for each in earlier.differences}
    return all(abs(each.amount - amounts[each.asset]) <= _slack(books, each.asset) for each in found.differences)


def _differences(books: Books, look: Look, moving: Collection[str]) -> Iterator[Difference]:
    for asset, opening in sorted(books.openings.items()):
        expected = opening + books.booked.get(asset, Sum()).amount
        found = look.balances.get(asset, ZERO)
        if asset not in moving and abs(found - expected) > _slack(books, asset):
            yield Difference(asset, expected, found)


def _slack(books: Books, asset: str) -> Decimal:
    return UNIT * (books.booked.get(asset, Sum()).lines + 1)


def _moving(books: Books) -> frozenset[str]:
    """Assets that an order of ours may be moving at this moment: its two, and whatever fees are taken in."""
    sent = [order for order in books.live if order.state is not OrderState.PLANNED]
    if not sent:
        return frozenset()
    pairs = {asset for order in sent for asset in assets_of(order.symbol)}
    traded = {asset for symbol in books.symbols for asset in assets_of(symbol)}
    taken = {order.fee_currency for order in sent if order.fee_currency is not None}
    return frozenset(pairs | taken | (books.assets - traded))


def _to_follow(look: Look, known: Known) -> tuple[Order, ...]:
    """Orders of ours with a trade that the record lacks, or that the venue has and the record never sent."""
    found: dict[str, Order] = {}
    listed = look.orders
    for trade in look.trades:
        order = known.order_of(trade.order_ref, listed.get(trade.order_ref))
        if order is not None and trade.ref not in known.trades:
            found[order.client_order_id] = order
    for ref, each in listed.items():
        order = known.order_of(ref, each)
        if order is not None and (order.state is OrderState.PLANNED or _has_gone_on(order, each)):
            found[order.client_order_id] = order
    return tuple(each for name, each in found.items() if name not in known.settled_by_hand)


def _has_gone_on(order: Order, listed: VenueOrder) -> bool:
    return order.state in TERMINAL and order.filled < listed.filled


def _is_foreign(ref: OrderRef, listed: VenueOrder, known: Known) -> bool:
    return ref in known.external or (not is_ours(listed.client_order_id) and known.order_of(ref, listed) is None)


def _foreign_orders(look: Look, known: Known) -> tuple[VenueOrder, ...]:
    """Of others: labelled, shown, and never touched."""
    return tuple(each for ref, each in look.orders.items() if _is_foreign(ref, each, known))


def _foreign_trades(look: Look, known: Known, since: datetime) -> tuple[VenueTrade, ...]:
    """New to the record, and not yet in its sums."""
    refs = {each.ref for each in _foreign_orders(look, known)} | known.external
    return tuple(
        trade
        for trade in look.trades
        if trade.order_ref in refs and trade.ref not in known.trades and trade.at >= since
    )


def _with(booked: Mapping[str, Sum], trades: Iterable[VenueTrade]) -> dict[str, Sum]:
    found = defaultdict(Sum, booked)
    for trade in trades:
        for asset, amount in moves(trade):
            found[asset] = Sum(found[asset].amount + amount, found[asset].lines + 1)
    return dict(found)
