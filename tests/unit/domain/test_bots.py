"""The lifecycle table: each call in each state, once and again."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.bots import (
    Bot,
    Desired,
    OnStop,
    PausedBy,
    Roster,
    capital_change,
    flattened,
    paused,
    resumed,
    started,
    stopped,
)
from shared.domain.errors import Conflict
from tests.builders import HOUR, NOON, a_bot, a_market_key, a_roster_entry, a_subscription

D = Decimal
LATER = NOON + HOUR

RUNNING = a_bot()
PAUSED = a_bot(desired=Desired.PAUSED, paused_by=PausedBy.USER, pause_reason="lunch")
HALTED = a_bot(desired=Desired.PAUSED, paused_by=PausedBy.SYSTEM, pause_reason="10 errors in a row")
STOPPED = a_bot(desired=Desired.STOPPED)
STOPPING = a_bot(desired=Desired.STOPPED, is_stopping=True)

Call = Callable[[Bot], Bot]


def start(bot: Bot | None, balance: str = "10000", exchange: str = "binance") -> Bot:
    return started(
        bot,
        bot_id="default",
        exchange=exchange,
        account="paper",
        quote="USDT",
        initial_balance=D(balance),
        now=NOON,
    )


def pause(bot: Bot) -> Bot:
    return paused(bot, PausedBy.USER, "lunch", NOON)


def halt(bot: Bot) -> Bot:
    return paused(bot, PausedBy.SYSTEM, "10 errors in a row", NOON)


def resume(bot: Bot) -> Bot:
    return resumed(bot, NOON)


def stop_keep(bot: Bot) -> Bot:
    return stopped(bot, OnStop.KEEP, True, NOON)


def stop_plain(bot: Bot) -> Bot:
    return stopped(bot, None, True, NOON)


def stop_flatten(bot: Bot) -> Bot:
    return stopped(bot, OnStop.FLATTEN, True, NOON)


def stop_flatten_flat(bot: Bot) -> Bot:
    return stopped(bot, OnStop.FLATTEN, False, NOON)


def shown(bot: Bot) -> tuple[str, PausedBy | None]:
    return bot.observed, bot.paused_by


CALLS: list[Call] = [start, pause, halt, resume, stop_keep, stop_plain, stop_flatten, stop_flatten_flat]

TABLE: list[tuple[Call, Bot, str, PausedBy | None]] = [
    (start, RUNNING, "running", None),
    (start, STOPPED, "running", None),
    (pause, RUNNING, "paused", PausedBy.USER),
    (pause, PAUSED, "paused", PausedBy.USER),
    (pause, HALTED, "paused", PausedBy.USER),
    (halt, RUNNING, "paused", PausedBy.SYSTEM),
    (halt, PAUSED, "paused", PausedBy.USER),
    (halt, HALTED, "paused", PausedBy.SYSTEM),
    (resume, RUNNING, "running", None),
    (resume, PAUSED, "running", None),
    (resume, HALTED, "running", None),
    (stop_keep, RUNNING, "stopped", None),
    (stop_keep, PAUSED, "stopped", None),
    (stop_keep, HALTED, "stopped", None),
    (stop_keep, STOPPED, "stopped", None),
    (stop_keep, STOPPING, "stopped", None),
    (stop_plain, RUNNING, "stopped", None),
    (stop_plain, PAUSED, "stopped", None),
    (stop_plain, HALTED, "stopped", None),
    (stop_plain, STOPPED, "stopped", None),
    (stop_plain, STOPPING, "stopping", None),
    (stop_flatten, RUNNING, "stopping", None),
    (stop_flatten, PAUSED, "stopping", None),
    (stop_flatten, HALTED, "stopping", None),
    (stop_flatten, STOPPED, "stopping", None),
    (stop_flatten, STOPPING, "stopping", None),
    (stop_flatten_flat, RUNNING, "stopped", None),
    (stop_flatten_flat, PAUSED, "stopped", None),
    (stop_flatten_flat, HALTED, "stopped", None),
    (stop_flatten_flat, STOPPED, "stopped", None),
    (stop_flatten_flat, STOPPING, "stopped", None),
]
REFUSED: list[tuple[Call, Bot, str]] = [
    (start, PAUSED, "resume it, or stop it"),
    (start, HALTED, "resume it, or stop it"),
    (start, STOPPING, "still selling"),
    (pause, STOPPED, "start it first"),
    (pause, STOPPING, "start it first"),
    (halt, STOPPED, "start it first"),
    (halt, STOPPING, "start it first"),
    (resume, STOPPED, "start it first"),
    (resume, STOPPING, "start it first"),
]


def test_the_tables_hold_every_call_in_every_state() -> None:
    pairs = [(call, before) for call, before, *_ in [*TABLE, *REFUSED]]

    assert len(pairs) == len(CALLS) * 5
    assert all((call, bot) in pairs for call in CALLS for bot in (RUNNING, PAUSED, HALTED, STOPPED, STOPPING))


@pytest.mark.parametrize(("call", "before", "observed", "by"), TABLE)
def test_a_call_leads_to_its_state(call: Call, before: Bot, observed: str, by: PausedBy | None) -> None:
    assert shown(call(before)) == (observed, by)


@pytest.mark.parametrize(("call", "before", "observed", "by"), TABLE)
def test_a_call_repeated_changes_nothing(call: Call, before: Bot, observed: str, by: PausedBy | None) -> None:
    once = call(before)

    assert call(once) is once


@pytest.mark.parametrize(("call", "before", "observed", "by"), TABLE)
def test_a_version_rises_by_one_with_a_change_and_only_then(
    call: Call, before: Bot, observed: str, by: PausedBy | None
) -> None:
    after = call(before)

    if shown(before) == (observed, by):
        assert after is before
    else:
        assert (after.version, after.updated_at) == (before.version + 1, NOON)


@pytest.mark.parametrize(("call", "before", "advice"), REFUSED)
def test_what_contradicts_the_state_is_a_conflict_that_says_what_to_do(call: Call, before: Bot, advice: str) -> None:
    with pytest.raises(Conflict, match=advice):
        call(before)


# start


def test_the_first_start_makes_a_bot_that_trades_from_now() -> None:
    bot = start(None)

    assert shown(bot) == ("running", None)
    assert (bot.run, bot.version, bot.trades_from, bot.initial_balance) == (1, 1, NOON, D(10_000))


def test_a_start_after_a_stop_is_a_new_run_of_the_same_bot() -> None:
    bot = start(replace(STOPPED, run=3), balance="500")

    assert (bot.run, bot.trades_from, bot.initial_balance) == (4, NOON, D(500))
    assert bot.created_at == STOPPED.created_at


@pytest.mark.parametrize("other", [{"balance": "9999"}, {"exchange": "kraken"}])
def test_a_start_with_other_parameters_while_running_is_a_conflict(other: dict[str, str]) -> None:
    with pytest.raises(Conflict, match="other parameters"):
        start(RUNNING, **other)


def test_a_start_with_the_same_balance_written_otherwise_is_a_repeat() -> None:
    assert start(RUNNING, balance="10000.00") is RUNNING


# pause and resume


def test_the_systems_pause_does_not_hide_the_users() -> None:
    assert halt(PAUSED).pause_reason == "lunch"


def test_the_users_pause_takes_over_the_systems() -> None:
    bot = pause(HALTED)

    assert (bot.paused_by, bot.pause_reason, bot.version) == (PausedBy.USER, "lunch", HALTED.version + 1)


def test_a_resumed_bot_trades_from_the_moment_of_resuming() -> None:
    bot = resumed(PAUSED, LATER)

    assert (bot.trades_from, bot.pause_reason, bot.run) == (LATER, "", PAUSED.run)


def test_a_resume_of_a_running_bot_does_not_move_its_start() -> None:
    assert resumed(RUNNING, LATER).trades_from == RUNNING.trades_from


# stop


def test_a_flatten_is_over_once_nothing_is_held() -> None:
    bot = flattened(STOPPING, LATER)

    assert shown(bot) == ("stopped", None)
    assert (bot.version, bot.updated_at) == (STOPPING.version + 1, LATER)
    assert flattened(bot, LATER) is bot


@pytest.mark.parametrize(
    ("bot", "may_enter", "is_watched"),
    [
        (RUNNING, True, True),
        (PAUSED, False, True),
        (HALTED, False, True),
        (STOPPED, False, False),
        (STOPPING, False, True),
    ],
)
def test_stops_are_held_in_every_state_but_stopped(bot: Bot, may_enter: bool, is_watched: bool) -> None:
    assert (bot.may_enter, bot.is_watched) == (may_enter, is_watched)


# Capital


def test_the_first_start_pays_in_the_initial_balance() -> None:
    assert capital_change(None, start(None)) == D(10_000)


@pytest.mark.parametrize(("balance", "moved"), [("12500", "2500"), ("4000", "-6000"), ("10000", "0")])
def test_a_new_initial_balance_moves_the_difference(balance: str, moved: str) -> None:
    assert capital_change(STOPPED, start(STOPPED, balance=balance)) == D(moved)


# Subscriptions and the roster


def test_percents_of_the_user_are_exact_fractions_inside() -> None:
    protection = a_subscription({"stop_loss_pct": 2.3, "take_profit_pct": "5", "trailing_stop_pct": None}).protection

    assert (protection.stop_loss_frac, protection.take_profit_frac) == (D("0.023"), D("0.05"))
    assert protection.trailing_stop_frac is None


def test_a_removed_strategy_is_no_longer_active() -> None:
    assert a_subscription().is_active
    assert not a_subscription(removed_at=NOON).is_active


def test_a_roster_is_read_market_by_market() -> None:
    btc, eth = a_market_key(), a_market_key("ETH/USDT")
    first, second, third = (
        a_roster_entry(btc, id="1"),
        a_roster_entry(eth, id="2"),
        a_roster_entry(btc, id="3"),
    )

    assert Roster(1, (first, second, third)).by_market() == {btc: [first, third], eth: [second]}
