"""Books on Postgres and in memory: what is watched, marked and kept."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.bots import Desired, OnStop, started
from shared.domain.events import EventType
from shared.domain.orders import OrderState
from shared.domain.portfolio import EquityMark, equity_mark
from shared.domain.positions import ExitReason, PositionState
from tests.builders import NOON, a_market
from tests.support.record import LATER, Record, check_books, known

TOMORROW = NOON + timedelta(days=1)


@pytest.fixture
def record(either_record: Record) -> Record:
    return either_record


@pytest.fixture
def started_record(record: Record) -> Record:
    record.start()
    record.subscribe(params={"stop_loss_pct": 2.0, "take_profit_pct": 4.0, "trailing_stop_pct": 1.5})
    return record


def _mark(record: Record, price: str, at_offset_s: int = 0, **changes: object) -> EquityMark:
    ((account, held),) = record.books.accounts("binance")
    mark = equity_mark(account, held, {"BTC/USDT": Decimal(price)}, LATER + timedelta(seconds=at_offset_s))
    return replace(mark, **changes)  # type: ignore[arg-type]


def test_an_open_position_is_watched_with_the_stops_of_its_strategy(started_record: Record) -> None:
    _, position = started_record.bought()

    ((bot, watched),) = started_record.books.watched_positions("binance")

    assert (bot.id, watched) == ("default", position)
    assert (watched.stop_loss, watched.take_profit) == (98, 104)
    assert watched.trailing_stop_frac == Decimal("0.015")
    assert started_record.books.watched_positions("kraken") == []


def test_a_paused_or_stopping_bot_is_watched_a_stopped_one_is_not(started_record: Record) -> None:
    started_record.bought()

    started_record.pause()
    assert len(started_record.books.watched_positions("binance")) == 1
    started_record.stop(OnStop.FLATTEN)
    assert len(started_record.books.watched_positions("binance")) == 1
    started_record.stop(OnStop.KEEP)
    assert started_record.books.watched_positions("binance") == []


def test_a_removed_strategys_position_stays_watched(started_record: Record) -> None:
    _, position = started_record.bought()

    started_record.bots.remove_strategy("default", "MACrossoverStrategy", "BTC/USDT", None, LATER)

    assert [held for _, held in started_record.books.watched_positions("binance")] == [position]


def test_a_high_water_mark_only_rises(started_record: Record) -> None:
    _, position = started_record.bought()

    for mark in ("105", "103", "104.5"):
        started_record.books.raise_high_water({position.id: Decimal(mark), "p-unknown": Decimal(1)})

    assert started_record.position(position.id) == replace(position, high_water=Decimal(105))


def test_an_account_counts_what_is_reserved_and_what_is_dust(started_record: Record) -> None:
    _, position = started_record.bought("0.5")
    started_record.market = a_market(lot_step=Decimal(1))
    assert started_record.exit(position) is None
    started_record.enter(hours=1)

    ((account, held),) = started_record.books.accounts("binance")

    assert (account.cash, account.reserved) == (9950, 110)
    assert [(each.state, each.quantity) for each in held] == [(PositionState.DUST, Decimal("0.5"))]
    assert started_record.queries.holdings("default") == (account, held)


def test_every_bot_of_the_exchange_has_an_account(record: Record) -> None:
    record.start(id="a")
    record.start(id="b", desired=Desired.STOPPED)
    record.start(id="c", exchange="kraken")

    assert [account.bot_id for account, _ in record.books.accounts("binance")] == ["a", "b"]


def test_a_mark_is_kept_on_the_curve_and_with_the_bot(started_record: Record) -> None:
    started_record.bought()
    mark = _mark(started_record, "150")

    started_record.books.store_equity([mark])

    account = started_record.queries.account("default")
    assert account is not None
    assert started_record.queries.equity("default", 10, None).items == [mark]
    assert (account.equity, account.peak_equity, account.day) == (10_050, 10_050, NOON.date())
    assert started_record.event_types()[-1] == "EquityMarked"


def test_a_peak_outlives_a_fall_and_a_day_starts_once(started_record: Record) -> None:
    started_record.bought()
    for offset_s, price in ((0, "150"), (86_400, "50"), (86_460, "40")):
        started_record.books.store_equity([_mark(started_record, price, offset_s)])

    account = started_record.queries.account("default")
    assert account is not None
    assert (account.peak_equity, account.equity) == (10_050, 9_940)
    assert (account.day, account.day_start_equity) == (TOMORROW.date(), 9_950)


def test_a_mark_stored_twice_counts_once(started_record: Record) -> None:
    mark = _mark(started_record, "100")

    started_record.books.store_equity([mark])
    started_record.books.store_equity([mark])

    assert len(started_record.queries.equity("default", 10, None).items) == 1
    assert started_record.event_types().count("EquityMarked") == 1


def test_a_late_mark_does_not_replace_a_newer_one(started_record: Record) -> None:
    started_record.bought()
    older, newer = _mark(started_record, "90", 0), _mark(started_record, "120", 60)

    started_record.books.store_equity([newer])
    started_record.books.store_equity([older])

    assert started_record.queries.account("default").equity == 10_020  # type: ignore[union-attr]
    assert len(started_record.queries.equity("default", 10, None).items) == 2


def test_a_mark_from_before_capital_was_taken_out_is_no_drawdown(started_record: Record) -> None:
    started_record.stop()
    stale = _mark(started_record, "100")
    started_record.bots.change(
        "default",
        lambda bot, _: started(
            known(bot),
            bot_id="default",
            exchange="binance",
            account="paper",
            quote="USDT",
            initial_balance=Decimal(4000),
            now=LATER,
        ),
        EventType.BOT_STARTED,
    )

    started_record.books.store_equity([stale])

    account = started_record.queries.account("default")
    assert account is not None
    assert (account.peak_equity, account.equity, account.drawdown_frac) == (4000, 4000, 0)


def test_no_marks_are_nothing_to_store(record: Record) -> None:
    record.books.store_equity([])
    record.books.raise_high_water({})

    assert record.event_types() == []


def test_what_a_stopped_bot_is_filled_with_after_its_stop_is_watched_until_it_is_sold(started_record: Record) -> None:
    # Given an entry that was cancelled without a fill, and a bot that has been stopped
    order = started_record.send(started_record.enter())
    cancelled = started_record.report(order, state=OrderState.CANCELED)
    started_record.stop()

    # When a fill of it arrives after all
    started_record.report(cancelled, started_record.trade(order, "1", "100"), state=OrderState.CANCELED)

    # Then nobody has asked for the position, and it is left
    ((_, position),) = started_record.books.watched_positions("binance")
    assert (position.quantity, position.leaving) == (1, ExitReason.FLATTEN)


def test_what_was_bought_before_a_stop_answered_is_kept_as_it_says(started_record: Record) -> None:
    order = started_record.send(started_record.enter())
    started_record.stop()

    filled = started_record.report(order, started_record.trade(order, "1", "100"))

    assert started_record.books.watched_positions("binance") == []
    assert started_record.position(str(filled.position_id)).leaving is None


def test_a_later_fill_of_a_closed_positions_entry_is_watched_again(started_record: Record) -> None:
    # Given an entry canceled at a part, whose part was sold
    entry = started_record.send(started_record.enter())
    entry = started_record.report(entry, started_record.trade(entry, "0.4", "100"), state=OrderState.CANCELED)
    exit_order = started_record.exit(started_record.position(str(entry.position_id)))
    assert exit_order is not None
    exit_order = started_record.send(exit_order)
    started_record.report(exit_order, started_record.trade(exit_order, "0.4", "101"))
    assert started_record.books.watched_positions("binance") == []

    # When one more of its fills shows
    late = started_record.report(entry, started_record.trade(entry, "0.1", "100"), state=OrderState.CANCELED)

    # Then it is held, watched, and can be sold
    ((_, position),) = started_record.books.watched_positions("binance")
    assert (position.quantity, late.filled, late.state) == (Decimal("0.1"), Decimal("0.5"), OrderState.CANCELED)
    assert started_record.exit(position) is not None
    check_books(started_record)


def test_a_late_fill_joins_the_position_that_its_strategy_opened_since(started_record: Record) -> None:
    entry = started_record.send(started_record.enter())
    entry = started_record.report(entry, started_record.trade(entry, "0.4", "100"), state=OrderState.CANCELED)
    exit_order = started_record.exit(started_record.position(str(entry.position_id)))
    assert exit_order is not None
    exit_order = started_record.send(exit_order)
    started_record.report(exit_order, started_record.trade(exit_order, "0.4", "101"))
    _, newer = started_record.bought("1", "100", hours=1)

    started_record.report(entry, started_record.trade(entry, "0.1", "100"), state=OrderState.CANCELED)

    ((_, position),) = started_record.books.watched_positions("binance")
    assert (position.id, position.quantity) == (newer.id, Decimal("1.1"))
    check_books(started_record)
