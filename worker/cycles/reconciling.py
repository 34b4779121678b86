"""Accounts that are due, held against their venues: one at a time in the fleet, by a claim in the record.

Everything here is a read of the venue. What is found out of step is written, and then looked up as any order is.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from shared.domain.errors import ExchangeError, OrderUnknown
from shared.domain.orders import Order
from shared.domain.reconciling import (
    NAMED_AT_ONCE,
    AccountKey,
    Books,
    Conclusion,
    Known,
    Look,
    concluded,
    strays,
    unanswered,
    unknown_orders,
)
from shared.domain.venue import OrderRef, VenueOrder, VenueTrade
from shared.ports import Exchange
from worker.boot import Worker
from worker.cycles.sending import look_up
from worker.cycles.vitals import counted, exchange_time, if_there, set_aside

log = structlog.get_logger(__name__)

SOURCE = "reconciliation"


def reconcile_cycle(worker: Worker) -> None:
    """One account's trouble is its own. Each is claimed when its turn has come: where one takes all the time that a
    task has, the next tick finds the others."""
    exchanges = {AccountKey(each.name, each.account): each for each in worker.exchanges.values()}
    for key, exchange in exchanges.items():
        for claimed in worker.services.reconciliations.claim([key]):
            with set_aside([], "look_put_off", exchange=key.exchange, account=key.account):
                reconcile(worker, exchange, claimed)


def reconcile(worker: Worker, exchange: Exchange, key: AccountKey) -> None:
    """One look at the account, and what it comes to."""
    record = worker.services.reconciliations
    before = record.books(key)
    try:
        look, known = _look(worker, exchange, before, key)
    except ExchangeError as error:
        # Entries wait as long as it takes: that is no reason to pause bots.
        counted(worker, key.exchange, SOURCE, error)
        record.conclude(key, before, unanswered(before, f"the exchange did not answer: {error}"[:300]))
        return
    lost = strays(look, known)
    candidates = record.candidates(key, {each.symbol for each in lost})
    # What was demanded since the first question is not met by the answers.
    after = replace(record.books(key), read_at=before.read_at)

    conclusion = concluded(before, look, known, candidates, after)

    adopted = [record.adopt(each) for each in conclusion.adopt]
    _follow(worker, [*adopted, *conclusion.follow])
    is_written = record.conclude(key, after, conclusion)
    _tell(key, conclusion, is_written)
    with if_there("success_not_counted", source=SOURCE):
        worker.services.state.record_success(key.exchange, SOURCE, worker.services.clock.now())


def _look(worker: Worker, exchange: Exchange, books: Books, key: AccountKey) -> tuple[Look, Known]:
    """Balances before trades: what moved them in between is among the trades then, and known to be on its way."""
    record = worker.services.reconciliations
    look = Look(
        at=exchange_time(exchange.now_ms()),
        open_orders=tuple(exchange.open_orders()),
        balances={asset: each.free + each.locked for asset, each in exchange.balances().items()},
        trades=_trades(exchange, books),
        starts_empty=exchange.starts_empty,
    )
    known = record.known(key, look)
    unknown = unknown_orders(look, known)
    if not unknown:
        return look, known
    look = replace(look, named=_named(exchange, unknown), unnamed=max(len(unknown) - NAMED_AT_ONCE, 0))
    return look, record.known(key, look)


def _trades(exchange: Exchange, books: Books) -> tuple[VenueTrade, ...]:
    if not books.wants_trades:
        return ()
    since_ms = round(books.explained_until.timestamp() * 1000)
    return tuple(trade for symbol in sorted(books.symbols) for trade in exchange.trades_since(symbol, since_ms))


def _named(exchange: Exchange, refs: Sequence[OrderRef]) -> tuple[VenueOrder, ...]:
    """The oldest first, as many as there is time for. One that the venue does not know lags behind its trade."""
    found: list[VenueOrder] = []
    for symbol, number in refs[:NAMED_AT_ONCE]:
        try:
            found.append(exchange.order_by_exchange_id(symbol, number))
        except OrderUnknown:
            log.info("order_of_trade_unknown", symbol=symbol, exchange_order_id=number)
    return tuple(found)


def _follow(worker: Worker, orders: Sequence[Order]) -> None:
    """As the resolver would, at once: entries wait for it. What can't be answered now, the next look asks again."""
    for order in orders:
        look_up(worker, order)


def _tell(key: AccountKey, conclusion: Conclusion, is_written: bool) -> None:
    log.info(
        "account_reconciled",
        exchange=key.exchange,
        account=key.account,
        verdict=conclusion.verdict,
        why=conclusion.why,
        differing=sorted(conclusion.drift.assets),
        strays=[each.client_order_id for each in conclusion.drift.strays],
        adopted=len(conclusion.adopt),
        followed=len(conclusion.follow),
        is_written=is_written,
    )
