"""Which candles are due, and who acts on what was evaluated."""

import pytest

from shared.domain.bots import MarketKey, Roster
from shared.domain.candles import Timeframe
from shared.domain.evaluating import (
    CATCH_UP,
    GroupKey,
    decisions,
    due_candles,
    due_groups,
    due_markets,
    exits_first,
    groups,
)
from shared.domain.signals import Action, Evaluation
from shared.domain.values import Side
from tests.builders import NOON, a_decision, a_market_key, a_roster_entry, ms

MINUTE = 60_000
T0 = ms(NOON)
BTC = a_market_key("BTC/USDT", Timeframe.M1)
ETH = a_market_key("ETH/USDT", Timeframe.M1)


# Due candles


def test_what_was_never_evaluated_is_due_for_the_newest_closed_candle_alone() -> None:
    assert due_candles(BTC, None, T0) == [T0 - MINUTE]


def test_a_candle_is_due_from_the_very_millisecond_of_its_close() -> None:
    assert due_candles(BTC, T0 - MINUTE, T0 + MINUTE - 1) == []
    assert due_candles(BTC, T0 - MINUTE, T0 + MINUTE) == [T0]


def test_what_was_decided_is_not_due_again() -> None:
    assert due_candles(BTC, T0, T0 + MINUTE) == []


def test_a_clock_that_went_back_makes_nothing_due() -> None:
    assert due_candles(BTC, T0, T0 - 10 * MINUTE) == []


def test_missed_candles_are_caught_up_oldest_first() -> None:
    assert due_candles(BTC, T0, T0 + 4 * MINUTE) == [T0 + MINUTE, T0 + 2 * MINUTE, T0 + 3 * MINUTE]


@pytest.mark.parametrize(("missed", "due"), [(99, 99), (100, 100), (101, 100), (5_000, 100)])
def test_no_more_than_a_hundred_candles_are_caught_up(missed: int, due: int) -> None:
    now = T0 + (missed + 1) * MINUTE

    found = due_candles(BTC, T0, now)

    assert CATCH_UP == 100
    assert len(found) == due
    assert found[-1] == now - MINUTE


def test_a_longer_timeframe_is_due_on_its_own_grid() -> None:
    assert due_candles(a_market_key(timeframe=Timeframe.D1), None, T0) == [ms(NOON.replace(day=4, hour=0))]


# Groups and markets


def test_the_same_strategy_and_parameters_on_one_market_are_one_group() -> None:
    first, second = a_roster_entry(BTC, id="1"), a_roster_entry(BTC, id="2")
    other, elsewhere = a_roster_entry(BTC, id="3", group="g2"), a_roster_entry(ETH, id="4")

    assert groups([first, other, second, elsewhere]) == {
        GroupKey(BTC, "g1"): [first, second],
        GroupKey(BTC, "g2"): [other],
        GroupKey(ETH, "g1"): [elsewhere],
    }


def test_a_market_is_due_as_soon_as_one_of_its_groups_is() -> None:
    roster = Roster(1, (a_roster_entry(BTC), a_roster_entry(BTC, group="g2"), a_roster_entry(ETH)))
    newest = T0 - MINUTE
    decided = {GroupKey(BTC, "g1"): newest, GroupKey(ETH, "g1"): newest}

    assert due_markets(roster, decided, {"binance": T0}) == {"binance": [BTC]}


def test_each_candle_is_due_for_the_groups_that_have_not_decided_it() -> None:
    behind, new = a_roster_entry(BTC, id="1"), a_roster_entry(BTC, id="2", group="g2")
    decided = {GroupKey(BTC, "g1"): T0 - 3 * MINUTE}

    due = due_groups([behind, new], decided, T0)

    assert list(due) == [T0 - 2 * MINUTE, T0 - MINUTE]
    assert due[T0 - 2 * MINUTE] == {GroupKey(BTC, "g1"): [behind]}
    assert due[T0 - MINUTE] == {GroupKey(BTC, "g1"): [behind], GroupKey(BTC, "g2"): [new]}


def test_markets_are_due_by_exchange_and_in_order() -> None:
    other = MarketKey("kraken", "BTC/USDT", Timeframe.M1)
    roster = Roster(1, (a_roster_entry(ETH), a_roster_entry(other), a_roster_entry(BTC)))

    assert due_markets(roster, {}, {"binance": T0, "kraken": T0}) == {"binance": [BTC, ETH], "kraken": [other]}


def test_an_exchange_whose_time_is_unknown_has_nothing_due() -> None:
    assert due_markets(Roster(1, (a_roster_entry(BTC),)), {}, {"kraken": T0}) == {}


def test_an_exchange_with_everything_decided_is_absent() -> None:
    roster = Roster(1, (a_roster_entry(BTC),))

    assert due_markets(roster, {GroupKey(BTC, "g1"): T0 - MINUTE}, {"binance": T0}) == {}


# Decisions


def test_a_hold_is_nobodys_decision() -> None:
    assert decisions([a_roster_entry(BTC)], Evaluation(T0, Action.HOLD)) == []


def test_a_signal_is_a_decision_of_every_subscription_of_the_group() -> None:
    entries = [a_roster_entry(BTC, id="1", bot_id="a", run=2), a_roster_entry(BTC, id="2", bot_id="b", run=7)]

    found = decisions(entries, Evaluation(T0, Action.SELL, lots=3, reason="rose through 3 levels"))

    assert [(d.bot_id, d.run, d.subscription.id) for d in found] == [("a", 2, "1"), ("b", 7, "2")]
    assert {(d.candle_open_ms, d.side, d.lots, d.reason) for d in found} == {
        (T0, Side.SELL, 3, "rose through 3 levels")
    }


def test_a_decision_is_on_a_candle_that_closes_a_timeframe_later() -> None:
    (decision,) = decisions([a_roster_entry(BTC)], Evaluation(T0, Action.BUY, lots=1))

    assert decision.closed_at_ms == T0 + MINUTE


def test_exits_come_before_entries_and_keep_their_order() -> None:
    order = [(Side.BUY, "1"), (Side.SELL, "2"), (Side.BUY, "3"), (Side.SELL, "4")]

    found = exits_first(a_decision(side, bot_id=bot) for side, bot in order)

    assert [decision.bot_id for decision in found] == ["2", "4", "1", "3"]


@pytest.mark.parametrize(("action", "side"), [("buy", Side.BUY), ("sell", Side.SELL), ("hold", None)])
def test_an_action_names_its_side(action: str, side: Side | None) -> None:
    assert Action(action).side is side
