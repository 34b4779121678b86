"""BotStore on Postgres and in memory."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.adapters import ledger_sql
from shared.domain.bots import Bot, Desired, OnStop, started, stopped
from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict, NotFound, Unavailable
from shared.domain.events import EventType
from shared.domain.orders import OrderState
from shared.domain.positions import ExitReason
from tests.builders import NOON, a_bot, a_grid, a_subscription
from tests.support.record import LATER, Record, check_books, known


@pytest.fixture
def record(either_record: Record) -> Record:
    return either_record


def _restart(record: Record, balance: str) -> Bot:
    def again(bot: Bot | None, _holds: bool) -> Bot:
        return started(
            known(bot),
            bot_id="default",
            exchange="binance",
            account="paper",
            quote="USDT",
            initial_balance=Decimal(balance),
            now=LATER,
        )

    return record.bots.change("default", again, EventType.BOT_STARTED)


def test_a_bot_comes_back_as_it_was_written(record: Record) -> None:
    written = record.start(initial_balance=Decimal("10000.50"))

    assert record.bots.bot("default") == written
    assert record.bots.bots() == [written]
    assert record.bots.bot("another") is None


def test_a_first_start_pays_in_the_initial_balance(record: Record) -> None:
    record.start()

    account = record.queries.account("default")
    assert account is not None
    assert (account.cash, account.peak_equity, account.equity) == (10_000, 10_000, 10_000)
    assert account.day_start_equity == 10_000
    check_books(record)


def test_the_same_bot_back_writes_nothing(record: Record) -> None:
    record.start()
    version = record.bots.roster_version()

    record.bots.change("default", lambda bot, _: known(bot), EventType.BOT_PAUSED)

    assert record.event_types() == ["BotStarted"]
    assert record.bots.roster_version() == version


def test_what_a_change_raises_rolls_back(record: Record) -> None:
    record.start()

    def refuse(_bot: Bot | None, _holds: bool) -> Bot:
        raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        record.bots.change("default", refuse, EventType.BOT_PAUSED)
    assert record.bots.bot("default") == a_bot()


def test_more_capital_moves_peak_and_the_days_start_with_it(record: Record) -> None:
    record.start()
    record.stop()

    _restart(record, "12500")

    account = record.queries.account("default")
    assert account is not None
    assert (account.cash, account.peak_equity, account.day_start_equity) == (12_500, 12_500, 12_500)
    assert account.drawdown_frac == 0
    check_books(record)


def test_capital_that_was_spent_cannot_be_taken_out(record: Record) -> None:
    record.start()
    record.subscribe()
    record.bought("90", "100")
    record.stop()

    with pytest.raises(Conflict, match="1000 USDT in cash"):
        _restart(record, "8000")
    check_books(record)


def test_books_kept_in_one_quote_cannot_go_on_in_another(record: Record) -> None:
    record.start()

    with pytest.raises(Conflict, match="USDT"):
        record.bots.change("default", lambda bot, _: replace(known(bot), quote="EUR", version=2), EventType.BOT_STARTED)


def test_leaving_running_denies_planned_entries_and_frees_their_cash(record: Record) -> None:
    record.start()
    record.subscribe()
    order = record.enter()
    assert known_account(record) == 110

    record.pause()

    assert record.journal.unfinished() == []
    denied = record.queries.orders("default", 10, None).items[0]
    assert (denied.client_order_id, denied.state, denied.reason) == (
        order.client_order_id,
        OrderState.DENIED,
        "paused",
    )
    assert known_account(record) == 0
    assert record.event_types()[-2:] == ["OrderChanged", "BotPaused"]


def test_stopping_says_why_its_entries_were_denied(record: Record) -> None:
    record.start()
    record.subscribe()
    record.enter()

    record.stop()

    assert record.queries.orders("default", 10, None).items[0].reason == "not_running"


def test_an_order_on_its_way_is_left_alone_by_a_pause(record: Record) -> None:
    record.start()
    record.subscribe()
    sending = record.send(record.enter())

    record.pause()

    assert record.journal.unfinished() == [sending]


def test_a_flatten_without_positions_is_over_at_once(record: Record) -> None:
    record.start()

    assert record.stop(OnStop.FLATTEN).observed == "stopped"


def test_a_flatten_waits_for_an_entry_that_may_still_fill(record: Record) -> None:
    record.start()
    record.subscribe()
    record.send(record.enter())

    assert record.stop(OnStop.FLATTEN).observed == "stopping"


@pytest.mark.parametrize("was_flattened", [True, False])
def test_what_a_stop_keeps_is_not_sold_when_the_bot_is_started_again(record: Record, was_flattened: bool) -> None:
    # Given a position that was being left, and that the venue did not take
    record.start()
    record.subscribe()
    _, position = record.bought()
    if was_flattened:
        record.stop(OnStop.FLATTEN)
    order = record.exit(position, ExitReason.FLATTEN if was_flattened else ExitReason.STOP_LOSS)
    assert order is not None
    record.journal.record_failure(record.send(order), OrderState.REJECTED, "market_closed", LATER)
    ((_, held),) = record.books.watched_positions("binance")
    assert held.leaving is not None

    # When the user has it kept, and starts the bot another day
    record.stop(OnStop.KEEP)
    _restart(record, "10000")

    # Then
    ((_, held),) = record.books.watched_positions("binance")
    assert held.leaving is None


def test_a_flatten_under_way_goes_on_where_a_stop_says_nothing_of_positions(record: Record) -> None:
    record.start()
    record.subscribe()
    _, position = record.bought()
    record.stop(OnStop.FLATTEN)
    assert record.exit(position, ExitReason.FLATTEN) is not None

    record.bots.change("default", lambda bot, holds: stopped(known(bot), None, holds, LATER), EventType.BOT_STOPPED)

    ((_, held),) = record.books.watched_positions("binance")
    assert held.leaving is ExitReason.FLATTEN


def test_an_event_tells_the_state_and_what_is_held(record: Record) -> None:
    record.start()
    record.subscribe()
    _, position = record.bought()

    record.stop(OnStop.FLATTEN)

    payload = record.last_payload()
    assert payload["state"] == "stopping"
    assert payload["positions"] == [{"position_id": position.id, "symbol": "BTC/USDT"}]


def test_a_strategy_needs_its_bot(record: Record) -> None:
    with pytest.raises(NotFound):
        record.subscribe()


def test_a_strategy_comes_back_as_it_was_added(record: Record) -> None:
    record.start()
    added = record.subscribe(params={"fast_period": 10, "ma_type": "sma", "stop_loss_pct": 2.5, "anchor_price": None})

    assert record.bots.strategies("default") == [added]
    assert record.bots.roster().entries[0].subscription == added


def test_a_second_strategy_on_the_same_market_and_timeframe_is_a_conflict(record: Record) -> None:
    record.start()
    record.subscribe()

    with pytest.raises(Conflict, match="already"):
        record.subscribe(id="s2")
    assert len(record.bots.strategies("default")) == 1


def test_a_removed_strategy_can_be_added_again(record: Record) -> None:
    record.start()
    record.subscribe()
    record.bots.remove_strategy("default", "MACrossoverStrategy", "BTC/USDT", None, LATER)

    again = record.subscribe(id="s2")

    assert record.bots.strategies("default") == [again]


def test_removing_what_two_timeframes_have_asks_which(record: Record) -> None:
    record.start()
    record.subscribe()
    record.subscribe(id="s2", timeframe=Timeframe.M5)

    with pytest.raises(Conflict) as caught:
        record.bots.remove_strategy("default", "MACrossoverStrategy", "BTC/USDT", None, LATER)
    assert caught.value.choices == ("1h", "5m")

    removed = record.bots.remove_strategy("default", "MACrossoverStrategy", "BTC/USDT", Timeframe.M5, LATER)
    assert (removed.id, removed.removed_at) == ("s2", LATER)


def test_removing_what_is_not_there_is_not_found(record: Record) -> None:
    record.start()

    with pytest.raises(NotFound):
        record.bots.remove_strategy("default", "RSIStrategy", "BTC/USDT", None, LATER)


def test_a_removed_strategys_planned_entry_is_not_sent(record: Record) -> None:
    record.start()
    record.subscribe()
    record.enter()

    record.bots.remove_strategy("default", "MACrossoverStrategy", "BTC/USDT", None, LATER)

    assert record.queries.orders("default", 10, None).items[0].reason == "strategy_removed"


def test_the_first_anchor_wins(record: Record) -> None:
    record.start()
    record.bots.add_strategy(a_grid(anchor_price=None))

    first = record.bots.set_anchor("s1", 100.5, "g2")
    second = record.bots.set_anchor("s1", 200.0, "g3")

    assert first == second == record.bots.strategies("default")[0]
    assert (first.params["anchor_price"], first.group) == (100.5, "g2")


def test_the_roster_holds_what_runs_or_is_paused(record: Record) -> None:
    for bot_id, desired in (("a", Desired.RUNNING), ("b", Desired.PAUSED), ("c", Desired.STOPPED)):
        record.start(id=bot_id, desired=desired, run=3)
        record.subscribe(id=f"s-{bot_id}", bot_id=bot_id)

    roster = record.bots.roster()

    assert [(entry.subscription.bot_id, entry.run) for entry in roster.entries] == [("a", 3), ("b", 3)]
    assert roster.version == record.bots.roster_version()


def test_every_change_of_the_roster_raises_its_version(record: Record) -> None:
    versions = [record.bots.roster_version()]
    for change in (
        record.start,
        lambda: record.bots.add_strategy(a_grid(anchor_price=None)),
        lambda: record.bots.set_anchor("s1", 1.0, "g"),
        record.pause,
        record.resume,
        lambda: record.bots.remove_strategy("default", "GridTradingStrategy", "BTC/USDT", None, LATER),
        record.stop,
    ):
        change()
        versions.append(record.bots.roster_version())

    assert versions == sorted(set(versions))


def test_strategies_are_listed_in_the_order_of_adding(record: Record) -> None:
    record.start()
    for symbol in ("ETH/USDT", "BTC/USDT", "ADA/USDT"):
        record.bots.add_strategy(a_subscription(id=symbol, symbol=symbol, created_at=NOON))

    assert [each.symbol for each in record.bots.strategies("default")] == ["ETH/USDT", "BTC/USDT", "ADA/USDT"]


def test_a_database_that_is_away_is_unavailable() -> None:
    store = ledger_sql.SqlBotStore(ledger_sql.engine("postgresql://nobody@127.0.0.1:1/none"))

    with pytest.raises(Unavailable):
        store.bot("default")


def known_account(record: Record) -> Decimal:
    account = record.queries.account("default")
    assert account is not None
    return account.reserved
