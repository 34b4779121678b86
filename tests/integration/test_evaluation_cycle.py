"""Strategy ticks: which candles are decided, by whom, and what comes of it."""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Any

from shared.domain.bots import MarketKey
from shared.domain.candles import Candles
from shared.domain.errors import ExchangeDown
from shared.domain.evaluating import GroupKey
from shared.domain.orders import OrderState
from shared.domain.positions import PositionState
from tests.support.trading_desk import CROSS_DOWN, CROSS_UP, M1, QUIET, Desk
from worker.cycles.positions import position_cycle
from worker.cycles.strategy import strategy_cycle
from worker.cycles.upkeep import markets_cycle


def test_a_cross_becomes_one_filled_order_and_an_open_position(desk: Desk) -> None:
    desk.cross()
    desk.tick()

    (order,) = desk.orders()
    assert order.state is OrderState.FILLED
    assert desk.venue.placements == [order.client_order_id]
    # 2 % of 10,000 at risk, no stop: 200 of quote at 110, down to the lot.
    assert order.quantity == Decimal("1.81818")
    # The fee was taken from the base received.
    assert desk.position().quantity == Decimal("1.81818") * Decimal("0.999")
    assert desk.position().state is PositionState.OPEN


def test_a_quiet_candle_leaves_its_reason_and_nothing_else(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(QUIET)

    desk.tick()

    (last,) = desk.worker.services.queries.last_evaluations("default")
    assert last.evaluation is not None
    assert "did not cross" in last.evaluation.reason
    assert desk.orders() == []
    assert desk.sql("SELECT count(*) FROM decisions") == [(0,)]


def test_a_candle_is_fetched_once_for_every_bot_on_it(desk: Desk) -> None:
    for bot_id in ("default", "second", "third"):
        desk.start(bot_id)
        desk.subscribe(bot_id)
    desk.show(CROSS_UP)

    desk.tick()

    assert desk.venue.calls["candles"] == 1
    assert len(desk.venue.placements) == 3


def test_a_strategy_added_later_is_evaluated_on_the_candle_the_others_have_decided(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(QUIET)
    desk.tick()

    desk.subscribe(name="RSIStrategy")
    desk.tick()

    assert all(last.evaluation for last in desk.worker.services.queries.last_evaluations("default"))


def test_a_lost_batch_is_due_again_at_the_next_tick(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    strategy_cycle(desk.worker)
    desk.queue.batches.clear()

    desk.tick()

    assert len(desk.venue.placements) == 1


def test_losing_redis_between_two_ticks_changes_nothing(desk: Desk) -> None:
    desk.enter()

    desk.redis.flushall()
    desk.tick()
    position_cycle(desk.worker)

    assert len(desk.venue.placements) == 1
    assert desk.position().state is PositionState.OPEN


def test_a_candle_that_the_venue_has_not_shown_yet_stays_due(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(QUIET)
    desk.tick()
    desk.next_candle()
    desk.tick()
    assert desk.sql("SELECT count(*) FROM decided_candles") == [(1,)]

    desk.show((*QUIET[1:], 110.0))
    desk.tick()

    assert len(desk.venue.placements) == 1


def test_a_missing_candle_means_no_decision(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    whole = desk.venue.history["BTC/USDT", M1]
    desk.venue.set_candles("BTC/USDT", Candles.from_rows(M1, [*whole.rows()[:3], *whole.rows()[4:]]))

    desk.tick()

    (last,) = desk.worker.services.queries.last_evaluations("default")
    assert last.evaluation is not None
    assert "missing" in last.evaluation.reason or "warming up" in last.evaluation.reason
    assert desk.orders() == []


def test_one_market_in_trouble_does_not_hold_up_the_other(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.subscribe(symbol="ETH/USDT")
    desk.show(CROSS_UP)
    desk.show(CROSS_UP, "ETH/USDT")
    desk.venue.fail("candles", ExchangeDown("no answer"))

    desk.tick()
    assert [order.symbol for order in desk.orders()] == ["ETH/USDT"]
    desk.tick()

    assert {order.symbol for order in desk.orders()} == {"ETH/USDT", "BTC/USDT"}


def test_a_signal_older_than_a_candle_is_not_entered(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(QUIET)
    desk.tick()
    desk.venue.advance(60)
    rows = desk.venue.history["BTC/USDT", M1].rows()
    late = rows[-1][0] + M1.ms
    desk.venue.set_candles("BTC/USDT", Candles.from_rows(M1, [*rows, (late, 110, 111, 109, 110, 10)]))
    desk.venue.advance(120)

    desk.tick()

    assert desk.orders() == []
    assert desk.sql("SELECT 1 FROM decisions WHERE denial = 'signal_expired'")


def test_a_death_cross_sells_what_the_strategy_holds(desk: Desk) -> None:
    desk.enter()
    desk.next_candle()
    desk.show(CROSS_DOWN)

    desk.tick()

    assert desk.orders()[0].reason == "signal"
    assert desk.position().state is not PositionState.OPEN


def test_a_grid_keeps_the_anchor_of_its_first_candle(desk: Desk) -> None:
    desk.start()
    desk.subscribe(name="GridTradingStrategy")
    desk.show([100.0] * 12)
    desk.tick()
    desk.next_candle()
    desk.show([100.0] * 11 + [97.5])

    desk.tick()

    (subscription,) = desk.worker.services.bots.strategies("default")
    assert subscription.params["anchor_price"] == 100.0
    assert desk.orders()[0].lots == 2


def test_markets_are_read_once_for_the_api(desk: Desk) -> None:
    markets_cycle(desk.worker)
    markets_cycle(desk.worker)

    assert desk.worker.services.markets.symbols("binance") == ["BTC/USDT", "ETH/USDT"]
    assert desk.venue.calls["markets"] == 1


def test_a_worker_that_sleeps_over_the_first_evaluation_leaves_no_candle_out(desk: Desk) -> None:
    # Given a strategy that nobody has evaluated, and a worker that falls asleep over that answer for a minute
    desk.start()
    desk.subscribe()
    desk.show(QUIET)
    newest = M1.last_closed_open_ms(desk.venue.clock_ms)
    strategy_cycle(desk.worker)
    desk.worker.services = replace(desk.worker.services, journal=Drowsy(desk))

    # When it wakes up, another candle later, and the next ticks come
    desk.queue.run(desk.worker)
    desk.tick()

    # Then the candle of then is decided, and the one after it
    decided = desk.sql("SELECT candle_open_ms FROM decided_candles ORDER BY 1")
    assert [at for (at,) in decided] == [newest, newest + M1.ms]


class Drowsy:
    """A journal whose worker sleeps for a minute once it has been told what was evaluated last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._journal = desk.worker.services.journal
        self._is_asleep = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def last_evaluated(self, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
        found = self._journal.last_evaluated(markets)
        if not self._is_asleep:
            self._is_asleep = True
            self._desk.next_candle()
            self._desk.show(QUIET)
        return found
