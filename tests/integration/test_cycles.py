"""The cycles over a real Postgres and Redis, against a scripted venue: one tick at a time, faults between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis
from sqlalchemy import text

from shared.bootstrap import build_services, limits
from shared.domain.bots import Bot, Desired, MarketKey, OnStop, PausedBy, Subscription, paused, started, stopped
from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.events import EventType
from shared.domain.orders import Order, OrderState
from shared.domain.positions import Position, PositionState
from shared.settings import load_settings
from strategies import catalogue, registry
from tests.fakes_exchange import FakeExchange, market
from worker.boot import Worker
from worker.cycles.evaluation import evaluation_cycle
from worker.cycles.portfolio import portfolio_cycle
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle
from worker.cycles.strategy import strategy_cycle
from worker.cycles.upkeep import markets_cycle, relay_cycle

CROSS_UP = (104.0, 103.0, 102.0, 101.0, 100.0, 110.0)
CROSS_DOWN = (110.0, 111.0, 112.0, 113.0, 114.0, 100.0)
QUIET = (104.0, 103.0, 102.0, 101.0, 100.0, 99.0)
M1 = Timeframe.M1


@dataclass
class InlineQueue:
    """A task queue that keeps what it is handed until the test runs it, and can lose it."""

    batches: list[tuple[str, list[MarketKey]]] = field(default_factory=list)

    def evaluate_markets(self, exchange: str, markets: Sequence[MarketKey]) -> None:
        self.batches.append((exchange, list(markets)))

    def run(self, worker: Worker) -> None:
        batches, self.batches = self.batches, []
        for exchange, markets in batches:
            evaluation_cycle(worker, exchange, markets)


@dataclass
class Desk:
    """One worker over real stores and a scripted venue, with what a test does to them."""

    worker: Worker
    venue: FakeExchange
    queue: InlineQueue
    redis: redis.Redis

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.venue.clock_ms / 1000, tz=UTC)

    def start(self, bot_id: str = "default", balance: str = "10000") -> Bot:
        def start(bot: Bot | None, _holds: bool) -> Bot:
            return started(
                bot,
                bot_id=bot_id,
                exchange="binance",
                account=self.venue.account,
                quote="USDT",
                initial_balance=Decimal(balance),
                now=self.now() - timedelta(hours=1),
            )

        return self.worker.services.bots.change(bot_id, start, EventType.BOT_STARTED)

    def subscribe(
        self, bot_id: str = "default", name: str = "MACrossoverStrategy", symbol: str = "BTC/USDT", **params: object
    ) -> Subscription:
        plain = {"fast_period": 2, "slow_period": 3} if name == "MACrossoverStrategy" else {}
        values = catalogue.validated(name, {**plain, **params})
        subscription = Subscription(
            id=f"{bot_id}-{name}-{symbol}-{len(self.worker.services.bots.strategies(bot_id))}",
            bot_id=bot_id,
            name=name,
            symbol=symbol,
            timeframe=M1,
            active_from=self.now() - timedelta(hours=1),
            created_at=self.now(),
            params=values,
            group=catalogue.key(name, values),
        )
        return self.worker.services.bots.add_strategy(subscription)

    def show(self, closes: Sequence[float], symbol: str = "BTC/USDT") -> None:
        """Candles whose newest has just closed, and the venue's price at its close."""
        last = M1.last_closed_open_ms(self.venue.clock_ms)
        rows = [
            (last - (len(closes) - 1 - i) * M1.ms, close, close + 1, close - 1, close, 10.0)
            for i, close in enumerate(closes)
        ]
        self.venue.set_candles(symbol, Candles.from_rows(M1, rows))
        self.venue.set_price(symbol, str(closes[-1]))

    def next_candle(self) -> None:
        self.venue.advance(60)

    def tick(self) -> None:
        strategy_cycle(self.worker)
        self.queue.run(self.worker)

    def enter(self, **params: object) -> Position:
        self.start()
        self.subscribe(**params)
        self.show(CROSS_UP)
        self.tick()
        return self.position()

    def orders(self, bot_id: str = "default") -> list[Order]:
        return self.worker.services.queries.orders(bot_id, 100, None).items

    def position(self, bot_id: str = "default") -> Position:
        return self.worker.services.queries.positions(bot_id, None, 100, None).items[0]

    def bot(self) -> Bot:
        bot = self.worker.services.bots.bot("default")
        assert bot is not None
        return bot

    def change(self, change: Callable[[Bot, bool], Bot], event: EventType) -> Bot:
        def checked(bot: Bot | None, holds: bool) -> Bot:
            assert bot is not None
            return change(bot, holds)

        return self.worker.services.bots.change("default", checked, event)

    def sql(self, query: str) -> list[tuple[object, ...]]:
        with self.worker.services.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def desk(redis_url: str, database_url: str) -> Desk:
    settings = load_settings({"REDIS_URL": redis_url, "DATABASE_URL": database_url})
    venue, queue = FakeExchange(market(), market("ETH/USDT")), InlineQueue()
    services = build_services(settings)
    worker = Worker(services, {"binance": venue}, queue, registry, catalogue, limits(settings))
    return Desk(worker, venue, queue, redis.Redis.from_url(redis_url))


def test_a_cross_becomes_one_filled_order_and_an_open_position(desk: Desk) -> None:
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)

    desk.tick()
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


def test_a_lost_reply_is_looked_up_and_never_sent_again(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    desk.tick()
    assert desk.orders()[0].state is OrderState.UNKNOWN

    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.UNKNOWN  # The signature is still good: nobody knows yet.
    desk.venue.advance(11)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 1


def test_an_error_in_a_look_up_is_no_answer(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    desk.tick()
    desk.venue.advance(11)
    desk.venue.fail("report", ExchangeDown("no answer"), times=3)

    for _ in range(3):
        resolve_cycle(desk.worker)
        desk.venue.advance(4)

    assert desk.orders()[0].state is OrderState.UNKNOWN
    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.FILLED


def test_an_order_proved_absent_twice_is_not_left_behind(desk: Desk) -> None:
    desk.venue.fail("submit", Unclear("the request was lost"))
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    desk.tick()
    desk.venue.advance(11)

    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.UNKNOWN  # Once is not proof.
    desk.venue.advance(4)
    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is OrderState.PLANNED
    desk.venue.advance(3)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 1


def test_an_absent_entry_past_its_candle_expires(desk: Desk) -> None:
    desk.venue.fail("submit", Unclear("the request was lost"))
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    desk.tick()
    desk.venue.advance(61)

    resolve_cycle(desk.worker)
    desk.venue.advance(4)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.EXPIRED
    assert desk.venue.placements == []


def test_an_exit_proved_absent_is_sent_until_it_is_done(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "100")
    desk.venue.fail("submit", Unclear("the request was lost"))
    position_cycle(desk.worker)
    for _ in range(4):
        desk.venue.advance(11)
        resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 2


def test_a_refusal_for_certain_ends_the_order_with_its_reason(desk: Desk) -> None:
    desk.venue.fail("submit", Rejected("no money", reason="insufficient_funds"))
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)

    desk.tick()

    (order,) = desk.orders()
    assert (order.state, order.reason) == (OrderState.REJECTED, "insufficient_funds")
    account = desk.worker.services.queries.account("default")
    assert account is not None
    assert account.reserved == 0


def test_a_rejected_exit_is_tried_again_as_a_new_one(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "100")
    desk.venue.fail("submit", Rejected("maintenance"))
    position_cycle(desk.worker)

    position_cycle(desk.worker)

    newest, refused = desk.orders()[:2]
    assert (newest.state, refused.state) == (OrderState.FILLED, OrderState.REJECTED)
    assert newest.client_order_id != refused.client_order_id


def test_an_order_put_off_by_the_budget_is_sent_later(desk: Desk) -> None:
    desk.venue.fail("permit", Throttled("no budget"))
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    desk.tick()
    assert desk.orders()[0].state is OrderState.PLANNED

    desk.venue.advance(3)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED


def test_a_partial_fill_that_the_venue_ends_is_held_for_what_it_is(desk: Desk) -> None:
    desk.venue.fill_next("0.5")

    held = desk.enter()

    assert desk.orders()[0].state is OrderState.EXPIRED
    assert held.quantity == Decimal("1.81818") / 2 * Decimal("0.999")


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


def test_markets_are_read_once_for_the_api(desk: Desk) -> None:
    markets_cycle(desk.worker)
    markets_cycle(desk.worker)

    assert desk.worker.services.markets.symbols("binance") == ["BTC/USDT", "ETH/USDT"]
    assert desk.venue.calls["markets"] == 1


def test_a_vanished_order_is_an_answer_only_when_the_venue_says_so(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.start()
    desk.subscribe()
    desk.show(CROSS_UP)
    desk.tick()
    desk.venue.advance(11)
    desk.venue.fail("report", OrderUnknown("not here yet"))

    resolve_cycle(desk.worker)
    desk.venue.advance(4)
    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.FILLED
    assert len(desk.venue.placements) == 1
    assert desk.orders()[0].attempt == 1
