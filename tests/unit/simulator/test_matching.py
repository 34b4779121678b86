"""Orders against a book made by hand, and settlement by example and by sum."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.book import Book, Quote, book
from simulator.errors import Refused
from simulator.matching import Fill, crossed, match, take, take_quote
from simulator.orders import NewOrder, OrderType, Side, Status, TimeInForce
from simulator.settlement import Change, Commission, Means, commission, made, taken
from simulator.symbols import SYMBOLS

BTC = SYMBOLS["BTCUSDT"]
HAND = Book(
    bids=(Quote(D(99), D(1)), Quote(D(98), D(2))),
    asks=(Quote(D(101), D(1)), Quote(D(102), D(2)), Quote(D(103), D(4))),
)
NOBODY = Means(worth=lambda asset, quote: None, free=lambda asset: D(0))


def order(side: Side, qty: str | None, price: str | None = None, **changes: object) -> NewOrder:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    fields: dict[str, object] = {
        "symbol": BTC,
        "side": side,
        "type": kind,
        "time_in_force": TimeInForce.GTC,
        "client_order_id": "x",
        "quantity": D(qty) if qty else None,
        "quote_quantity": None,
        "price": D(price) if price else None,
        **changes,
    }
    return NewOrder(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "status", "fills"),
    [
        (order(Side.BUY, "0.5"), Status.FILLED, [(101, "0.5")]),
        (order(Side.BUY, "2"), Status.FILLED, [(101, "1"), (102, "1")]),
        (order(Side.SELL, "2"), Status.FILLED, [(99, "1"), (98, "1")]),
        (order(Side.SELL, "5"), Status.EXPIRED, [(99, "1"), (98, "2")]),
        (order(Side.BUY, "1", "100"), Status.NEW, []),
        (order(Side.BUY, "2", "101"), Status.PARTIALLY_FILLED, [(101, "1")]),
        (order(Side.BUY, "2", "102"), Status.FILLED, [(101, "1"), (102, "1")]),
        (order(Side.SELL, "1", "99"), Status.FILLED, [(99, "1")]),
        (order(Side.BUY, "2", "101", time_in_force=TimeInForce.IOC), Status.EXPIRED, [(101, "1")]),
        (order(Side.BUY, "2", "101", time_in_force=TimeInForce.FOK), Status.EXPIRED, []),
        (order(Side.BUY, "1", "101", time_in_force=TimeInForce.FOK), Status.FILLED, [(101, "1")]),
        (order(Side.BUY, "1", "100", type=OrderType.LIMIT_MAKER), Status.NEW, []),
        (order(Side.BUY, None, quote_quantity=D(203)), Status.FILLED, [(101, "1"), (102, "1")]),
        (order(Side.SELL, None, quote_quantity=D(1_000)), Status.EXPIRED, [(99, "1"), (98, "2")]),
    ],
)
def test_an_order_takes_what_its_kind_allows(request_: NewOrder, status: Status, fills: list[tuple[int, str]]) -> None:
    result = match(request_, HAND)
    assert result.status is status
    assert [(fill.price, fill.qty) for fill in result.fills] == [(D(price), D(qty)) for price, qty in fills]


def test_a_maker_order_that_would_take_is_refused() -> None:
    with pytest.raises(Refused, match="would take"):
        match(order(Side.BUY, "1", "101", type=OrderType.LIMIT_MAKER), HAND)


def test_an_amount_too_small_for_one_lot_is_refused() -> None:
    with pytest.raises(Refused, match="less than one lot"):
        match(order(Side.BUY, None, quote_quantity=D("0.0001")), HAND)


@given(qty=st.decimals("0.00001", "10", places=5))
def test_never_more_is_taken_than_asked_or_there(qty: D) -> None:
    fills = take(HAND.asks, qty)
    assert sum(fill.qty for fill in fills) == min(qty, D(7))


@given(amount=st.decimals("2", "1000", places=2))
def test_never_more_quote_is_spent_than_given(amount: D) -> None:
    fills, is_beyond = take_quote(HAND.asks, amount, BTC.step)
    spent = sum(fill.notional for fill in fills)
    assert spent <= amount
    assert is_beyond or amount - spent < fills[-1].price * BTC.step + D(103) * BTC.step


@pytest.mark.parametrize(
    ("side", "price", "remaining", "filled"),
    [("BUY", "102", "10", "3"), ("BUY", "102", "2", "2"), ("BUY", "100", "1", None), ("SELL", "98", "10", "3")],
)
def test_a_crossed_order_gets_the_depth_beyond_its_price(
    side: str, price: str, remaining: str, filled: str | None
) -> None:
    fill = crossed(Side(side), D(price), HAND, D(remaining))
    assert fill == (Fill(D(price), D(filled)) if filled else None)


def test_commission_is_taken_from_what_is_received() -> None:
    fill = Fill(D(50_000), D("0.2"))
    assert commission(BTC, Side.BUY, fill, D("0.001"), "received", NOBODY) == Commission(D("0.00020000"), "BTC")
    assert commission(BTC, Side.SELL, fill, D("0.001"), "received", NOBODY) == Commission(D("10"), "USDT")


def test_commission_in_another_asset_needs_a_price_and_a_balance() -> None:
    fill = Fill(D(50_000), D("0.2"))
    rich = Means(worth=lambda asset, quote: D(500), free=lambda asset: D("0.02"))
    short = Means(worth=lambda asset, quote: D(500), free=lambda asset: D("0.01999999"))
    assert commission(BTC, Side.BUY, fill, D("0.001"), "BNB", rich) == Commission(D("0.02"), "BNB")
    assert commission(BTC, Side.BUY, fill, D("0.001"), "BNB", short).asset == "BTC"
    assert commission(BTC, Side.BUY, fill, D("0.001"), "XYZ", NOBODY).asset == "BTC"


@pytest.mark.parametrize("settle", [taken, made])
@pytest.mark.parametrize("side", list(Side))
def test_a_fill_exchanges_base_for_quote(settle: object, side: Side) -> None:
    changes: list[Change] = settle(BTC, side, Fill(D(100), D(2)))  # type: ignore[operator]
    sign = 1 if side is Side.BUY else -1
    assert {change.asset: change.free + change.locked for change in changes} == {"BTC": sign * 2, "USDT": -sign * 200}


@given(second=st.integers(0, 2_000_000_000), mid=st.integers(1, 10**8), name=st.sampled_from(list(SYMBOLS)))
def test_a_book_is_pure_sorted_and_brackets_its_price(second: int, mid: int, name: str) -> None:
    symbol = SYMBOLS[name]
    made_book = book(7, symbol, second, mid)
    assert made_book == book(7, symbol, second, mid)
    bids, asks = [q.price for q in made_book.bids], [q.price for q in made_book.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert asks[0] > symbol.price(mid)
    assert all(0 < bid < symbol.price(mid) for bid in bids)
    assert all(q.qty > 0 and q.qty % symbol.step == 0 for q in (*made_book.bids, *made_book.asks))
