"""What an order gets from a book, against numbers worked out by hand, and bounds that hold for any book."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.exchange_paper.matching import (
    Book,
    Trade,
    broken_filter,
    fee,
    reached,
    state_after,
    taken,
)
from shared.domain.orders import OrderState
from shared.domain.values import ZERO, OrderType, Side
from tests.builders import a_market


def levels(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


BOOK = Book(bids=levels(("99", "1"), ("98", "2")), asks=levels(("101", "1"), ("103", "2")))


def trades(*pairs: tuple[str, str]) -> list[Trade]:
    return [Trade(price, quantity) for price, quantity in levels(*pairs)]


def test_a_buy_walks_up_the_asks() -> None:
    assert taken(Side.BUY, Decimal("1.5"), None, BOOK) == trades(("101", "1"), ("103", "0.5"))


def test_a_sell_walks_down_the_bids() -> None:
    assert taken(Side.SELL, Decimal("1.5"), None, BOOK) == trades(("99", "1"), ("98", "0.5"))


def test_a_thin_book_gives_what_it_has() -> None:
    assert taken(Side.BUY, Decimal(10), None, BOOK) == trades(("101", "1"), ("103", "2"))


def test_a_limit_is_never_passed() -> None:
    assert taken(Side.BUY, Decimal(10), Decimal(102), BOOK) == trades(("101", "1"))
    assert taken(Side.SELL, Decimal(10), Decimal(99), BOOK) == trades(("99", "1"))
    assert taken(Side.BUY, Decimal(10), Decimal(100), BOOK) == []


def test_an_order_that_rests_trades_at_its_own_price() -> None:
    assert reached(Side.BUY, Decimal(2), Decimal(102), BOOK) == trades(("102", "1"))
    assert reached(Side.SELL, Decimal("0.4"), Decimal(98), BOOK) == trades(("98", "0.4"))
    assert reached(Side.BUY, Decimal(2), Decimal(100), BOOK) == []


@pytest.mark.parametrize(
    ("type_", "filled", "state"),
    [
        (OrderType.MARKET, "1", OrderState.FILLED),
        (OrderType.MARKET, "0.5", OrderState.EXPIRED),
        (OrderType.MARKET, "0", OrderState.EXPIRED),
        (OrderType.LIMIT, "1", OrderState.FILLED),
        (OrderType.LIMIT, "0.5", OrderState.PARTIALLY_FILLED),
        (OrderType.LIMIT, "0", OrderState.ACKED),
    ],
)
def test_what_is_left_of_an_order_decides_its_state(type_: OrderType, filled: str, state: OrderState) -> None:
    assert state_after(type_, Decimal(1), Decimal(filled)) is state


def test_a_fee_is_taken_from_what_is_received() -> None:
    market = a_market(taker_fee_frac=Decimal("0.001"), maker_fee_frac=Decimal("0.0005"))
    trade = Trade(Decimal(100), Decimal(2))
    assert fee(Side.BUY, trade, market, is_maker=False) == (Decimal("0.002"), "BTC")
    assert fee(Side.SELL, trade, market, is_maker=False) == (Decimal("0.2"), "USDT")
    assert fee(Side.SELL, trade, market, is_maker=True) == (Decimal("0.1"), "USDT")


@pytest.mark.parametrize(
    ("quantity", "price", "broken"),
    [
        ("1", None, None),
        ("0.0015", None, "LOT_SIZE"),
        ("0.0001", None, "LOT_SIZE"),
        ("0", None, "LOT_SIZE"),
        ("1", "100.001", "PRICE_FILTER"),
        ("1", "-1", "PRICE_FILTER"),
        ("0.049", None, "NOTIONAL"),
        ("0.05", None, None),
        ("0.05", "99", "NOTIONAL"),
    ],
)
def test_a_market_takes_only_what_its_filters_let_through(quantity: str, price: str | None, broken: str | None) -> None:
    market = a_market(lot_step=Decimal("0.001"), min_notional=Decimal(5))
    assert broken_filter(Decimal(quantity), price and Decimal(price), Decimal(100), market) == broken


amounts = st.decimals("0.001", "50", places=3)
sides = st.sampled_from(Side)


@st.composite
def books(draw: st.DrawFn) -> Book:
    prices = st.lists(st.integers(1, 99), unique=True, max_size=6)
    bids = sorted(draw(prices), reverse=True)
    asks = sorted(100 + price for price in draw(prices))
    return Book(*(tuple((Decimal(price), draw(amounts)) for price in side) for side in (bids, asks)))


@given(sides, amounts, st.none() | st.integers(1, 200).map(Decimal), books())
def test_nothing_is_bought_that_is_not_offered_nor_at_a_worse_price(
    side: Side, quantity: Decimal, limit: Decimal | None, book: Book
) -> None:
    # When
    got = taken(side, quantity, limit, book)
    # Then
    acceptable = {at: amount for at, amount in book.facing(side) if limit is None or is_as_good(side, at, limit)}
    assert all(trade.quantity <= acceptable[trade.price] for trade in got)
    assert sum((trade.quantity for trade in got), ZERO) == min(quantity, sum(acceptable.values(), ZERO))


def is_as_good(side: Side, at: Decimal, limit: Decimal) -> bool:
    return at <= limit if side is Side.BUY else at >= limit
