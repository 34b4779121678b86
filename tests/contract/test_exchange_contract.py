"""What every `Exchange` promises: the live path, paper, and the fake that cycles are tested with."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.exchange_paper import ExchangePaper
from shared.adapters.ledger_sql.connections import engine
from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import OrderUnknown, Throttled, Unclear
from shared.domain.orders import OrderState, OrderType, Permit, Side
from shared.domain.values import ZERO, round_down
from shared.ports import Exchange
from tests.fakes_exchange import FakeExchange
from tests.support.exchanges import an_order, ccxt_exchange, exchange_settings
from tests.support.simulator import SimulatorHandle, running_simulator

BTC = "BTC/USDT"
QUANTITY = Decimal("0.01")
OKX_FEE_FRAC = Decimal("0.0015")  # As ccxt has it, of those without a discount.


@dataclass(frozen=True, slots=True)
class Venue:
    """`fee_frac` is charged, `listed_fee_frac` is what the market says; OKX knows no least worth of an order."""

    exchange: Exchange
    set_price: Callable[[str], None]
    fee_frac: Decimal = Decimal("0.001")
    listed_fee_frac: Decimal = Decimal("0.001")
    has_min_notional: bool = True


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorHandle]:
    with running_simulator(tmp_path_factory.mktemp("simulator")) as handle:
        yield handle


@pytest.fixture(params=["ccxt", "ccxt on okx", "paper", "paper on okx", "fake"])
def venue(request: pytest.FixtureRequest) -> Iterator[Venue]:
    if request.param == "fake":
        yield _fake()
        return
    handle: SimulatorHandle = request.getfixturevalue("simulator")
    handle.reset()
    kind, _, name = request.param.partition(" on ")
    exchange = ccxt_exchange(exchange_settings(handle.url, request.getfixturevalue("redis_url")), name or "binance")
    set_price = partial(handle.pin, "BTCUSDT")
    set_price("50000")
    terms: dict[str, Any] = {"listed_fee_frac": OKX_FEE_FRAC, "has_min_notional": False} if name else {}
    if kind == "ccxt":
        yield Venue(exchange, set_price, **terms)
        return
    books = engine(request.getfixturevalue("database_url"))
    paid: dict[str, Any] = {"fee_frac": OKX_FEE_FRAC} if name else {}
    yield Venue(ExchangePaper(exchange, books, SystemClock(), recv_window_ms=5000), set_price, **terms, **paid)
    books.dispose()


def _fake() -> Venue:
    fake = FakeExchange()

    def set_price(price: str) -> None:
        fake.set_price(BTC, price, bid=str(Decimal(price) - 1), ask=str(Decimal(price) + 1))

    set_price("50000")
    first = Timeframe.M1.last_closed_open_ms(fake.clock_ms) - 9 * Timeframe.M1.ms
    fake.set_candles(BTC, Candles.from_rows(Timeframe.M1, [[first + i * 60_000, 1, 2, 1, 2, 3] for i in range(10)]))
    return Venue(fake, set_price)


def test_the_clock_never_runs_backwards(venue: Venue) -> None:
    first = venue.exchange.now_ms()
    assert venue.exchange.now_ms() >= first > 1_600_000_000_000


def test_a_market_says_what_it_takes(venue: Venue) -> None:
    market = venue.exchange.markets()[BTC]
    assert (market.exchange, market.base, market.quote) == (venue.exchange.name, "BTC", "USDT")
    assert market.is_active
    assert min(market.lot_step, market.price_tick, market.min_quantity) > 0
    assert (market.min_notional > 0) is venue.has_min_notional
    assert market.taker_fee_frac == venue.listed_fee_frac


def test_candles_start_where_asked_and_are_whole(venue: Venue) -> None:
    # Given
    open_ms = Timeframe.M1.last_closed_open_ms(venue.exchange.now_ms())
    # When
    candles = venue.exchange.candles(BTC, Timeframe.M1, open_ms - 4 * 60_000, 3)
    # Then
    assert list(candles.opens_ms) == [open_ms - n * 60_000 for n in (4, 3, 2)]
    assert all(high >= low > 0 for high, low in zip(candles.high, candles.low, strict=True))


def test_a_symbol_without_a_quote_is_absent_from_the_tickers(venue: Venue) -> None:
    tickers = venue.exchange.tickers([BTC, "NO/SUCH"])
    assert set(tickers) == {BTC}
    assert tickers[BTC].bid <= tickers[BTC].last <= tickers[BTC].ask


def test_nothing_asked_is_nothing_answered(venue: Venue) -> None:
    assert venue.exchange.tickers([]) == {}


def test_a_market_buy_pays_the_ask_and_its_fee_in_what_it_gets(venue: Venue) -> None:
    # Given
    ask = venue.exchange.tickers([BTC])[BTC].ask
    order = an_order(quantity=QUANTITY)
    # When
    report = venue.exchange.submit(order, venue.exchange.permit(order))
    # Then
    assert (report.client_order_id, report.state, report.filled) == (
        order.client_order_id,
        OrderState.FILLED,
        QUANTITY,
    )
    assert report.fills is not None
    assert all(fill.price >= ask and fill.fee_currency == "BTC" for fill in report.fills)
    assert sum(fill.fee for fill in report.fills) == QUANTITY * venue.fee_frac
    assert report.average_price == sum(fill.price * fill.quantity for fill in report.fills) / QUANTITY


def test_a_market_sell_gets_the_bid_and_pays_its_fee_in_quote(venue: Venue) -> None:
    bid = venue.exchange.tickers([BTC])[BTC].bid
    order = an_order(quantity=QUANTITY, side=Side.SELL)
    report = venue.exchange.submit(order, venue.exchange.permit(order))
    assert report.fills
    for fill in report.fills:
        assert fill.price <= bid
        assert (fill.fee_currency, fill.side, fill.account) == ("USDT", Side.SELL, venue.exchange.account)
        assert fill.fee == fill.price * fill.quantity * venue.fee_frac


def test_a_look_up_says_what_the_submit_said(venue: Venue) -> None:
    # Given
    order = an_order(quantity=Decimal("0.2"))
    submitted = venue.exchange.submit(order, venue.exchange.permit(order))
    # When
    found = venue.exchange.report(order)
    # Then
    assert (found.state, found.filled, found.exchange_order_id) == (
        submitted.state,
        submitted.filled,
        submitted.exchange_order_id,
    )
    assert found.fills == submitted.fills
    assert tuple(venue.exchange.fills(order)) == submitted.fills


def test_an_unknown_order_is_unknown(venue: Venue) -> None:
    with pytest.raises(OrderUnknown):
        venue.exchange.report(an_order())
    with pytest.raises(OrderUnknown):
        venue.exchange.cancel(an_order())


def test_a_limit_order_rests_until_it_is_cancelled(venue: Venue) -> None:
    # Given
    order = an_order(type=OrderType.LIMIT, quantity=QUANTITY, price=Decimal(45_000))
    # When
    placed = venue.exchange.submit(order, venue.exchange.permit(order))
    cancelled = venue.exchange.cancel(order)
    # Then
    assert (placed.state, placed.filled, placed.fills) == (OrderState.ACKED, ZERO, ())
    assert (cancelled.state, cancelled.client_order_id) == (OrderState.CANCELED, order.client_order_id)
    assert venue.exchange.report(order).state is OrderState.CANCELED
    with pytest.raises(OrderUnknown):
        venue.exchange.cancel(order)


def test_what_has_filled_cannot_be_cancelled(venue: Venue) -> None:
    order = an_order(quantity=QUANTITY)
    venue.exchange.submit(order, venue.exchange.permit(order))
    with pytest.raises(OrderUnknown):
        venue.exchange.cancel(order)


def test_a_signature_that_is_too_old_places_nothing(venue: Venue) -> None:
    # Given
    order = an_order(quantity=QUANTITY)
    now = venue.exchange.permit(order)
    stale = Permit(now.signed_at_ms - 7_000, now.valid_until_ms - 7_000)
    # When
    with pytest.raises(Throttled):
        venue.exchange.submit(order, stale)
    # Then
    with pytest.raises(OrderUnknown):
        venue.exchange.report(order)


def test_an_open_order_sent_again_is_placed_once(venue: Venue) -> None:
    # Given
    order = an_order(type=OrderType.LIMIT, quantity=QUANTITY, price=Decimal(45_000))
    first = venue.exchange.submit(order, venue.exchange.permit(order))
    # When
    try:
        again = venue.exchange.submit(order, venue.exchange.permit(order))
    except Unclear:
        again = venue.exchange.report(order)
    # Then
    assert again.exchange_order_id == first.exchange_order_id


def test_a_permit_ends_within_the_window(venue: Venue) -> None:
    before = venue.exchange.now_ms()
    permit = venue.exchange.permit(an_order())
    assert before <= permit.signed_at_ms <= venue.exchange.now_ms()
    assert permit.valid_until_ms - permit.signed_at_ms == 5_000


def test_balances_move_by_the_fills(venue: Venue) -> None:
    # Given
    before = venue.exchange.balances()
    order = an_order(quantity=QUANTITY)
    # When
    report = venue.exchange.submit(order, venue.exchange.permit(order))
    after = venue.exchange.balances()
    # Then
    free_before = {asset: before[asset].free if asset in before else ZERO for asset in ("BTC", "USDT")}
    assert report.fills is not None
    assert after["BTC"].free - free_before["BTC"] == sum(fill.quantity - fill.fee for fill in report.fills)
    assert after["USDT"].free - free_before["USDT"] == -sum(fill.quantity * fill.price for fill in report.fills)


def test_an_order_larger_than_the_book_ends_with_what_it_got(venue: Venue) -> None:
    # Given
    order = an_order(quantity=Decimal(8), side=Side.SELL)
    if isinstance(venue.exchange, FakeExchange):
        venue.exchange.fill_next("0.25")
    # When
    report = venue.exchange.submit(order, venue.exchange.permit(order))
    # Then
    assert report.state is OrderState.EXPIRED
    assert ZERO < report.filled < order.quantity
    assert report.fills is not None
    assert sum(fill.quantity for fill in report.fills) == report.filled


def test_a_resting_order_fills_when_the_price_comes_to_it(venue: Venue) -> None:
    # Given
    order = an_order(type=OrderType.LIMIT, quantity=QUANTITY, price=Decimal(49_000))
    assert venue.exchange.submit(order, venue.exchange.permit(order)).state is OrderState.ACKED
    # When
    venue.set_price("48000")
    if isinstance(venue.exchange, FakeExchange):
        venue.exchange.fill(order.client_order_id, price="49000")
    # Then
    deadline = time.monotonic() + 5
    while (report := venue.exchange.report(order)).state is not OrderState.FILLED:
        assert time.monotonic() < deadline, report
    assert report.average_price == Decimal(49_000)


def test_what_the_markets_say_is_accepted_as_sent(venue: Venue) -> None:
    # Given
    market = venue.exchange.markets()[BTC]
    price = round_down(Decimal("49123.4567"), market.price_tick)
    order = an_order(type=OrderType.LIMIT, quantity=round_down(Decimal("0.0123456789"), market.lot_step), price=price)
    # When
    venue.exchange.submit(order, venue.exchange.permit(order))
    # Then
    assert venue.exchange.cancel(order).state is OrderState.CANCELED
