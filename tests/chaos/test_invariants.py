"""The checker can fail: sound evidence, and the same with one thing wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.chaos.evidence import Evidence, Row
from tests.chaos.invariants import INVARIANTS, violations

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
ENTRY, EXIT = "b-entry", "b-exit"


def an_order(intent: str, side: str, filled: str) -> Row:
    purpose = "entry" if side == "buy" else "exit"
    return {
        **{"client_order_id": intent, "purpose": purpose, "side": side, "position_id": "p1"},
        **{"state": "filled", "filled": Decimal(filled), "attempt": 1, "epoch": 1},
    }


def a_fill(trade_id: str, intent: str, side: str, quantity: str, fee: str) -> Row:
    fee_currency = "BTC" if side == "buy" else "USDT"
    return {
        **{"trade_id": trade_id, "symbol": "BTC/USDT", "client_order_id": intent, "side": side},
        **{"quantity": Decimal(quantity), "price": Decimal(100), "fee": Decimal(fee), "fee_currency": fee_currency},
    }


def an_event(number: int, kind: str, **payload: Any) -> Row:
    at = START + timedelta(seconds=number)
    told = {"type": kind, "bot_id": "default", "payload": payload, "at": at}
    return {"number": number, "is_sent": True, "is_old": True, **told}


def of(intent: str, state: str, attempt: int = 1) -> dict[str, Any]:
    return {"client_order_id": intent, "state": state, "attempt": attempt, "epoch": 1}


def a_decision(candle: int) -> Row:
    slot = {"bot_id": "default", "run": 1, "strategy_id": "s1", "symbol": "BTC/USDT", "timeframe": "1s"}
    return {**slot, "candle_open_ms": START_MS + candle * 1000}


def a_candle(number: int, late_s: float = 1.2) -> Row:
    decided_at = START + timedelta(seconds=number + late_s)
    slot = {"symbol": "BTC/USDT", "timeframe": "1s", "candle_open_ms": START_MS + number * 1000}
    return {**slot, "decided_at": decided_at}


def at_the_venue(intent: str, side: str, filled: str, at_ms: int) -> Row:
    return {"clientOrderId": intent, "side": side, "executedQty": filled, "processedTime": at_ms}


def a_line(asset: str, amount: str, kind: str = "trade") -> Row:
    return {"asset": asset, "ledger_account": "assets", "kind": kind, "amount": Decimal(amount)}


# Bought 2 BTC at 100, a fee of 0.002 BTC; sold 1 at 100, a fee of 0.1 USDT.
SOUND = Evidence(
    orders=[an_order(ENTRY, "buy", "2"), an_order(EXIT, "sell", "1")],
    fills=[a_fill("1", ENTRY, "buy", "2", "0.002"), a_fill("2", EXIT, "sell", "1", "0.1")],
    positions=[{"id": "p1", "base": "BTC", "quote": "USDT", "quantity": Decimal("0.998")}],
    ledger=[
        a_line("USDT", "10000", "capital"),
        a_line("USDT", "-100"),
        a_line("USDT", "-0.1", "fee"),
        a_line("BTC", "1"),
        a_line("BTC", "-0.002", "fee"),
    ],
    bots=[{"id": "default", "version": 1}],
    decisions=[a_decision(1), a_decision(2)],
    candles=[a_candle(1), a_candle(2), a_candle(3)],
    events=[
        an_event(1, "OrderPlanned", **of(ENTRY, "planned", 0)),
        an_event(2, "OrderChanged", **of(ENTRY, "sending")),
        an_event(3, "OrderFilled", **of(ENTRY, "filled"), trade_id="1"),
        an_event(4, "OrderChanged", **of(ENTRY, "filled")),
        an_event(5, "OrderPlanned", **of(EXIT, "planned", 0)),
        an_event(6, "OrderChanged", **of(EXIT, "sending")),
        an_event(7, "OrderFilled", **of(EXIT, "filled"), trade_id="2"),
        an_event(8, "OrderChanged", **of(EXIT, "filled")),
        an_event(9, "BotStarted", version=1),
    ],
    stream=[
        (1, "OrderPlanned"),
        (2, "OrderChanged"),
        (3, "OrderFilled"),
        (4, "OrderChanged"),
        (5, "OrderPlanned"),
        (6, "OrderChanged"),
        (7, "OrderFilled"),
        (8, "OrderChanged"),
        (9, "BotStarted"),
    ],
    venue_orders=[at_the_venue(ENTRY, "BUY", "2.0", START_MS + 2000), at_the_venue(EXIT, "SELL", "1", START_MS + 3000)],
    venue_trades=[
        {"id": 1, "qty": "2.00", "price": "100", "commission": "0.00200000"},
        {"id": 2, "qty": "1.00", "price": "100", "commission": "0.1"},
    ],
    changed_balances={"USDT": Decimal("-100.1"), "BTC": Decimal("0.998"), "BNB": Decimal(0)},
    calls_ms=[START_MS, START_MS + 400, START_MS + 1100],
    budget=(2, 1000),
    silences=[(START_MS + 5000, START_MS + 9000)],
)


def without(rows: Sequence[Any], at: int) -> list[Any]:
    return [*rows[:at], *rows[at + 1 :]]


def with_row(rows: Sequence[Row], at: int, **changed: Any) -> list[Row]:
    return [*rows[:at], {**rows[at], **changed}, *rows[at + 1 :]]


def with_event(at: int, **changed: Any) -> Evidence:
    event = SOUND.events[at]
    return replace(SOUND, events=with_row(SOUND.events, at, payload={**event["payload"], **changed}))


DOCTORED: dict[str, tuple[str, Callable[[], Evidence]]] = {
    "an intent sent twice": (
        "I1",
        lambda: replace(SOUND, venue_orders=[*SOUND.venue_orders, at_the_venue(ENTRY, "BUY", "0", START_MS)]),
    ),
    "an order at the venue that no row knows": (
        "I1",
        lambda: replace(SOUND, venue_orders=[*SOUND.venue_orders, at_the_venue("b-other", "BUY", "0", START_MS)]),
    ),
    "bytes that left without SENDING": ("I1", lambda: replace(SOUND, orders=with_row(SOUND.orders, 0, attempt=0))),
    "a trade that was not recorded": ("I2", lambda: replace(SOUND, fills=without(SOUND.fills, 1))),
    "a fill that never was": ("I2", lambda: replace(SOUND, venue_trades=without(SOUND.venue_trades, 1))),
    "a fee that differs": (
        "I2",
        lambda: replace(SOUND, venue_trades=with_row(SOUND.venue_trades, 1, commission="0.2")),
    ),
    "an order that the venue filled further": (
        "I2",
        lambda: replace(SOUND, venue_orders=with_row(SOUND.venue_orders, 0, executedQty="2.5")),
    ),
    "a position beside its fills": (
        "I3",
        lambda: replace(SOUND, positions=with_row(SOUND.positions, 0, quantity=Decimal(1))),
    ),
    "a fill without a position": ("I3", lambda: replace(SOUND, orders=with_row(SOUND.orders, 0, position_id=None))),
    "a balance beside the ledger": (
        "I4",
        lambda: replace(SOUND, changed_balances={**SOUND.changed_balances, "USDT": Decimal(-100)}),
    ),
    "a fee in a third currency that was not booked": (
        "I4",
        lambda: replace(SOUND, changed_balances={**SOUND.changed_balances, "BNB": Decimal("-0.01")}),
    ),
    "a state that no event told": ("I5", lambda: replace(SOUND, orders=with_row(SOUND.orders, 0, state="canceled"))),
    "a step that there is none of": ("I5", lambda: with_event(1, state="acked")),
    "an order told twice": ("I5", lambda: with_event(3, state="sending", attempt=2)),
    "a fill told twice": ("I5", lambda: with_event(6, trade_id="1")),
    "a change of the bot that nobody was told": (
        "I5",
        lambda: replace(SOUND, bots=[{"id": "default", "version": 2}]),
    ),
    "a change of the bot that was told twice": (
        "I5",
        lambda: replace(SOUND, events=[*SOUND.events, an_event(10, "BotPaused", version=1)]),
    ),
    "a gap in the numbers": ("I5", lambda: replace(SOUND, events=without(SOUND.events, 2))),
    "an event that nobody published": (
        "I5",
        lambda: replace(SOUND, events=with_row(SOUND.events, 8, is_sent=False), stream=without(SOUND.stream, 8)),
    ),
    "an event marked as sent that is not on the stream": (
        "I5",
        lambda: replace(SOUND, stream=without(SOUND.stream, 8)),
    ),
    "a hole in the stream": ("I5", lambda: replace(SOUND, stream=without(SOUND.stream, 3))),
    "another event on the stream": (
        "I5",
        lambda: replace(SOUND, stream=[*without(SOUND.stream, 8), (9, "OrderFilled")]),
    ),
    "a slot decided twice": ("I6", lambda: replace(SOUND, decisions=[*SOUND.decisions, a_decision(2)])),
    "a candle that nobody evaluated": ("I6", lambda: replace(SOUND, candles=without(SOUND.candles, 1))),
    "an entry after a pause was answered": (
        "I7",
        lambda: replace(SOUND, venue_orders=with_row(SOUND.venue_orders, 0, processedTime=START_MS + 5001)),
    ),
    "an order without an end": ("I8", lambda: replace(SOUND, orders=with_row(SOUND.orders, 0, state="unknown"))),
    "an epoch that falls": ("I9", lambda: with_event(1, epoch=2)),
    "an attempt that is counted twice": ("I9", lambda: with_event(1, attempt=2)),
    "calls beyond the budget": ("I10", lambda: replace(SOUND, calls_ms=[*SOUND.calls_ms, START_MS + 1200])),
}


def test_sound_evidence_contradicts_nothing() -> None:
    assert violations(SOUND) == []


@pytest.mark.parametrize("what", DOCTORED)
def test_what_is_wrong_is_found(what: str) -> None:
    invariant, doctored = DOCTORED[what]

    found = violations(doctored())

    assert any(line.startswith(f"{invariant} ") for line in found), found


def test_every_invariant_is_seen_to_fail() -> None:
    failed = {line.split(":")[0] for _, doctored in DOCTORED.values() for line in violations(doctored())}

    assert failed == set(INVARIANTS)


def test_an_exit_in_a_silence_is_allowed() -> None:
    orders = with_row(SOUND.venue_orders, 1, processedTime=START_MS + 5001)

    assert violations(replace(SOUND, venue_orders=orders)) == []


def test_candles_of_a_stopped_bot_are_nobodys() -> None:
    # Given candles 4 to 30 undecided, and the bot stopped from 4 to 30
    stopped = {**an_event(10, "BotStopped", version=2), "at": START + timedelta(seconds=4)}
    started = {**an_event(11, "BotStarted", version=3), "at": START + timedelta(seconds=30)}

    found = violations(
        replace(
            SOUND,
            events=[*SOUND.events, stopped, started],
            stream=[*SOUND.stream, (10, "BotStopped"), (11, "BotStarted")],
            bots=[{"id": "default", "version": 3}],
            candles=[*SOUND.candles, a_candle(31)],
        )
    )

    assert found == []


def test_what_was_too_old_to_be_caught_up_is_documented() -> None:
    # Given an outage after candle 3, and candle 53 the oldest of a hundred caught up at 153
    candles = [*SOUND.candles, *(a_candle(number, late_s=154 - number) for number in range(53, 153))]

    assert violations(replace(SOUND, candles=candles)) == []
