"""One order, position or market in trouble is its own: the rest are looked after as ever."""

from dataclasses import replace
from decimal import Decimal

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from shared.domain.bots import Desired, OnStop, stopped
from shared.domain.errors import Throttled
from shared.domain.events import EventType
from shared.domain.orders import OrderState, Purpose
from shared.domain.positions import PositionState
from tests.support.trading_desk import CROSS_UP, M1, Desk
from worker.cycles.portfolio import portfolio_cycle
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle


@pytest.fixture
def two(desk: Desk) -> Desk:
    """A bot whose strategies want to buy BTC and ETH."""
    desk.start()
    for symbol in ("BTC/USDT", "ETH/USDT"):
        desk.subscribe(symbol=symbol, stop_loss_pct=5)
        desk.show(CROSS_UP, symbol)
    return desk


def states(desk: Desk) -> dict[str, OrderState]:
    return {order.symbol: order.state for order in desk.orders()}


def flatten(desk: Desk) -> None:
    desk.change(lambda bot, holds: stopped(bot, OnStop.FLATTEN, holds, desk.now()), EventType.BOT_STOPPED)


def test_an_order_whose_market_is_gone_does_not_hold_up_the_others(two: Desk) -> None:
    two.venue.lose_reply(1)
    two.venue.lose_reply(2)
    two.tick()
    two.venue.delist("BTC/USDT")
    two.venue.advance(11)

    resolve_cycle(two.worker)

    assert states(two) == {"BTC/USDT": OrderState.UNKNOWN, "ETH/USDT": OrderState.FILLED}


def test_a_position_whose_market_is_gone_does_not_hold_up_a_flatten(two: Desk) -> None:
    two.tick()
    two.venue.delist("BTC/USDT")
    flatten(two)

    for _ in range(10):
        position_cycle(two.worker)

    held = {each.symbol: each.state for each in two.worker.services.queries.positions("default", None, 9, None).items}
    assert held["BTC/USDT"] is PositionState.OPEN
    assert held["ETH/USDT"] is not PositionState.OPEN


def test_one_exit_in_trouble_does_not_hold_up_the_other(two: Desk) -> None:
    two.tick()
    flatten(two)
    # The first exit's plan asks for the markets, and so does the second's.
    two.venue.fail("markets", RuntimeError("a defect of ours"))

    with pytest.raises(RuntimeError, match="a defect of ours"):
        position_cycle(two.worker)

    exits = [order for order in two.orders() if order.purpose is Purpose.EXIT]
    assert [(order.symbol, order.state) for order in exits] == [("ETH/USDT", OrderState.FILLED)]


@pytest.mark.parametrize("symbol", ["ADA/USDT", "BTC/USDT"])
def test_a_strategy_that_is_no_more_holds_up_neither_its_market_nor_others(two: Desk, symbol: str) -> None:
    (known, *_) = two.worker.services.bots.strategies("default")
    retired = replace(known, id="old", name="RetiredStrategy", symbol=symbol, timeframe=M1, group="old")
    two.worker.services.bots.add_strategy(retired)

    two.tick()

    assert states(two) == {"BTC/USDT": OrderState.FILLED, "ETH/USDT": OrderState.FILLED}


def test_one_market_that_stays_in_trouble_does_not_pause_the_fleet(two: Desk) -> None:
    two.venue.delist("BTC/USDT")

    for _ in range(12):
        two.show(CROSS_UP, "ETH/USDT")
        two.tick()
        two.next_candle()

    vitals = two.worker.services.state.vitals("binance", two.worker.services.clock.now())
    assert two.bot().desired is Desired.RUNNING
    assert (vitals.consecutive_errors, vitals.error_counts) == (0, {"ExchangeDown": 12})


def test_ticks_that_run_out_of_time_do_not_pause_the_fleet(two: Desk) -> None:
    # Given a machine that is too slow for what it is asked
    two.tick()
    two.venue.fail("tickers", SoftTimeLimitExceeded(), times=12)

    for _ in range(12):
        with pytest.raises(SoftTimeLimitExceeded):
            position_cycle(two.worker)

    assert two.bot().desired is Desired.RUNNING


def test_exits_are_resolved_before_entries(two: Desk) -> None:
    # Given an entry put off before an exit was
    two.venue.fail("permit", Throttled("no budget"), call=2)
    two.tick()
    (bought, put_off) = reversed(two.orders())
    two.venue.fail("permit", Throttled("no budget"))
    two.venue.set_price("BTC/USDT", "100")
    position_cycle(two.worker)
    assert [order.state for order in two.orders()[:2]] == [OrderState.PLANNED, OrderState.PLANNED]

    # When
    two.venue.advance(3)
    resolve_cycle(two.worker)

    # Then
    sold = two.orders()[0]
    assert sold.purpose is Purpose.EXIT
    assert two.venue.placements == [each.client_order_id for each in (bought, sold, put_off)]


def test_what_is_not_quoted_any_more_is_marked_at_its_last_price(two: Desk) -> None:
    two.tick()
    two.venue.delist("BTC/USDT")
    two.venue.set_price("ETH/USDT", "220")

    portfolio_cycle(two.worker)

    marked = two.sql("SELECT positions_value FROM equity")
    held = Decimal("9.0818091")  # 1,000 of quote at 110, down to the lot, less the fee.
    assert marked == [(held * (110 + 220),)]


def test_nothing_that_was_bought_on_another_account_is_moved_on_this_one(two: Desk) -> None:
    # Given positions, and an exit that waits to be sent
    two.tick()
    two.venue.fail("permit", Throttled("no budget"))
    two.venue.set_price("BTC/USDT", "1")
    position_cycle(two.worker)
    two.venue.placements.clear()

    # When the system is started again for the money of another account, and everything is to be sold
    two.venue.account = "paper"
    two.venue.set_price("ETH/USDT", "1")
    flatten(two)
    position_cycle(two.worker)
    two.venue.advance(10)
    resolve_cycle(two.worker)
    two.show(CROSS_UP)
    two.next_candle()
    two.tick()

    # Then nothing leaves
    assert two.venue.placements == []
