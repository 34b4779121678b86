"""What every `Exchange` lists of its account: what reconciliation stands on."""

from decimal import Decimal

import pytest

from shared.domain.errors import OrderUnknown
from shared.domain.orders import OrderState, OrderType, Side
from tests.contract.test_exchange_contract import BTC, QUANTITY, Venue, simulator, venue
from tests.support.exchanges import an_order

__all__ = ["simulator", "venue"]


def test_what_rests_is_listed_until_it_rests_no_more(venue: Venue) -> None:
    # Given
    order = an_order(type=OrderType.LIMIT, quantity=QUANTITY, price=Decimal(45_000))
    placed = venue.exchange.submit(order, venue.exchange.permit(order))
    # When
    (listed,) = venue.exchange.open_orders()
    venue.exchange.cancel(order)
    # Then
    assert (listed.exchange_order_id, listed.client_order_id) == (placed.exchange_order_id, order.client_order_id)
    assert (listed.symbol, listed.side, listed.type) == (BTC, Side.BUY, "limit")
    assert (listed.quantity, listed.price, listed.filled) == (QUANTITY, Decimal(45_000), 0)
    assert listed.state is OrderState.ACKED
    assert list(venue.exchange.open_orders()) == []


def test_trades_since_are_those_of_every_order(venue: Venue) -> None:
    # Given
    before_ms = venue.exchange.now_ms()
    buy, sell = an_order(quantity=QUANTITY), an_order(quantity=QUANTITY, side=Side.SELL)
    reports = [venue.exchange.submit(order, venue.exchange.permit(order)) for order in (buy, sell)]
    # When
    trades = venue.exchange.trades_since(BTC, before_ms)
    # Then
    fills = [(fill, report.exchange_order_id) for report in reports for fill in report.fills or ()]
    assert [
        (each.trade_id, each.exchange_order_id, each.side, each.quantity, each.price, each.fee, each.fee_currency)
        for each in trades
    ] == [
        (fill.trade_id, number, fill.side, fill.quantity, fill.price, fill.fee, fill.fee_currency)
        for fill, number in fills
    ]
    assert {each.symbol for each in trades} == {BTC}


def test_earlier_trades_are_left_out(venue: Venue) -> None:
    order = an_order(quantity=QUANTITY)
    venue.exchange.submit(order, venue.exchange.permit(order))

    assert list(venue.exchange.trades_since(BTC, venue.exchange.now_ms() + 60_000)) == []


def test_a_market_without_trades_has_none(venue: Venue) -> None:
    assert list(venue.exchange.trades_since(BTC, 0)) == []
    assert list(venue.exchange.trades_since("NO/SUCH", 0)) == []


def test_a_number_tells_whose_order_it_is(venue: Venue) -> None:
    # Given
    order = an_order(quantity=QUANTITY)
    report = venue.exchange.submit(order, venue.exchange.permit(order))
    # When
    found = venue.exchange.order_by_exchange_id(BTC, report.exchange_order_id)
    # Then
    assert (found.client_order_id, found.state, found.filled) == (order.client_order_id, OrderState.FILLED, QUANTITY)
    assert (found.side, found.type, found.quantity) == (Side.BUY, "market", QUANTITY)


def test_a_number_that_no_order_has_is_unknown(venue: Venue) -> None:
    with pytest.raises(OrderUnknown):
        venue.exchange.order_by_exchange_id(BTC, "999999999")
