"""One pass over open positions at the prices of one moment."""

from decimal import Decimal

import pytest

from shared.domain.bots import Desired
from shared.domain.positions import ExitReason
from shared.domain.watching import Watch, watch
from tests.builders import a_bot, a_position, a_ticker

D = Decimal
BOT = a_bot()
STOPPING = a_bot(desired=Desired.STOPPED, is_stopping=True)


def test_each_position_is_held_against_its_own_symbol() -> None:
    # Given three stops, of which one is hit
    btc = a_position(stop_loss=D(90))
    eth = a_position(id="p2", symbol="ETH/USDT", stop_loss=D(90))
    low = a_position(id="p3", stop_loss=D(10))
    tickers = {"BTC/USDT": a_ticker("91"), "ETH/USDT": a_ticker("89", "ETH/USDT")}

    verdict = watch([(BOT, btc), (BOT, eth), (BOT, low)], tickers)

    assert verdict == Watch(((eth, ExitReason.STOP_LOSS),), {})


@pytest.mark.parametrize("desired", [Desired.RUNNING, Desired.PAUSED])
def test_a_paused_bots_stops_are_held(desired: Desired) -> None:
    position = a_position(stop_loss=D(90))

    verdict = watch([(a_bot(desired=desired), position)], {"BTC/USDT": a_ticker("90")})

    assert verdict.exits == ((position, ExitReason.STOP_LOSS),)


def test_a_flatten_comes_before_every_other_reason_and_needs_no_price() -> None:
    position = a_position(stop_loss=D(90))

    assert watch([(STOPPING, position)], {"BTC/USDT": a_ticker("1")}).exits == ((position, ExitReason.FLATTEN),)
    assert watch([(STOPPING, position)], {}).exits == ((position, ExitReason.FLATTEN),)


def test_a_position_without_a_price_is_left_to_the_next_pass() -> None:
    assert watch([(BOT, a_position(stop_loss=D(90)))], {}) == Watch((), {})


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "sNaN", "Infinity"])
def test_a_price_that_is_none_hits_no_stop_and_hides_no_other_position(price: str) -> None:
    # Given one symbol with a senseless price, and another whose stop is hit
    broken = a_position(stop_loss=D(90), take_profit=D(110), trailing_stop_frac=D("0.1"))
    sound = a_position(id="p2", symbol="ETH/USDT", stop_loss=D(90))
    tickers = {"BTC/USDT": a_ticker(price), "ETH/USDT": a_ticker("80", "ETH/USDT")}

    verdict = watch([(BOT, broken), (BOT, sound)], tickers)

    assert verdict == Watch(((sound, ExitReason.STOP_LOSS),), {})


def test_a_mark_that_rose_is_reported() -> None:
    position = a_position(trailing_stop_frac=D("0.1"), high_water=D(100))

    assert watch([(BOT, position)], {"BTC/USDT": a_ticker("120")}) == Watch((), {"p1": D(120)})


@pytest.mark.parametrize("price", ["99", "100"])
def test_a_mark_that_did_not_rise_is_not_reported(price: str) -> None:
    position = a_position(trailing_stop_frac=D("0.1"), high_water=D(100))

    assert watch([(BOT, position)], {"BTC/USDT": a_ticker(price)}).high_water == {}


def test_a_position_without_a_trailing_stop_keeps_no_mark() -> None:
    assert watch([(BOT, a_position())], {"BTC/USDT": a_ticker("120")}) == Watch((), {})


def test_a_pass_after_a_rise_holds_the_raised_trailing_stop() -> None:
    # Given a mark of 120, raised by an earlier pass: the stop is at 108
    position = a_position(trailing_stop_frac=D("0.1"), high_water=D(120))

    verdict = watch([(BOT, position)], {"BTC/USDT": a_ticker("107")})

    assert verdict == Watch(((position, ExitReason.TRAILING_STOP),), {})


def test_a_coin_worth_a_fraction_of_a_cent_has_a_price() -> None:
    position = a_position(stop_loss=D("0.0005"))

    verdict = watch([(BOT, position)], {"BTC/USDT": a_ticker("0.0004")})

    assert verdict.exits == ((position, ExitReason.STOP_LOSS),)


def test_what_is_being_left_is_left_at_any_price_and_without_one() -> None:
    # Given a stop that was hit at 90 and whose exit came to nothing; the price is back above it
    position = a_position(stop_loss=D(90), leaving=ExitReason.STOP_LOSS)

    for tickers in ({"BTC/USDT": a_ticker("95")}, {"BTC/USDT": a_ticker("NaN")}, {}):
        assert watch([(BOT, position)], tickers).exits == ((position, ExitReason.STOP_LOSS),)


def test_a_stop_that_is_hit_while_a_gain_is_being_taken_is_the_reason_from_then_on() -> None:
    position = a_position(stop_loss=D(90), take_profit=D(110), leaving=ExitReason.TAKE_PROFIT)

    assert watch([(BOT, position)], {"BTC/USDT": a_ticker("90")}).exits == ((position, ExitReason.STOP_LOSS),)
    assert watch([(BOT, position)], {"BTC/USDT": a_ticker("91")}).exits == ((position, ExitReason.TAKE_PROFIT),)


def test_a_more_urgent_reason_is_not_forgotten_for_a_milder_one() -> None:
    position = a_position(stop_loss=D(90), take_profit=D(110), leaving=ExitReason.STOP_LOSS)

    assert watch([(BOT, position)], {"BTC/USDT": a_ticker("111")}).exits == ((position, ExitReason.STOP_LOSS),)


def test_a_flatten_takes_over_what_is_being_left() -> None:
    position = a_position(leaving=ExitReason.SIGNAL)

    assert watch([(STOPPING, position)], {}).exits == ((position, ExitReason.FLATTEN),)
