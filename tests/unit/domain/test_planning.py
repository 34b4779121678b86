"""From a decision to an order or a reason: each rule, their order, and the sizes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from shared.domain.bots import Bot, Desired
from shared.domain.candles import Timeframe
from shared.domain.orders import Order, OrderState, Purpose
from shared.domain.planning import Decision, Desk, Quote, plan, plan_exit
from shared.domain.positions import ExitReason
from shared.domain.risk import Denial
from shared.domain.values import OrderType, Side
from tests.builders import (
    HOUR,
    MS,
    NOON,
    a_bot,
    a_decision,
    a_desk,
    a_grid,
    a_market,
    a_position,
    a_quote,
    a_subscription,
    an_account,
    an_exit,
    an_order,
    ms,
    some_limits,
)

D = Decimal
PAUSED = a_bot(desired=Desired.PAUSED)
STOPPED = a_bot(desired=Desired.STOPPED)


def planned(decision: Decision, desk: Desk, quote: Quote | None = None, **limits: Any) -> Order:
    outcome = plan(decision, desk, quote or a_quote(), some_limits(**limits))
    assert isinstance(outcome, Order), outcome
    return outcome


def refused(decision: Decision, desk: Desk, quote: Quote | None = None, **limits: Any) -> Denial:
    outcome = plan(decision, desk, quote or a_quote(), some_limits(**limits))
    assert isinstance(outcome, Denial), outcome
    return outcome


# What is planned


def test_a_price_through_the_floor_does_not_make_dust_of_what_was_worth_more() -> None:
    desk = a_desk(position=a_position(cost=D(10)))

    assert planned(a_decision(Side.SELL), desk, a_quote("4.99")).quantity == desk.position.quantity


def test_an_entry_in_trouble_does_not_keep_what_is_held_from_being_sold() -> None:
    desk = a_desk(position=a_position(), live_orders=(an_order(state=OrderState.UNKNOWN),))

    assert planned(a_decision(Side.SELL), desk, a_quote()).side is Side.SELL


def test_a_buy_becomes_a_planned_market_entry() -> None:
    # 10,000 × 0.02 at risk without a stop: 200 USDT, 2 at 100
    order = planned(a_decision(), a_desk())

    assert (order.side, order.type, order.purpose, order.state) == (
        Side.BUY,
        OrderType.MARKET,
        Purpose.ENTRY,
        OrderState.PLANNED,
    )
    assert (order.quantity, order.reserved, order.lots) == (D(2), D("202.202"), 1)
    assert (order.bot_id, order.strategy_id, order.symbol, order.reason) == ("default", "s1", "BTC/USDT", "crossed")
    assert order.position_id is None
    assert order.created_at == NOON


def test_a_sell_becomes_an_exit_of_the_whole_position() -> None:
    order = planned(a_decision(Side.SELL), a_desk(position=a_position(version=3)))

    assert (order.side, order.purpose, order.quantity, order.lots) == (Side.SELL, Purpose.EXIT, D(1), 1)
    assert (order.position_id, order.position_version, order.reason) == ("p1", 3, "signal")
    assert (order.reserved, order.expires_at) == (0, None)


def test_an_entry_is_worth_one_candle() -> None:
    subscription = a_subscription(timeframe=Timeframe.M5)
    decision = a_decision(subscription=subscription)

    assert planned(decision, a_desk(subscription=subscription)).expires_at == NOON + timedelta(minutes=5)


def test_the_stop_distance_sizes_an_entry() -> None:
    # 10,000 × 0.02 / 0.5 = 400
    desk = a_desk(subscription=a_subscription({"stop_loss_pct": 50}))

    assert planned(a_decision(), desk).quantity == D(4)


def test_the_largest_position_caps_an_entry() -> None:
    desk = a_desk(subscription=a_subscription({"stop_loss_pct": 1}))

    assert planned(a_decision(), desk, max_position_size=D(750)).quantity == D("7.5")


def test_free_cash_caps_an_entry() -> None:
    # Given a stop as far as the risk: the size is all of the equity, and headroom and fee come on top
    account = an_account(cash=D(500), equity=D(500), peak_equity=D(500), day_start_equity=D(500))
    desk = a_desk(account=account, subscription=a_subscription({"stop_loss_pct": 2}))

    order = planned(a_decision(), desk)

    # 500 / 1.01 / 1.001 = 494.56
    assert order.quantity == D("4.945")
    assert order.reserved <= D(500)


# Each reason


# Without a peak and a day's start there is no limit to reach.
BROKE = an_account(equity=D(0), peak_equity=D(0), day_start_equity=D(0))
TOO_LITTLE = an_account(cash=D(6), reserved=D(1))

SIMPLE: list[tuple[Denial, Decision, Desk, Quote]] = [
    (Denial.NOT_RUNNING, a_decision(), a_desk(bot=STOPPED), a_quote()),
    (Denial.NOT_RUNNING, a_decision(Side.SELL), a_desk(bot=STOPPED, position=a_position()), a_quote()),
    (Denial.NOT_RUNNING, a_decision(run=1), a_desk(bot=a_bot(run=2)), a_quote()),
    (Denial.STRATEGY_REMOVED, a_decision(), a_desk(subscription=a_subscription(removed_at=NOON)), a_quote()),
    (Denial.PAUSED, a_decision(), a_desk(bot=PAUSED), a_quote()),
    (Denial.MARKET_INACTIVE, a_decision(), a_desk(), a_quote(is_active=False)),
    (Denial.MARKET_INACTIVE, a_decision(), a_desk(), a_quote("0")),
    (Denial.DRAWDOWN_LIMIT, a_decision(), a_desk(account=an_account(equity=D(9000))), a_quote()),
    (Denial.DAILY_LOSS_LIMIT, a_decision(), a_desk(account=an_account(equity=D(9500))), a_quote()),
    (Denial.ORDER_IN_FLIGHT, a_decision(), a_desk(live_orders=(an_order(),)), a_quote()),
    (
        Denial.ORDER_IN_FLIGHT,
        a_decision(Side.SELL),
        a_desk(position=a_position(), live_orders=(an_exit(),)),
        a_quote(),
    ),
    (Denial.ALREADY_IN_POSITION, a_decision(), a_desk(position=a_position()), a_quote()),
    (Denial.NOTHING_TO_SELL, a_decision(Side.SELL), a_desk(), a_quote()),
    (
        Denial.NO_FREE_LEVEL,
        a_decision(lots=2),
        a_desk(subscription=a_grid(10), position=a_position(lots=5)),
        a_quote(),
    ),
    (Denial.INSUFFICIENT_CASH, a_decision(), a_desk(account=TOO_LITTLE), a_quote()),
    (Denial.INSUFFICIENT_CASH, a_decision(), a_desk(account=an_account(cash=D(-1))), a_quote()),
    (Denial.BELOW_MIN_QUANTITY, a_decision(), a_desk(), a_quote("1000000")),
    (Denial.BELOW_MIN_QUANTITY, a_decision(), a_desk(account=BROKE), a_quote()),
    (Denial.BELOW_MIN_NOTIONAL, a_decision(), a_desk(), a_quote(min_notional=D(201))),
    (
        Denial.BELOW_MIN_QUANTITY,
        a_decision(Side.SELL),
        a_desk(position=a_position(quantity=D("0.0009"))),
        a_quote("100000"),
    ),
    (Denial.BELOW_MIN_NOTIONAL, a_decision(Side.SELL), a_desk(position=a_position(cost=D("9.99"))), a_quote("4.99")),
]


def _named(value: object) -> str | None:
    return value.value if isinstance(value, Denial) else ""


@pytest.mark.parametrize(("denial", "decision", "desk", "quote"), SIMPLE, ids=_named)
def test_a_decision_is_refused_with_its_reason(denial: Denial, decision: Decision, desk: Desk, quote: Quote) -> None:
    assert refused(decision, desk, quote) is denial


# The order of the rules


def test_the_first_rule_that_holds_is_the_reason_given() -> None:
    # Given a desk on which every rule holds; each step takes the reason away that was given
    late = NOON + HOUR
    bot = a_bot(desired=Desired.STOPPED, trades_from=late)
    subscription = a_subscription(removed_at=NOON)
    account = an_account(equity=D(5000), cash=D(1))
    desk = Desk(bot, subscription, account, a_position(), (an_order(),))
    quote = Quote(a_market(is_active=False, min_notional=D(1000)), D(10_000_000), late)
    steps: list[tuple[Denial, dict[str, Any], dict[str, Any]]] = [
        (Denial.NOT_RUNNING, {"bot": replace(bot, desired=Desired.PAUSED)}, {}),
        (Denial.STRATEGY_REMOVED, {"subscription": a_subscription()}, {}),
        (Denial.CLOSED_BEFORE_START, {"bot": a_bot(desired=Desired.PAUSED)}, {}),
        (Denial.PAUSED, {"bot": a_bot()}, {}),
        (Denial.MARKET_INACTIVE, {}, {"market": a_market(min_notional=D(1000))}),
        (Denial.SIGNAL_EXPIRED, {}, {"now": NOON}),
        (Denial.DRAWDOWN_LIMIT, {"account": an_account(equity=D(9500), cash=D(1))}, {}),
        (Denial.DAILY_LOSS_LIMIT, {"account": an_account(cash=D(1))}, {}),
        (Denial.ORDER_IN_FLIGHT, {"live_orders": ()}, {}),
        (Denial.ALREADY_IN_POSITION, {"position": None}, {}),
        (Denial.INSUFFICIENT_CASH, {"account": an_account()}, {}),
        (Denial.BELOW_MIN_QUANTITY, {}, {"price": D(100)}),
        (Denial.BELOW_MIN_NOTIONAL, {}, {"market": a_market()}),
    ]

    for denial, desk_change, quote_change in steps:
        assert refused(a_decision(), desk, quote) is denial
        desk, quote = replace(desk, **desk_change), replace(quote, **quote_change)

    assert planned(a_decision(), desk, quote).quantity == D(2)


# Time


@pytest.mark.parametrize("since", ["trades_from", "active_from"])
def test_a_candle_that_closed_at_the_very_start_is_not_traded(since: str) -> None:
    # Given a candle that closed at noon, and a start at, or a millisecond before, that moment
    def desk(at_ms: int) -> Desk:
        at = NOON + at_ms * MS
        if since == "trades_from":
            return a_desk(bot=a_bot(trades_from=at))
        return a_desk(subscription=a_subscription(active_from=at))

    assert refused(a_decision(), desk(+1)) is Denial.CLOSED_BEFORE_START
    assert refused(a_decision(), desk(0)) is Denial.CLOSED_BEFORE_START
    assert planned(a_decision(), desk(-1)).quantity == D(2)


def test_an_exit_on_a_candle_that_closed_before_the_start_is_not_taken_either() -> None:
    desk = a_desk(bot=a_bot(trades_from=NOON), position=a_position())

    assert refused(a_decision(Side.SELL), desk) is Denial.CLOSED_BEFORE_START


def test_an_entry_expires_at_the_very_close_of_the_next_candle() -> None:
    assert planned(a_decision(), a_desk(), a_quote(now=NOON + HOUR - MS)).quantity == D(2)
    assert refused(a_decision(), a_desk(), a_quote(now=NOON + HOUR)) is Denial.SIGNAL_EXPIRED


def test_an_exit_does_not_expire() -> None:
    late = a_quote(now=NOON + 100 * HOUR)

    assert planned(a_decision(Side.SELL), a_desk(position=a_position()), late).quantity == D(1)


# Exits go on


@pytest.mark.parametrize(
    "desk",
    [
        a_desk(bot=PAUSED, position=a_position()),
        a_desk(account=an_account(equity=D(1)), position=a_position()),
        a_desk(account=an_account(cash=D(-100)), position=a_position()),
    ],
    ids=["paused", "beyond the drawdown", "without cash"],
)
def test_what_halts_entries_lets_exits_pass(desk: Desk) -> None:
    assert planned(a_decision(Side.SELL), desk).quantity == D(1)


def test_an_inactive_market_is_tried_all_the_same_when_leaving() -> None:
    order = planned(a_decision(Side.SELL), a_desk(position=a_position()), a_quote(is_active=False))

    assert order.quantity == D(1)


@pytest.mark.parametrize("bot", [a_bot(), PAUSED, STOPPED, a_bot(desired=Desired.STOPPED, is_stopping=True)])
def test_a_stop_is_planned_whatever_the_bot_is_asked_to_do(bot: Bot) -> None:
    order = plan_exit(bot, a_position(), ExitReason.STOP_LOSS, a_quote())

    assert isinstance(order, Order)
    assert (order.quantity, order.reason) == (D(1), "stop_loss")


@pytest.mark.parametrize(("least", "held"), [("0.05", "0.05"), ("0", "0.001")])
def test_an_exit_of_the_very_smallest_quantity_is_sent(least: str, held: str) -> None:
    quote = a_quote("5000", min_quantity=D(least))

    order = plan_exit(a_bot(), a_position(quantity=D(held)), ExitReason.STOP_LOSS, quote)

    assert isinstance(order, Order)
    assert order.quantity == D(held)
    below = a_position(quantity=D(held) - D("0.0001"))
    assert plan_exit(a_bot(), below, ExitReason.STOP_LOSS, quote) is Denial.BELOW_MIN_QUANTITY


def test_an_exit_without_a_bid_is_still_sent() -> None:
    # An empty book quotes zero: that must not leave a whole position as dust.
    assert isinstance(plan_exit(a_bot(), a_position(), ExitReason.FLATTEN, a_quote("0")), Order)


# Grids


def test_a_grids_full_position_is_shared_by_its_lower_levels() -> None:
    # 200 USDT in 5 lots of 40
    order = planned(a_decision(lots=1), a_desk(subscription=a_grid(10)))

    assert (order.quantity, order.lots) == (D("0.4"), 1)


def test_a_grid_buys_as_many_lots_as_levels_were_crossed() -> None:
    order = planned(a_decision(lots=3), a_desk(subscription=a_grid(10)))

    assert (order.quantity, order.lots) == (D("1.2"), 3)


def test_a_grid_buys_no_more_than_its_free_levels() -> None:
    desk = a_desk(subscription=a_grid(10), position=a_position(lots=4))

    order = planned(a_decision(lots=3), desk)

    assert (order.quantity, order.lots) == (D("0.4"), 1)


def test_each_lot_of_a_grid_can_be_sold_by_itself() -> None:
    # Given 3 lots of 40 USDT, where the venue takes no order below 41
    desk = a_desk(subscription=a_grid(10))

    assert refused(a_decision(lots=3), desk, a_quote(min_notional=D(41))) is Denial.BELOW_MIN_NOTIONAL


def test_free_cash_caps_the_lots_of_a_grid_together() -> None:
    # Given 101.101 free, what 100 need: 3 lots of 33.33 USDT
    desk = a_desk(subscription=a_grid(10), account=an_account(cash=D("101.101")))

    order = planned(a_decision(lots=3), desk)

    assert order.quantity == D("0.999")
    assert order.reserved <= D("101.101")


def test_a_grid_sells_its_share_for_each_level_crossed() -> None:
    desk = a_desk(subscription=a_grid(10), position=a_position(quantity=D("2.001"), lots=4))

    order = planned(a_decision(Side.SELL, lots=2), desk)

    assert (order.quantity, order.lots) == (D(1), 2)  # half of it, on the grid of 0.001


def test_a_grid_sells_no_more_than_it_holds() -> None:
    desk = a_desk(subscription=a_grid(10), position=a_position(quantity=D(2), lots=2))

    order = planned(a_decision(Side.SELL, lots=5), desk)

    assert (order.quantity, order.lots) == (D(2), 2)


def test_a_position_that_no_lot_was_counted_for_yet_still_counts_as_one() -> None:
    # Given what a late fill brought in
    late = a_position(lots=0)

    assert refused(a_decision(), a_desk(position=late)) is Denial.ALREADY_IN_POSITION
    assert planned(a_decision(Side.SELL), a_desk(position=late)).quantity == D(1)


def test_the_smallest_grids_have_one_level_and_two_below_their_anchor() -> None:
    one, two = a_desk(subscription=a_grid(2)), a_desk(subscription=a_grid(4))

    assert [planned(a_decision(lots=9), desk).lots for desk in (one, two)] == [1, 2]
    assert planned(a_decision(lots=9), replace(two, position=a_position(lots=0))).lots == 1
    assert refused(a_decision(), replace(two, position=a_position(lots=2))) is Denial.NO_FREE_LEVEL


# Identity


def test_one_candle_has_one_decision_whatever_its_side() -> None:
    assert a_decision(Side.BUY).key == a_decision(Side.SELL).key


@pytest.mark.parametrize(
    "other",
    [
        {"bot_id": "other"},
        {"run": 2},
        {"candle_open_ms": ms(NOON)},
        {"subscription": a_subscription(id="s2")},
        {"subscription": a_subscription(symbol="ETH/USDT")},
        {"subscription": a_subscription(timeframe=Timeframe.M30), "candle_open_ms": ms(NOON - HOUR)},
    ],
)
def test_another_bot_run_strategy_market_or_candle_is_another_decision(other: dict[str, Any]) -> None:
    assert a_decision(**other).key != a_decision().key


def test_a_decision_planned_twice_has_one_client_order_id() -> None:
    first, second = planned(a_decision(), a_desk()), planned(a_decision(), a_desk(), a_quote("90", now=NOON + MS))

    assert first.client_order_id == second.client_order_id


def test_monitor_strategy_and_user_together_make_one_exit() -> None:
    position = a_position()
    by_signal = planned(a_decision(Side.SELL), a_desk(position=position))
    by_price = plan_exit(a_bot(), position, ExitReason.STOP_LOSS, a_quote("98"))

    assert isinstance(by_price, Order)
    assert by_signal.client_order_id == by_price.client_order_id


# What is no number


@pytest.mark.parametrize("price", ["NaN", "sNaN"])
def test_a_price_that_is_no_number_makes_no_order(price: str) -> None:
    with pytest.raises(InvalidOperation):
        plan(a_decision(), a_desk(), a_quote(price), some_limits())


def test_an_endless_price_makes_no_order() -> None:
    assert refused(a_decision(), a_desk(), a_quote("Infinity")) is Denial.BELOW_MIN_QUANTITY


def test_equity_that_is_no_number_makes_no_order() -> None:
    with pytest.raises(InvalidOperation):
        plan(a_decision(), a_desk(account=an_account(equity=D("NaN"))), a_quote(), some_limits())
