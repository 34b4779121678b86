"""Positions: watched, left once, marked to the last digit."""

from decimal import Decimal

from shared.domain.bots import Desired, OnStop, PausedBy, paused, stopped
from shared.domain.errors import ExchangeDown, NotAsked
from shared.domain.events import EventType
from shared.domain.orders import OrderState
from shared.domain.positions import PositionState
from tests.fakes_exchange import FakeExchange
from tests.support.trading_desk import CROSS_UP, Desk
from worker.cycles.portfolio import portfolio_cycle
from worker.cycles.positions import position_cycle
from worker.cycles.upkeep import relay_cycle


def test_a_stop_hit_sells_the_position_once(desk: Desk) -> None:
    held = desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "104")

    position_cycle(desk.worker)
    position_cycle(desk.worker)

    exit_order = desk.orders()[0]
    assert (exit_order.reason, exit_order.state) == ("stop_loss", OrderState.FILLED)
    assert exit_order.position_id == held.id
    assert len(desk.venue.placements) == 2
    assert desk.position().state is PositionState.CLOSED or desk.position().state is PositionState.DUST


def test_a_stop_waits_for_no_exchange_where_nothing_is_held(desk: Desk) -> None:
    # Given a position, and another exchange that comes first and does not answer
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "104")
    sold_before_it_was_asked: list[int] = []

    class Silent(FakeExchange):
        name = "okx"

        def now_ms(self) -> int:
            sold_before_it_was_asked.append(len(desk.venue.placements))
            raise ExchangeDown("no answer")

    desk.worker.exchanges = {"okx": Silent(), **desk.worker.exchanges}
    # When
    position_cycle(desk.worker)
    # Then
    assert sold_before_it_was_asked == [2]
    assert desk.orders()[0].state is OrderState.FILLED


def test_a_trailing_stop_follows_the_price_up_and_never_down(desk: Desk) -> None:
    desk.enter(trailing_stop_pct=5)
    for price in ("120", "118"):
        desk.venue.set_price("BTC/USDT", price)
        position_cycle(desk.worker)
    assert desk.position().high_water == Decimal(120)

    desk.venue.set_price("BTC/USDT", "113.9")
    position_cycle(desk.worker)

    assert desk.orders()[0].reason == "trailing_stop"


def test_an_exit_goes_on_while_the_bot_is_paused_and_an_entry_does_not(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.subscribe(symbol="ETH/USDT")
    desk.change(lambda bot, _: paused(bot, PausedBy.USER, "", desk.now()), EventType.BOT_PAUSED)
    desk.show(CROSS_UP, "ETH/USDT")
    desk.venue.set_price("BTC/USDT", "100")

    desk.tick()
    position_cycle(desk.worker)

    assert [order.symbol for order in desk.orders()] == ["BTC/USDT", "BTC/USDT"]
    assert desk.sql("SELECT denial FROM decisions WHERE symbol = 'ETH/USDT'") == [("paused",)]


def test_flatten_sells_everything_and_then_says_stopped(desk: Desk) -> None:
    desk.enter()
    bot = desk.change(lambda bot, holds: stopped(bot, OnStop.FLATTEN, holds, desk.now()), EventType.BOT_STOPPED)
    assert bot.observed == "stopping"

    position_cycle(desk.worker)

    assert desk.bot().observed == "stopped"
    assert desk.position().state is not PositionState.OPEN


def test_a_kept_position_of_a_stopped_bot_is_not_watched(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.change(lambda bot, holds: stopped(bot, OnStop.KEEP, holds, desk.now()), EventType.BOT_STOPPED)
    desk.venue.set_price("BTC/USDT", "50")

    position_cycle(desk.worker)

    assert desk.position().state is PositionState.OPEN


def test_the_books_agree_to_the_last_digit(desk: Desk) -> None:
    desk.enter()
    desk.venue.set_price("BTC/USDT", "123.45")

    portfolio_cycle(desk.worker)

    ((equity, cash, value, realised, unrealised, fees),) = desk.sql(
        "SELECT equity, cash, positions_value, realised, unrealised, fees FROM equity"
    )
    assert equity == Decimal(10000) + realised + unrealised - fees == cash + value  # type: ignore[operator]
    assert desk.sql("SELECT asset FROM ledger GROUP BY asset HAVING sum(amount) <> 0") == []


def test_ten_errors_in_a_row_pause_the_bot_and_exits_go_on(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.fail("now_ms", ExchangeDown("no answer"), times=10)
    for _ in range(10):
        position_cycle(desk.worker)
    assert (desk.bot().desired, desk.bot().paused_by) == (Desired.PAUSED, PausedBy.SYSTEM)

    desk.venue.set_price("BTC/USDT", "100")
    position_cycle(desk.worker)

    assert desk.position().state is not PositionState.OPEN


def test_every_event_leaves_once_in_order(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "100")
    position_cycle(desk.worker)

    relay_cycle(desk.worker)
    relay_cycle(desk.worker)

    published = desk.worker.services.bus.read(0, 10)
    assert [event.number for event in published] == list(range(1, len(published) + 1))
    kinds = [event.type for event in published]
    assert kinds.count(EventType.POSITION_OPENED) == kinds.count(EventType.POSITION_CLOSED) == 1
    assert kinds[0] is EventType.BOT_STARTED
    opened = published[kinds.index(EventType.POSITION_OPENED)].payload
    assert (opened["quantity"], opened["average_price"]) == ("9.0818091", "110")


def test_what_our_own_guard_holds_back_is_no_error_of_the_exchange(desk: Desk) -> None:
    desk.start()
    desk.venue.fail("now_ms", NotAsked("the breaker is open"), times=11)

    for _ in range(11):
        position_cycle(desk.worker)

    assert desk.bot().desired is Desired.RUNNING
    assert desk.worker.services.state.vitals("binance", desk.now()).consecutive_errors == 0
