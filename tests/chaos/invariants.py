"""The ten invariants, asked of what a run left behind. Pure: each function returns what contradicts it, in words.

Written from the protocol's description, not from the product's tables: both would be wrong in the same way.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.chaos.evidence import Evidence, Row

ENDS = frozenset({"filled", "canceled", "expired", "rejected", "denied"})
ON_THE_VENUE = {"acked", "partially_filled", "filled", "canceled", "expired"}
DOUBT = {*ON_THE_VENUE, "rejected", "not_placed", "quarantined"}
STEPS: Mapping[str, set[str]] = {
    "": {"planned"},
    "planned": {"sending", "denied", "expired"},
    "sending": {*DOUBT, "unknown", "planned"},
    "unknown": DOUBT,
    "not_placed": {"planned", "expired"},
    "acked": {"partially_filled", "filled", "canceled", "expired", "quarantined"},
    "partially_filled": {"filled", "canceled", "expired", "quarantined"},
    "quarantined": {*ON_THE_VENUE, "not_placed"},
}
COMMANDS = frozenset({"BotStarted", "BotPaused", "BotResumed", "BotStopped", "BotFlattened"})
CATCH_UP = 100  # Candles; what was older when an outage ended stays undecided, as the documents say.
STOP_MARGIN_MS = 3000  # Between a state's event and the tick that heeds it.
TIMEFRAME_MS = {"1s": 1000, "1m": 60_000}


def violations(evidence: Evidence) -> list[str]:
    """Everything that is wrong, each line led by its invariant."""
    return [f"{name}: {line}" for name, look in INVARIANTS.items() for line in look(evidence)]


def one_venue_order_per_intent(e: Evidence) -> Iterator[str]:
    ours = {order["client_order_id"]: order for order in e.orders}
    for intent, count in Counter(order["clientOrderId"] for order in e.venue_orders).items():
        if count > 1:
            yield f"{intent} is {count} orders at the venue"
        if intent not in ours:
            yield f"{intent} is at the venue and in no row"
        elif not ours[intent]["attempt"]:
            yield f"{intent} is at the venue and was never SENDING"


def same_fills(e: Evidence) -> Iterator[str]:
    theirs = Counter((str(t["id"]), *_plain(t["qty"], t["price"], t["commission"])) for t in e.venue_trades)
    ours = Counter((f["trade_id"], *_plain(f["quantity"], f["price"], f["fee"])) for f in e.fills)
    yield from (f"only at the venue: {trade}" for trade in theirs - ours)
    yield from (f"only in the ledger: {trade}" for trade in ours - theirs)
    filled = {order["client_order_id"]: order["filled"] for order in e.orders}
    for order in e.venue_orders:
        if filled.get(order["clientOrderId"], 0) != Decimal(order["executedQty"]):
            yield f"{order['clientOrderId']} filled {order['executedQty']}, we say {filled.get(order['clientOrderId'])}"


def positions_are_their_fills(e: Evidence) -> Iterator[str]:
    position_of = {order["client_order_id"]: order["position_id"] for order in e.orders}
    base_of = {position["id"]: position["base"] for position in e.positions}
    held: dict[str, Decimal] = defaultdict(Decimal)
    for fill in e.fills:
        position_id = position_of.get(fill["client_order_id"])
        if position_id not in base_of:
            yield f"fill {fill['trade_id']} belongs to no position"
            continue
        held[position_id] += fill["quantity"] if fill["side"] == "buy" else -fill["quantity"]
        held[position_id] -= fill["fee"] if fill["fee_currency"] == base_of[position_id] else 0
    for position in e.positions:
        if position["quantity"] != held[position["id"]]:
            yield f"{position['id']} holds {position['quantity']}, its fills leave {held[position['id']]}"


def balances_are_the_ledger(e: Evidence) -> Iterator[str]:
    moved: dict[str, Decimal] = defaultdict(Decimal)
    for line in e.ledger:
        if line["ledger_account"] == "assets" and line["kind"] != "capital":
            moved[line["asset"]] += line["amount"]
    for asset in {*moved, *e.changed_balances}:
        if moved[asset] != e.changed_balances.get(asset, 0):
            yield f"{asset} changed by {e.changed_balances.get(asset, 0)} at the venue, by {moved[asset]} in the ledger"


def every_transition_has_its_event(e: Evidence) -> Iterator[str]:
    chains = _chains(e)
    for order in e.orders:
        states = [event["payload"]["state"] for event in chains.get(order["client_order_id"], [])]
        for before, after in pairwise(["", *states]):
            if after not in STEPS.get(before, set()):
                yield f"{order['client_order_id']}: {before or 'nothing'} → {after}"
        if states[-1:] != [order["state"]]:
            yield f"{order['client_order_id']} is {order['state']}, its events say {states}"
        if states.count("sending") != order["attempt"]:
            yield f"{order['client_order_id']} was sent {order['attempt']} times, its events say {states}"
    told = Counter(event["payload"]["trade_id"] for event in e.events if event["type"] == "OrderFilled")
    if told != Counter(fill["trade_id"] for fill in e.fills):
        yield f"fills and OrderFilled differ: {told - Counter(f['trade_id'] for f in e.fills)} and the other way round"


def every_command_has_its_event(e: Evidence) -> Iterator[str]:
    """Each change of a bot raises its version by one and is told once."""
    for bot in e.bots:
        told = [
            event["payload"]["version"]
            for event in e.events
            if event["type"] in COMMANDS and event["bot_id"] == bot["id"]
        ]
        if told != list(range(1, bot["version"] + 1)):
            yield f"{bot['id']} is at version {bot['version']}, its events break at {_breaks([0, *told])}"


def events_are_gapless_and_published(e: Evidence) -> Iterator[str]:
    numbers = [event["number"] for event in e.events if event["number"] is not None]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the numbers have a gap or a double: {_breaks(numbers)}"
    if unsent := [event["number"] for event in e.events if event["is_old"] and not event["is_sent"]]:
        yield f"{len(unsent)} old events were never published: {unsent[:5]}"
    kinds = {event["number"]: event["type"] for event in e.events}
    last = max(numbers, default=0)
    stream = [(number, kind) for number, kind in e.stream if number <= last]
    ids = [number for number, _ in stream]
    if ids and ids != list(range(ids[0], ids[0] + len(ids))):
        yield f"the stream has a gap or a double: {_breaks(ids)}"
    if wrong := [(number, kind) for number, kind in stream if kinds.get(number) != kind]:
        yield f"the stream differs from the outbox: {wrong[:5]}"
    sent = max((event["number"] for event in e.events if event["is_sent"]), default=0)
    if sent and (not ids or ids[-1] < sent):
        yield f"event {sent} is marked as sent, the stream ends at {ids[-1:]}"


def every_candle_is_decided_once(e: Evidence) -> Iterator[str]:
    slots = Counter(tuple(decision.values()) for decision in e.decisions)
    yield from (f"decided {count} times: {slot}" for slot, count in slots.items() if count > 1)
    stops = _stops(e)
    by_market: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for candle in e.candles:
        at_ms = candle["decided_at"].timestamp() * 1000
        by_market[candle["symbol"], candle["timeframe"]][candle["candle_open_ms"]] = at_ms
    for (symbol, timeframe), decided in by_market.items():
        for missing in _holes(decided, TIMEFRAME_MS[timeframe], stops):
            yield f"{symbol} {timeframe}: the candle of {missing} was not evaluated"


def nothing_enters_a_silence(e: Evidence) -> Iterator[str]:
    entries = {order["client_order_id"] for order in e.orders if order["purpose"] == "entry"}
    for order in e.venue_orders:
        if order["clientOrderId"] not in entries:
            continue
        at_ms = float(order["processedTime"])
        for start_ms, end_ms in e.silences:
            if start_ms < at_ms < end_ms:
                yield f"entry {order['clientOrderId']} was placed {at_ms - start_ms:.0f} ms after the call was answered"


def every_intent_ends(e: Evidence) -> Iterator[str]:
    for order in e.orders:
        if order["state"] not in ENDS:
            yield f"{order['client_order_id']} is {order['state']}"


def epochs_never_fall(e: Evidence) -> Iterator[str]:
    stored = {order["client_order_id"]: order for order in e.orders}
    for intent, chain in _chains(e).items():
        epochs = [event["payload"]["epoch"] for event in chain]
        if epochs != sorted(epochs):
            yield f"{intent}: {epochs}"
        attempts = [event["payload"]["attempt"] for event in chain if event["payload"]["state"] == "sending"]
        if attempts != list(range(1, len(attempts) + 1)):
            yield f"{intent}: attempts {attempts}"
        if intent in stored and epochs[-1] > stored[intent]["epoch"]:
            yield f"{intent}: stored epoch {stored[intent]['epoch']} is below {epochs[-1]}"


def calls_keep_to_the_budget(e: Evidence) -> Iterator[str]:
    most, window_ms = e.budget
    first = 0
    worst = (0, 0)
    for last, at_ms in enumerate(e.calls_ms):
        while e.calls_ms[first] <= at_ms - window_ms:
            first += 1
        worst = max(worst, (last - first + 1, at_ms))
    if worst[0] > most:
        yield f"{worst[0]} calls in the {window_ms} ms before {worst[1]}, allowed are {most}"


INVARIANTS: Mapping[str, Callable[[Evidence], Iterator[str]]] = {
    "I1 one venue order per intent": one_venue_order_per_intent,
    "I2 the same fills": same_fills,
    "I3 positions are their fills": positions_are_their_fills,
    "I4 balances are the ledger": balances_are_the_ledger,
    "I5 every transition has its event": every_transition_has_its_event,
    "I5 every command has its event": every_command_has_its_event,
    "I5 events are gapless and published": events_are_gapless_and_published,
    "I6 every candle is decided once": every_candle_is_decided_once,
    "I7 nothing enters a silence": nothing_enters_a_silence,
    "I8 every intent ends": every_intent_ends,
    "I9 epochs never fall": epochs_never_fall,
    "I10 calls keep to the budget": calls_keep_to_the_budget,
}


def _plain(*values: Any) -> tuple[str, ...]:
    return tuple(format(Decimal(str(value)).normalize(), "f") for value in values)


def _chains(e: Evidence) -> dict[str, list[Row]]:
    """Each order's own events of state, in the order of their numbers."""
    chains: dict[str, list[Row]] = defaultdict(list)
    for event in e.events:
        if event["type"] in {"OrderPlanned", "OrderChanged"}:
            chains[event["payload"]["client_order_id"]].append(event)
    return chains


def _breaks(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return [(a, b) for a, b in pairwise(numbers) if b != a + 1][:5]


def _stops(e: Evidence) -> list[tuple[float, float]]:
    """(from, until) in ms, in which the bot was stopped: its markets were nobody's."""
    stops: list[tuple[float, float]] = []
    since: float | None = None
    for event in e.events:
        at_ms = event["at"].timestamp() * 1000
        if event["type"] == "BotStopped" and since is None:
            since = at_ms
        elif event["type"] == "BotStarted" and since is not None:
            stops.append((since - STOP_MARGIN_MS, at_ms + STOP_MARGIN_MS))
            since = None
    return stops if since is None else [*stops, (since - STOP_MARGIN_MS, float("inf"))]


def _holes(decided: Mapping[int, float], step_ms: int, stops: Sequence[tuple[float, float]]) -> Iterator[int]:
    """Open times between the first and the last that were not decided, `decided` being open time → when."""
    for before, after in pairwise(sorted(decided)):
        # After a longer outage the newest hundred are caught up, and only those.
        if decided[after] - after >= (CATCH_UP - 1) * step_ms:
            continue
        for open_ms in range(before + step_ms, after, step_ms):
            if not any(start <= open_ms + step_ms <= end for start, end in stops):
                yield open_ms
