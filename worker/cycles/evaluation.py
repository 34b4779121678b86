"""Evaluate markets: new candles once for the fleet, each group once, then decision → order → venue."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from shared.domain.bots import MarketKey, RosterEntry
from shared.domain.candles import HISTORY, Candles
from shared.domain.errors import ExchangeDown
from shared.domain.evaluating import GroupKey, decisions, due_groups, exits_first
from shared.domain.orders import Order, OrderState
from shared.domain.planning import Decision, Desk, Quote, plan
from shared.domain.risk import Denial
from shared.domain.signals import Action, Evaluation
from shared.domain.values import Side
from worker.boot import Worker
from worker.cycles.sending import send
from worker.cycles.strategy import current_roster
from worker.cycles.vitals import counted, exchange_time, recorded, set_aside

log = structlog.get_logger(__name__)

FETCH_LIMIT = 1000


def evaluation_cycle(worker: Worker, exchange: str, markets: Sequence[MarketKey]) -> None:
    """Each market by itself: one that fails leaves its candle due and does not hold up the others."""
    roster = current_roster(worker).by_market()
    with recorded(worker, exchange, "strategy"):
        # Time first: who sleeps after these two lines takes a group that had none for due on the candle of then, and
        # leaves none out.
        now_ms = worker.exchanges[exchange].now_ms()
        evaluated = worker.services.journal.last_evaluated(markets)
        failures: list[Exception] = []
        for market in markets:
            with set_aside(failures, "market_put_off", symbol=market.symbol, timeframe=market.timeframe.value):
                _evaluate_market(worker, market, roster.get(market, []), evaluated, now_ms)
        if failures and len(failures) == len(markets):
            raise failures[0]
        # Some went well: the venue is there, and these are no reason to pause what runs on it.
        for error in failures:
            counted(worker, exchange, "strategy", error)


def _evaluate_market(
    worker: Worker, market: MarketKey, entries: list[RosterEntry], evaluated: Mapping[GroupKey, int], now_ms: int
) -> None:
    entries, history = _evaluable(worker, entries)
    opens = list(due_groups(entries, evaluated, now_ms))
    if not opens:
        return
    candles = _gathered(worker, market, history, opens, now_ms)
    entries = [_anchored(worker, entry, candles) for entry in entries]
    for open_ms, members in due_groups(entries, evaluated, now_ms).items():
        part = _until(candles, open_ms)
        if part is None:
            return  # The venue has not shown it yet: it stays due.
        evaluations = {key: _evaluation(worker, found[0], part, open_ms) for key, found in members.items()}
        chosen = [decision for key, found in members.items() for decision in decisions(found, evaluations[key])]
        _act(worker, market, exits_first(chosen))
        by_group = {key.group: evaluation for key, evaluation in evaluations.items()}
        worker.services.journal.record_evaluations(market, open_ms, by_group)


def _evaluable(worker: Worker, entries: list[RosterEntry]) -> tuple[list[RosterEntry], int]:
    """The entries whose strategy there is, and the candles that the most demanding needs for one decision.

    An upgrade may have dropped a strategy, or what its parameters may be: that is that subscription's trouble alone.
    """
    found, history = [], HISTORY
    for entry in entries:
        subscription = entry.subscription
        with set_aside([], "strategy_unusable", bot=subscription.bot_id, strategy=subscription.name):
            history = max(history, worker.strategies.warm_up(subscription.name, subscription.params))
            found.append(entry)
    return found, history


def _gathered(worker: Worker, market: MarketKey, keep: int, due: Sequence[int], now_ms: int) -> Candles:
    """The closed candles up to the newest due, `keep` before the oldest; only what the cache lacks is fetched.

    A cached run with a gap is not trusted: the venue is asked again for all of it.
    """
    state, step = worker.services.state, market.timeframe.ms
    first = due[0] - (keep - 1) * step
    cached = state.candles(market)
    if cached is None or not len(cached) or cached.opens_ms[0] > first or not cached.is_gapless:
        cached = Candles(market.timeframe)
    since = cached.opens_ms[-1] + step if len(cached) else first
    if since > due[-1]:
        return cached
    limit = min((due[-1] - since) // step + 2, FETCH_LIMIT)
    fresh = worker.exchanges[market.exchange].candles(market.symbol, market.timeframe, since, limit)
    candles = cached.merged(fresh.closed(now_ms), keep + len(due))
    state.put_candles(market, candles)
    return candles


def _until(candles: Candles, open_ms: int) -> Candles | None:
    """Up to and including `open_ms`; where the venue omitted it, up to what follows shows; None if nothing does."""
    count = sum(1 for each in candles.opens_ms if each <= open_ms)
    if count and candles.opens_ms[count - 1] == open_ms:
        return candles[:count]
    return candles[:count] if count < len(candles) else None


def _evaluation(worker: Worker, entry: RosterEntry, candles: Candles, open_ms: int) -> Evaluation:
    if not len(candles) or candles.opens_ms[-1] != open_ms:
        return Evaluation(open_ms, Action.HOLD, reason="the venue has no candle here: nothing traded, or it is missing")
    subscription = entry.subscription
    keep = max(HISTORY, worker.strategies.warm_up(subscription.name, subscription.params))
    evaluation: Evaluation = worker.strategies.evaluate(subscription.name, subscription.params, candles[-keep:])
    return evaluation


def _anchored(worker: Worker, entry: RosterEntry, candles: Candles) -> RosterEntry:
    """A grid's anchor is the close of the first candle it sees, kept from then on."""
    subscription = entry.subscription
    if subscription.params.get("anchor_price", 0) is not None or not len(candles):
        return entry
    anchor = candles.close[-1]
    group = worker.catalogue.key(subscription.name, {**subscription.params, "anchor_price": anchor})
    return replace(entry, subscription=worker.services.bots.set_anchor(subscription.id, anchor, group))


def _act(worker: Worker, market: MarketKey, chosen: Sequence[Decision]) -> None:
    """Write each decision with its order or its denial; what was planned is sent at once."""
    if not chosen:
        return
    exchange = worker.exchanges[market.exchange]
    ticker = exchange.tickers([market.symbol]).get(market.symbol)
    if ticker is None:
        raise ExchangeDown(f"{market.exchange} quotes no price for {market.symbol}")
    # What is bought now is to be valued at once, not only after the next position tick.
    worker.services.state.put_marks(market.exchange, {market.symbol: ticker.last})
    terms, now = exchange.markets()[market.symbol], exchange_time(exchange.now_ms())
    for decision in chosen:
        quote = Quote(terms, ticker.ask if decision.side is Side.BUY else ticker.bid, now)
        outcome = worker.services.journal.decide(
            decision,
            lambda desk, d=decision, q=quote: _planned(worker, d, desk, q),  # type: ignore[misc]
        )
        if outcome.is_new:
            log.info(
                "decided",
                bot=decision.bot_id,
                strategy=decision.subscription.name,
                symbol=market.symbol,
                side=decision.side.value,
                denial=outcome.denial and outcome.denial.value,
            )
        if outcome.order is not None and outcome.order.state is OrderState.PLANNED:
            _go_on(worker, outcome.order, outcome.waits)


def _planned(worker: Worker, decision: Decision, desk: Desk, quote: Quote) -> Order | Denial:
    if not worker.moves(desk.bot.exchange, desk.bot.account):
        return Denial.OTHER_ACCOUNT
    return plan(decision, desk, quote, worker.limits)


def _go_on(worker: Worker, planned: Order, waits: bool) -> None:
    """Send it, or leave it to whoever looks once its account is reconciled: a permit would be budget for nothing."""
    if waits:
        worker.services.journal.release(planned)
    else:
        send(worker, planned)
