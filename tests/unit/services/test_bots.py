"""Control calls over stores in memory: what they change, refuse, and wait for."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.bots import Bot, Desired, OnStop, PausedBy, paused
from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict, InvalidField, NotFound, Unavailable
from shared.domain.events import EventType
from shared.domain.exchanges import LIVE, PAPER
from shared.domain.orders import OrderState
from shared.services.bots import CLOCK_ERROR, Controls, account_name
from shared.settings import Settings
from strategies import catalogue
from tests.builders_api import a_position, an_entry
from tests.fakes import EPOCH, FakeClock, World
from tests.fakes_exchange import market

BALANCE = Decimal(10000)
RECV_WINDOW_MS = 5000


@pytest.fixture
def world() -> World:
    made = World()
    made.markets.put("binance", [market("BTC/USDT"), market("ETH/USDT"), market("ETH/BTC")])
    return made


class Sleeper:
    """Time passes only while somebody waits."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.slept_s = 0.0

    def __call__(self, seconds: float) -> None:
        self.slept_s += seconds
        self.clock.advance(seconds)


@pytest.fixture
def sleeper(world: World) -> Sleeper:
    return Sleeper(world.clock)


@pytest.fixture
def controls(world: World, sleeper: Sleeper) -> Controls:
    return Controls(
        bots=world.bots,
        journal=world.journal,
        queries=world.queries,
        markets=world.markets,
        state=world.state,
        clock=world.clock,
        catalogue=catalogue,
        account="paper",
        recv_window_ms=RECV_WINDOW_MS,
        sleep=sleeper,
    )


@pytest.fixture
def running(controls: Controls) -> Controls:
    controls.start("default", "binance", BALANCE)
    return controls


def stored(world: World) -> Bot:
    return world.record.bots["default"]


def test_the_account_is_named_after_the_mode() -> None:
    keys = {"exchange_api_key": "k", "exchange_api_secret": "s"}
    assert account_name(Settings()) == "paper"
    assert account_name(Settings(paper_trading=False, **keys)) == "live"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exchange", "mode", "account"),
    [("binance", LIVE, "live"), ("okx", LIVE, "live-okx"), ("binance", PAPER, "paper"), ("okx", PAPER, "paper")],
)
def test_each_exchange_has_money_of_its_own_unless_it_is_paper(
    world: World, controls: Controls, exchange: str, mode: str, account: str
) -> None:
    # Trade ids are unique at one venue alone: fills of two must not count as one.
    replace(controls, account=mode).start("default", exchange, BALANCE)
    assert (stored(world).exchange, stored(world).account) == (exchange, account)


def test_live_trading_without_what_the_exchange_asks_for_is_refused_with_its_name(
    world: World, controls: Controls
) -> None:
    # Given
    keys = {"exchange_api_key": "k", "exchange_api_secret": "s"}
    live = Settings(paper_trading=False, **keys)  # type: ignore[arg-type]
    # When / Then
    with pytest.raises(InvalidField, match="EXCHANGE_API_PASSWORD") as refusal:
        replace(controls, account=account_name(live), lacking=live.lacking).start("default", "okx", BALANCE)
    assert refusal.value.field == "exchange"
    assert world.record.bots == {}
    replace(controls, account=account_name(live), lacking=live.lacking).start("default", "binance", BALANCE)


def test_settings_say_what_is_lacking_in_their_mode_alone() -> None:
    keys = {"exchange_api_key": "k", "exchange_api_secret": "s"}
    live, paper = Settings(paper_trading=False, **keys), Settings()  # type: ignore[arg-type]
    whole = Settings(paper_trading=False, exchange_api_password="p", **keys)  # type: ignore[arg-type]
    assert [each.lacking("okx") for each in (live, paper, whole)] == [("EXCHANGE_API_PASSWORD",), (), ()]
    assert live.lacking("binance") == ()


def test_a_timeframe_that_the_exchange_lacks_is_refused_with_those_it_has(world: World, controls: Controls) -> None:
    # Given
    world.markets.put("okx", [market("BTC/USDT")])
    controls.start("default", "okx", BALANCE)
    # When / Then
    with pytest.raises(InvalidField, match="8h") as refusal:
        controls.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H8, {})
    assert refusal.value.field == "timeframe"
    assert "4h" in refusal.value.choices
    controls.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H4, {})


def test_a_first_start_opens_the_books_and_runs(world: World, controls: Controls) -> None:
    changed = controls.start("default", "binance", BALANCE)
    assert changed.is_new
    assert stored(world).desired is Desired.RUNNING
    assert world.record.accounts["default"].cash == BALANCE
    assert [event.type for event in world.record.outbox] == [EventType.BOT_STARTED]


def test_a_start_counts_candles_from_the_exchanges_time(world: World, controls: Controls) -> None:
    world.state.put_clock_offset_ms("binance", 2500)
    changed = controls.start("default", "binance", BALANCE)
    assert changed.bot is not None
    assert changed.bot.trades_from == EPOCH + timedelta(seconds=2.5)


def test_a_repeated_start_changes_nothing(world: World, running: Controls) -> None:
    before = stored(world)
    changed = running.start("default", "binance", Decimal("10000.00"))
    assert not changed.is_new
    assert stored(world) is before


def test_a_start_with_other_values_while_running_conflicts(running: Controls) -> None:
    with pytest.raises(Conflict, match="stop it first"):
        running.start("default", "binance", Decimal(5000))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-1", "0", "1000000000001", "0.000000001"])
def test_a_balance_that_cannot_be_is_refused(controls: Controls, text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        controls.start("default", "binance", Decimal(text))
    assert caught.value.field == "initial_balance"


@pytest.mark.parametrize("text", ["1000000000000", "0.00000001", "100.500000000000", "1E+4"])
def test_a_balance_at_the_edge_is_taken(controls: Controls, text: str) -> None:
    assert controls.start("default", "binance", Decimal(text)).is_new


def test_an_unknown_exchange_is_refused_with_the_choices(controls: Controls) -> None:
    with pytest.raises(InvalidField) as caught:
        controls.start("default", "binnance", BALANCE)
    assert caught.value.choices == ("binance", "okx")


def test_positions_of_one_account_are_not_carried_to_another(world: World, running: Controls) -> None:
    world.record.positions.append(a_position())
    running.stop("default")
    elsewhere = replace(running, account="live")
    with pytest.raises(Conflict, match="flatten"):
        elsewhere.start("default", "binance", BALANCE)
    world.record.positions.clear()
    assert elsewhere.start("default", "binance", BALANCE).is_new


def test_a_bot_that_runs_on_another_account_is_to_be_stopped_first(running: Controls) -> None:
    with pytest.raises(Conflict, match="stop it first"):
        replace(running, account="live").start("default", "binance", BALANCE)


def test_pause_denies_planned_entries_and_returns_at_once_without_flights(
    world: World, running: Controls, sleeper: Sleeper
) -> None:
    world.record.orders.append(an_entry(OrderState.PLANNED))
    changed = running.pause("default")
    assert changed.is_new
    assert stored(world).paused_by is PausedBy.USER
    assert world.record.orders[0].state is OrderState.DENIED
    assert sleeper.slept_s == 0


@pytest.mark.parametrize("state", [OrderState.SENDING, OrderState.UNKNOWN])
def test_pause_returns_only_once_the_venue_refuses_what_was_under_way(
    world: World, running: Controls, sleeper: Sleeper, state: OrderState
) -> None:
    world.state.put_clock_offset_ms("binance", 0)
    valid_until = world.clock.now() + timedelta(seconds=3)
    world.record.orders.append(an_entry(state, valid_until))
    running.pause("default")
    assert world.clock.now() > valid_until + CLOCK_ERROR
    assert sleeper.slept_s < 3.7


def test_the_fence_is_measured_by_the_exchanges_clock(world: World, running: Controls, sleeper: Sleeper) -> None:
    world.state.put_clock_offset_ms("binance", -2000)
    world.record.orders.append(an_entry(OrderState.SENDING, world.clock.now() + timedelta(seconds=1)))
    running.stop("default")
    assert 3.5 < sleeper.slept_s < 3.7


def test_where_nobody_has_measured_the_exchanges_clock_a_signatures_time_is_waited_for(
    world: World, running: Controls, sleeper: Sleeper
) -> None:
    # Given a machine whose clock is far ahead, and Redis emptied
    long_over = world.clock.now() - timedelta(seconds=20)
    world.record.orders.append(an_entry(OrderState.SENDING, long_over))
    # When
    running.pause("default")
    # Then
    assert RECV_WINDOW_MS / 1000 + 1 <= sleeper.slept_s < RECV_WINDOW_MS / 1000 + 1.1


def test_a_pause_that_can_not_be_made_true_says_so_and_is_written(
    world: World, running: Controls, sleeper: Sleeper
) -> None:
    world.state.put_clock_offset_ms("binance", 0)
    world.record.orders.append(an_entry(OrderState.SENDING, world.clock.now() + timedelta(minutes=1)))
    with pytest.raises(Unavailable, match="repeat the call"):
        running.pause("default")
    assert stored(world).desired is Desired.PAUSED
    assert RECV_WINDOW_MS / 1000 < sleeper.slept_s <= RECV_WINDOW_MS / 1000 + 1.1


def test_a_repeated_pause_waits_as_well(world: World, running: Controls, sleeper: Sleeper) -> None:
    running.pause("default")
    world.record.orders.append(an_entry(OrderState.SENDING, world.clock.now() + timedelta(seconds=1)))
    changed = running.pause("default")
    assert not changed.is_new
    assert sleeper.slept_s > 1


def test_resume_trades_from_the_exchanges_now(world: World, running: Controls) -> None:
    running.pause("default")
    world.clock.advance(60)
    world.state.put_clock_offset_ms("binance", 1000)
    running.resume("default")
    assert stored(world).desired is Desired.RUNNING
    assert stored(world).trades_from == EPOCH + timedelta(seconds=61)


@pytest.mark.parametrize("call", ["pause", "resume"])
def test_a_bot_never_started_can_not_be_paused_or_resumed(controls: Controls, call: str) -> None:
    with pytest.raises(Conflict, match="start it first"):
        getattr(controls, call)("default")


def test_stopping_a_bot_never_started_changes_nothing(world: World, controls: Controls) -> None:
    changed = controls.stop("default")
    assert changed.bot is None
    assert not changed.is_new
    assert not world.record.outbox


@pytest.mark.parametrize(("on_stop", "is_stopping"), [(OnStop.KEEP, False), (OnStop.FLATTEN, True)])
def test_stop_names_the_positions_that_it_leaves_or_sells(
    world: World, running: Controls, on_stop: OnStop, is_stopping: bool
) -> None:
    held = a_position()
    world.record.positions.append(held)
    changed = running.stop("default", on_stop)
    assert changed.positions == (held,)
    assert stored(world).is_stopping is is_stopping
    assert running.stop("default", on_stop).positions == (held,)


def test_reset_clears_the_counters_and_resumes_what_the_system_paused(world: World, running: Controls) -> None:
    world.state.record_error("binance", "position", "ExchangeDown", EPOCH)
    world.bots.change(
        "default",
        lambda bot, _: paused(bot, PausedBy.SYSTEM, "errors", EPOCH),
        EventType.BOT_PAUSED,  # type: ignore[arg-type]
    )
    changed = running.reset_errors("default")
    assert changed.is_new
    assert stored(world).desired is Desired.RUNNING
    assert world.state.vitals("binance", EPOCH).error_counts == {}


def test_reset_leaves_a_users_pause_alone(world: World, running: Controls) -> None:
    running.pause("default")
    changed = running.reset_errors("default")
    assert not changed.is_new
    assert stored(world).desired is Desired.PAUSED


def test_reset_works_before_the_first_start(controls: Controls) -> None:
    assert controls.reset_errors("default").bot is None


def test_a_strategy_is_added_complete_and_trades_from_now(world: World, running: Controls) -> None:
    world.state.put_clock_offset_ms("binance", 1000)
    added = running.add_strategy("default", "MACrossoverStrategy", "BTC/USDT", Timeframe.H1, {"fast_period": 5})
    assert added.params["fast_period"] == 5
    assert added.params["slow_period"] == 30
    assert added.group == catalogue.key("MACrossoverStrategy", added.params)
    assert added.active_from == EPOCH + timedelta(seconds=1)
    assert world.bots.strategies("default") == [added]


def test_the_same_strategy_twice_on_a_market_conflicts(running: Controls) -> None:
    running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {})
    with pytest.raises(Conflict):
        running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {"rsi_period": 7})


@pytest.mark.parametrize(
    ("name", "symbol", "params", "field"),
    [
        ("RSIStrateg", "BTC/USDT", {}, "strategy_name"),
        ("RSIStrategy", "BTC/USDT", {"rsi": 3}, "params.rsi"),
        ("MACrossoverStrategy", "BTC/USDT", {"fast_period": 30, "slow_period": 30}, "params.fast_period"),
        ("RSIStrategy", "BTC/USDX", {}, "symbol"),
        ("RSIStrategy", "ETH/BTC", {}, "symbol"),
        ("RSIStrategy", "btc/usdt", {}, "symbol"),
    ],
)
def test_what_can_not_work_is_refused_by_its_field(
    world: World, running: Controls, name: str, symbol: str, params: dict[str, int], field: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        running.add_strategy("default", name, symbol, Timeframe.H1, params)
    assert caught.value.field == field
    assert not world.bots.strategies("default")


@pytest.mark.parametrize("sent", ["btc/usdt", "BTCUSDT", "BTC", "BTC/USDX", "BTC-USDT"])
def test_the_closest_symbols_are_named(running: Controls, sent: str) -> None:
    with pytest.raises(InvalidField) as caught:
        running.add_strategy("default", "RSIStrategy", sent, Timeframe.H1, {})
    assert caught.value.choices[0] == "BTC/USDT"


def test_markets_not_loaded_yet_are_a_matter_of_waiting(world: World, running: Controls) -> None:
    world.record.markets.clear()
    with pytest.raises(Unavailable, match="not loaded yet"):
        running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {})


def test_the_first_strategy_of_a_new_system_waits_for_the_markets(world: World, running: Controls) -> None:
    loaded = dict(world.record.markets)
    world.record.markets.clear()
    waits: list[float] = []

    def load_at_the_third_look(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            world.record.markets.update(loaded)

    running = replace(running, sleep=load_at_the_third_look)
    running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {})

    assert len(waits) == 2
    assert [each.symbol for each in world.bots.strategies("default")] == ["BTC/USDT"]


def test_a_strategy_needs_a_bot_that_was_started(controls: Controls) -> None:
    with pytest.raises(Conflict, match="start it first"):
        controls.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {})


def test_a_stopped_bot_keeps_a_list_of_strategies(running: Controls) -> None:
    running.stop("default")
    assert running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {}).is_active


def test_removing_a_strategy_names_the_position_that_stays(world: World, running: Controls) -> None:
    added = running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {})
    held = a_position(strategy_id=added.id)
    world.record.positions += [a_position(id="p0", strategy_id="other"), held]
    removed, left = running.remove_strategy("default", "RSIStrategy", "BTC/USDT", None)
    assert removed.id == added.id
    assert not removed.is_active
    assert left == held


def test_removing_what_runs_on_two_timeframes_asks_which(running: Controls) -> None:
    for timeframe in (Timeframe.H1, Timeframe.H4):
        running.add_strategy("default", "RSIStrategy", "BTC/USDT", timeframe, {})
    with pytest.raises(Conflict) as caught:
        running.remove_strategy("default", "RSIStrategy", "BTC/USDT", None)
    assert set(caught.value.choices) == {"1h", "4h"}
    removed, _ = running.remove_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H4)
    assert removed.timeframe is Timeframe.H4


def test_removing_what_is_not_there_lists_what_is(running: Controls) -> None:
    running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {})
    with pytest.raises(NotFound, match="RSIStrategy on BTC/USDT \\(1h\\)"):
        running.remove_strategy("default", "GridTradingStrategy", "BTC/USDT", None)


@pytest.mark.parametrize("store", ["record", "cache"])
def test_a_store_away_leaves_nothing_half_written(world: World, running: Controls, store: str) -> None:
    before = (dict(world.record.bots), list(world.record.subscriptions), list(world.record.outbox))
    getattr(world, store).is_away = True
    calls = (
        lambda: running.pause("default"),
        lambda: running.stop("default"),
        lambda: running.start("default", "binance", Decimal(1)),
        lambda: running.add_strategy("default", "RSIStrategy", "BTC/USDT", Timeframe.H1, {}),
        lambda: running.reset_errors("default"),
    )
    for call in calls:
        with pytest.raises(Unavailable):
            call()
    getattr(world, store).is_away = False
    assert (world.record.bots, world.record.subscriptions, world.record.outbox) == before
    assert running.pause("default").is_new
