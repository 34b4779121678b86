"""What must be true after any run, told from the venue's dump and the record's rows alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise

from shared.domain.bots import Bot, Desired, Subscription
from shared.domain.events import Event, EventType
from shared.domain.orders import TERMINAL, TRANSITIONS, Order, OrderState, Purpose
from shared.domain.positions import ExitReason, Position, PositionState, exit_reason
from shared.domain.signals import Action
from shared.domain.values import Side
from tests.faults.calls import Call, enabling_since
from tests.faults.memory.tables import Tables
from tests.faults.venue import OPEN, Trade, Venue

M1_MS = 60_000
# An order that ends within the last ticks may leave its next step to one that the run does not see.
LEAVES_ALL = frozenset(set(ExitReason) - {ExitReason.SIGNAL})
LEFT_ALONE = frozenset({OrderState.QUARANTINED})


@dataclass(frozen=True, slots=True)
class Evidence:
    """`said(script, candle)` is what the strategies were to say; `prices` those of the end; `stream` what Redis has.

    `evaluated_to_ms`: the newest candle that is to be evaluated by now. `lost_to`: the last event on the stream when
    Redis was emptied.
    """

    venue: Venue
    rows: Tables
    stream: Sequence[Event]
    calls: Sequence[Call]
    said: Callable[[str, int], tuple[Action, int]]
    prices: Mapping[str, Decimal]
    start_ms: int
    evaluated_to_ms: int
    lost_to: int = 0


def violations(evidence: Evidence) -> list[str]:
    with localcontext(prec=80):
        return [f"{name}: {found}" for name, check in CHECKS.items() for found in check(evidence)]


def one_venue_order_per_intent(evidence: Evidence) -> Iterator[str]:
    placed = Counter(order.request.client_id for order in evidence.venue.orders)
    for client_id, count in placed.items():
        if count > 1:
            yield f"{client_id} is at the venue {count} times"
        if client_id not in evidence.rows.orders:
            yield f"{client_id} is at the venue, and the record does not know it"


def each_transmission_has_its_own_attempt(evidence: Evidence) -> Iterator[str]:
    """No bytes without a permit and a committed attempt of their own."""
    signed = Counter((arrival.request.client_id, arrival.request.signed_at_ms) for arrival in evidence.venue.arrivals)
    arrived = Counter(client_id for client_id, _ in signed.elements())
    for (client_id, at_ms), count in signed.items():
        if count > 1:
            yield f"{client_id} was transmitted {count} times under the signature of {at_ms}"
    for client_id, count in arrived.items():
        order = evidence.rows.orders.get(client_id)
        if order is not None and count > order.attempt:
            yield f"{client_id} arrived {count} times in {order.attempt} attempts"


def fills_are_the_venues_trades(evidence: Evidence) -> Iterator[str]:
    recorded = {fill.trade_id: fill for _, fill in evidence.rows.fills.values()}
    ours = {order.id: order.request.client_id for order in evidence.venue.orders}
    for trade in evidence.venue.trades:
        fill = recorded.pop(str(trade.id), None)
        if fill is None and ours[trade.order_id] in _left_to_a_person(evidence):
            continue
        if fill is None:
            yield f"trade {trade.id} of {ours[trade.order_id]} is not recorded"
            continue
        told = (fill.client_order_id, fill.symbol, fill.side, fill.quantity, fill.price, fill.fee, fill.fee_currency)
        if told != (ours[trade.order_id], *_told(trade)):
            yield f"trade {trade.id} is recorded as {told}"
    yield from (f"fill {trade_id} is no trade of the venue" for trade_id in recorded)


def _told(trade: Trade) -> tuple[object, ...]:
    side = Side.BUY if trade.side == "BUY" else Side.SELL
    return trade.symbol, side, trade.quantity, trade.price, trade.fee, trade.fee_asset


def positions_are_their_fills(evidence: Evidence) -> Iterator[str]:
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, fill in evidence.rows.fills.values():
        sign = 1 if fill.side is Side.BUY else -1
        base = fill.symbol.split("/")[0]
        in_base = fill.fee if fill.fee_currency == base else Decimal(0)
        held[evidence.rows.orders[fill.client_order_id].strategy_id] += sign * fill.quantity - in_base
    for position in evidence.rows.positions.values():
        held[position.strategy_id] -= position.quantity
        if position.quantity < 0:
            yield f"position {position.id} holds {position.quantity}"
    yield from (f"positions of {strategy} and its fills differ by {by}" for strategy, by in held.items() if by)


def orders_are_their_fills(evidence: Evidence) -> Iterator[str]:
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, fill in evidence.rows.fills.values():
        filled[fill.client_order_id] += fill.quantity
    for order in evidence.rows.orders.values():
        if order.filled != filled[order.client_order_id]:
            yield f"{order.client_order_id} says {order.filled} filled, its fills {filled[order.client_order_id]}"


def balances_are_the_ledger(evidence: Evidence) -> Iterator[str]:
    """Per asset: opening + ledger = balance, fees included."""
    if _left_to_a_person(evidence):
        return
    expected = defaultdict(Decimal, evidence.venue.opening)
    for line in evidence.rows.ledger.values():
        if line.ledger_account == "assets" and line.kind != "capital":
            expected[line.asset] += line.amount
    for asset, balance in evidence.venue.balances.items():
        if balance != expected[asset]:
            yield f"the venue has {balance} {asset}, the ledger {expected[asset]}"


def the_ledger_sums_to_zero(evidence: Evidence) -> Iterator[str]:
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in evidence.rows.ledger.values():
        sums[line.transaction_id, line.asset] += line.amount
    yield from (f"{key} sums to {total}" for key, total in sums.items() if total)


def cash_is_the_ledger(evidence: Evidence) -> Iterator[str]:
    for bot in evidence.rows.bots.values():
        account = evidence.rows.sums[bot.id]
        lines = (line for line in evidence.rows.ledger.values() if line.bot_id == bot.id)
        cash = sum(line.amount for line in lines if (line.ledger_account, line.asset) == ("assets", bot.quote))
        mine = [each for each in evidence.rows.positions.values() if each.bot_id == bot.id]
        realised, fees = sum(each.realised for each in mine), sum(each.fees for each in mine)
        if (account.cash, account.realised, account.fees) != (cash, realised, fees):
            yield f"{bot.id} keeps {account.cash}, {account.realised}, {account.fees}; it is {cash}, {realised}, {fees}"
        equity = cash + sum(each.value(evidence.prices[each.symbol]) for each in mine)
        unrealised = sum(each.unrealised(evidence.prices[each.symbol]) for each in mine)
        if account.initial_balance + realised + unrealised - fees != equity:
            yield f"the equation of {bot.id}'s books does not hold"


def each_transition_has_one_event(evidence: Evidence) -> Iterator[str]:
    """In order, along the table's edges, to the state that the row has."""
    told: defaultdict[str, list[tuple[OrderState, int, int]]] = defaultdict(list)
    filled: Counter[str] = Counter()
    for row in evidence.rows.outbox:
        payload = row.event.payload
        if row.event.type is EventType.ORDER_FILLED:
            filled[str(payload["trade_id"])] += 1
        elif "client_order_id" in payload:
            step = (OrderState(str(payload["state"])), int(str(payload["attempt"])), int(str(payload["epoch"])))
            told[str(payload["client_order_id"])].append(step)
    for _, fill in evidence.rows.fills.values():
        if filled.pop(fill.trade_id, 0) != 1:
            yield f"trade {fill.trade_id} has not one event"
    yield from (f"an event tells of trade {trade}, which is not recorded" for trade in filled)
    for order in evidence.rows.orders.values():
        yield from _along_the_table(order, told[order.client_order_id])


def _along_the_table(order: Order, steps: Sequence[tuple[OrderState, int, int]]) -> Iterator[str]:
    states = [state for state, _, _ in steps]
    if not states or states[0] is not OrderState.PLANNED or states[-1] is not order.state:
        yield f"{order.client_order_id} is {order.state}, its events tell {states}"
    for before, after in pairwise(states):
        # What the venue knows was sent, whatever was concluded here.
        found_out = before in (OrderState.PLANNED, OrderState.NOT_PLACED) and after in TRANSITIONS[OrderState.SENDING]
        if after not in TRANSITIONS[before] and not found_out:
            yield f"{order.client_order_id} went from {before} to {after}"


def epochs_and_attempts_only_rise(evidence: Evidence) -> Iterator[str]:
    last: dict[str, tuple[int, int]] = {}
    for row in evidence.rows.outbox:
        payload = row.event.payload
        if row.event.type is EventType.ORDER_FILLED or "client_order_id" not in payload:
            continue
        client_id, state = str(payload["client_order_id"]), payload["state"]
        epoch, attempt = int(str(payload["epoch"])), int(str(payload["attempt"]))
        before = last.get(client_id, (1, 0))
        if epoch < before[0] or attempt < before[1]:
            yield f"{client_id} fell from epoch and attempt {before} to {(epoch, attempt)}"
        if state == OrderState.SENDING and attempt != before[1] + 1:
            yield f"{client_id} was marked sending at attempt {attempt} after {before[1]}"
        last[client_id] = (epoch, attempt)


def numbers_have_no_gap(evidence: Evidence) -> Iterator[str]:
    numbers = [row.event.number for row in evidence.rows.outbox]
    if sorted(number or 0 for number in numbers) != list(range(1, len(numbers) + 1)):
        yield f"{len(numbers)} events are numbered {numbers}"
    yield from (f"event {row.id} was not sent" for row in evidence.rows.outbox if not row.is_sent)


def the_stream_is_the_outbox(evidence: Evidence) -> Iterator[str]:
    """In order and without a repeat, with all that was published since Redis was emptied last.

    Of what had been published before, a relay that slept over it may publish a part again.
    """
    by_number = {row.event.number: row.event for row in evidence.rows.outbox}
    numbers = [event.number or 0 for event in evidence.stream]
    if numbers != sorted(set(numbers)):
        yield f"the stream has {numbers}"
    missing = sorted(set(range(evidence.lost_to + 1, len(by_number) + 1)) - set(numbers))
    if missing:
        yield f"the stream lacks {missing}"
    yield from (f"event {each.number} differs" for each in evidence.stream if by_number.get(each.number) != each)


def one_bots_events_keep_their_order(evidence: Evidence) -> Iterator[str]:
    by_bot: defaultdict[str, list[int]] = defaultdict(list)
    for row in evidence.rows.outbox:
        by_bot[row.event.bot_id].append(row.event.number or 0)
    yield from (f"the events of {bot} are numbered {all_}" for bot, all_ in by_bot.items() if all_ != sorted(all_))


def every_candle_is_evaluated(evidence: Evidence) -> Iterator[str]:
    """Each strategy's group on each candle that closed since it was first evaluated, once and to the newest."""
    newest = evidence.evaluated_to_ms
    rostered = _rostered_all_along(evidence)
    for key, (evaluation, _) in evidence.rows.evaluations.items():
        decided = _decided(evidence, key.market.symbol)
        first = _asked_since(decided)
        missing = [each for each in range(first, evaluation.candle_open_ms, M1_MS) if each not in decided]
        if missing:
            yield f"{key.market.symbol} has no evaluation of {missing}"
        is_due = any(each.group == key.group and each.symbol == key.market.symbol for each in rostered)
        if is_due and evaluation.candle_open_ms < newest:
            yield f"{key.market.symbol} {key.group} was last evaluated on {evaluation.candle_open_ms}, not {newest}"
    evaluated = {(key.market.symbol, key.group) for key in evidence.rows.evaluations}
    yield from (f"{each.id} was never evaluated" for each in rostered if (each.symbol, each.group) not in evaluated)


def every_signal_is_decided(evidence: Evidence) -> Iterator[str]:
    decided = {(row.decision.subscription.id, row.decision.candle_open_ms) for row in evidence.rows.decisions.values()}
    wanted = {
        (row.decision.subscription.id, row.decision.candle_open_ms): row.decision.side
        for row in evidence.rows.decisions.values()
    }
    for each in _rostered_all_along(evidence):
        first = max(_asked_since(_decided(evidence, each.symbol)), evidence.start_ms)
        for open_ms in range(first, evidence.evaluated_to_ms + 1, M1_MS):
            action, _ = evidence.said(str(each.params["script"]), open_ms)
            if action is not Action.HOLD and (each.id, open_ms) not in decided:
                yield f"{each.id} was to {action} on the candle of {open_ms}, and nothing was decided"
    for (strategy_id, open_ms), side in wanted.items():
        script = str(evidence.rows.subscriptions[strategy_id].params["script"])
        if evidence.said(script, open_ms)[0].side is not side:
            yield f"{strategy_id} decided to {side} on {open_ms}, which nobody said"


def _decided(evidence: Evidence, symbol: str) -> set[int]:
    return {open_ms for market, open_ms in evidence.rows.decided_candles if market.symbol == symbol}


def _asked_since(decided: set[int]) -> int:
    """From which candle on none may be missing: what closed before anyone asked is nobody's.

    Two workers may both be the first to ask, one of them long ago and asleep since: its candle is no beginning.
    """
    oldest, second, *_ = [*sorted(decided), 0, 0]
    return second if second > oldest + M1_MS else oldest


def _rostered_all_along(evidence: Evidence) -> list[Subscription]:
    """Strategies of bots that nobody stopped at any time."""
    stopped = {row.event.bot_id for row in evidence.rows.outbox if row.event.type is EventType.BOT_STOPPED}
    return [each for each in evidence.rows.subscriptions.values() if each.bot_id not in stopped]


def nothing_enters_after_an_acknowledged_stop(evidence: Evidence) -> Iterator[str]:
    """Pause and stop have answered: from then until somebody lets the bot run again no entry is accepted."""
    entries: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for placed in evidence.venue.orders:
        order = evidence.rows.orders.get(placed.request.client_id)
        if order is not None and order.purpose is Purpose.ENTRY:
            at_s = (placed.accepted_ms - evidence.start_ms) / 1000
            entries[order.bot_id].append((at_s, order.client_order_id))
    for call in evidence.calls:
        if call.name not in ("pause", "stop", "flatten") or call.outcome != "ok" or call.ended_at is None:
            continue
        until = enabling_since(evidence.calls, call)
        for at_s, client_id in entries[call.bot_id]:
            if call.ended_at < at_s < until:
                yield f"{client_id} entered at {at_s:.3f}, after {call.name} was answered at {call.ended_at:.3f}"


def every_order_ends(evidence: Evidence) -> Iterator[str]:
    for order in evidence.rows.orders.values():
        if order.state not in TERMINAL | LEFT_ALONE:
            yield f"{order.client_order_id} ({order.purpose}) is still {order.state}"
    for placed in evidence.venue.orders:
        order_ = evidence.rows.orders.get(placed.request.client_id)
        if placed.state in OPEN and order_ is not None and order_.state in TERMINAL:
            yield f"{placed.request.client_id} is open at the venue and {order_.state} here"


def stops_that_were_hit_are_sold(evidence: Evidence) -> Iterator[str]:
    for bot, position in _watched(evidence):
        if _has_quarantined(evidence, position):
            continue
        price = evidence.prices[position.symbol]
        if position.leaving is not None or bot.is_stopping:
            yield f"{position.id} is to be left ({position.leaving}), and is held"
        elif exit_reason(position, price) is not None:
            yield f"{position.id} is held at {price}: {exit_reason(position, price)}"


def what_was_to_be_left_is_left(evidence: Evidence) -> Iterator[str]:
    """A stop, a target or a flatten leaves all of a position: whatever the order comes to, nothing is held at last."""
    for _, position in _watched(evidence):
        if _has_quarantined(evidence, position):
            continue
        exits = (each for each in evidence.rows.orders.values() if each.position_id == position.id)
        whole = [each for each in exits if each.purpose is Purpose.EXIT and each.reason in LEAVES_ALL]
        bought = [
            fill.at
            for _, fill in evidence.rows.fills.values()
            if fill.side is Side.BUY and evidence.rows.orders[fill.client_order_id].strategy_id == position.strategy_id
        ]
        if whole and max(bought) < whole[0].created_at:
            yield f"{position.id} was to be left ({whole[0].reason}), and {position.quantity} of it is held"


def nothing_is_planned_to_enter_beside_a_quarantined_order(evidence: Evidence) -> Iterator[str]:
    held: set[str] = set()
    for row in evidence.rows.outbox:
        payload = row.event.payload
        if payload.get("state") == OrderState.QUARANTINED and row.event.type is not EventType.ORDER_FILLED:
            held.add(row.event.bot_id)
        is_entry = row.event.type is EventType.ORDER_PLANNED and payload["purpose"] == Purpose.ENTRY
        if is_entry and row.event.bot_id in held:
            yield f"{payload['client_order_id']} was planned by {row.event.bot_id}, whose order is quarantined"


def a_flatten_comes_to_its_end(evidence: Evidence) -> Iterator[str]:
    for bot in evidence.rows.bots.values():
        is_held = any(order.state in LEFT_ALONE for order in evidence.rows.live_orders(bot.id))
        if bot.is_stopping and not is_held:
            yield f"{bot.id} is still stopping"


def _watched(evidence: Evidence) -> Iterator[tuple[Bot, Position]]:
    for position in evidence.rows.positions.values():
        bot = evidence.rows.bots[position.bot_id]
        if position.state is PositionState.OPEN and (bot.desired is not Desired.STOPPED or bot.is_stopping):
            yield bot, position


def _left_to_a_person(evidence: Evidence) -> frozenset[str]:
    return frozenset(each.client_order_id for each in evidence.rows.orders.values() if each.state in LEFT_ALONE)


def _has_quarantined(evidence: Evidence, position: Position) -> bool:
    return any(
        order.position_id == position.id and order.state in LEFT_ALONE for order in evidence.rows.orders.values()
    )


def accounts_come_to_agree(evidence: Evidence) -> Iterator[str]:
    """Nobody but us has moved them: there is no drift to find, and in the end nothing is waited for."""
    drifted = [row.event for row in evidence.rows.outbox if row.event.type is EventType.ACCOUNT_DRIFTED]
    yield from (f"a drift was found: {dict(event.payload)}" for event in drifted)
    for row in evidence.rows.reconciliations.values() if not _left_to_a_person(evidence) else ():
        if row.is_waiting or not row.is_clean:
            yield f"{row.exchange} ({row.account}) is not reconciled: {row.why}"


CHECKS: Mapping[str, Callable[[Evidence], Iterable[str]]] = {
    "I1 one venue order per intent": one_venue_order_per_intent,
    "I1 one transmission per attempt": each_transmission_has_its_own_attempt,
    "I2 fills are the venue's trades": fills_are_the_venues_trades,
    "I3 positions are their fills": positions_are_their_fills,
    "I3 orders are their fills": orders_are_their_fills,
    "I4 balances are the ledger": balances_are_the_ledger,
    "I4 the ledger sums to zero": the_ledger_sums_to_zero,
    "I4 cash is the ledger": cash_is_the_ledger,
    "I4 accounts come to agree": accounts_come_to_agree,
    "I5 one event per transition": each_transition_has_one_event,
    "I5 numbers without a gap": numbers_have_no_gap,
    "I5 the stream is the outbox": the_stream_is_the_outbox,
    "I5 one bot's events in order": one_bots_events_keep_their_order,
    "I6 every candle is evaluated": every_candle_is_evaluated,
    "I6 every signal is decided": every_signal_is_decided,
    "I7 nothing enters after a stop": nothing_enters_after_an_acknowledged_stop,
    "I8 every order ends": every_order_ends,
    "I8 no entry beside a quarantined order": nothing_is_planned_to_enter_beside_a_quarantined_order,
    "I9 epochs and attempts only rise": epochs_and_attempts_only_rise,
    "stops are sold": stops_that_were_hit_are_sold,
    "what was to be left is left": what_was_to_be_left_is_left,
    "a flatten ends": a_flatten_comes_to_its_end,
}
