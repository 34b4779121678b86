"""Every open position against its stop, target and trailing stop: one tickers call per exchange."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from shared.domain.orders import Purpose
from shared.domain.planning import Quote, plan_exit
from shared.domain.positions import ExitReason, Position
from shared.domain.values import Ticker
from shared.domain.watching import watch
from worker.boot import Worker
from worker.cycles.sending import cancel, send
from worker.cycles.vitals import exchange_time, if_there, recorded, set_aside

log = structlog.get_logger(__name__)


def position_cycle(worker: Worker) -> None:
    for name in _where_something_is_held_first(worker):
        with recorded(worker, name, "position"):
            _watch_exchange(worker, name)


def _where_something_is_held_first(worker: Worker) -> list[str]:
    """A venue that is silent takes its time-outs: what is held at another must not wait for them."""
    books = worker.services.books
    return sorted(worker.exchanges, key=lambda name: not books.watched_positions(name))


def _watch_exchange(worker: Worker, name: str) -> None:
    services, exchange = worker.services, worker.exchanges[name]
    watched = [each for each in services.books.watched_positions(name) if worker.moves(name, each[0].account)]
    now = exchange_time(exchange.now_ms())
    symbols = {position.symbol for _, position in watched}
    tickers = exchange.tickers(symbols) if symbols else {}

    verdict = watch(watched, tickers)

    if verdict.high_water:
        services.books.raise_high_water(verdict.high_water)
    failures: list[Exception] = []
    for position, reason in verdict.exits:
        with set_aside(failures, "exit_put_off", position=position.id, symbol=position.symbol):
            _leave(worker, position, reason, tickers, now)
    with if_there("marks_not_kept", exchange=name):
        services.state.put_marks(name, {symbol: ticker.last for symbol, ticker in tickers.items()})
    if failures:
        raise failures[0]


def _leave(
    worker: Worker, position: Position, reason: ExitReason, tickers: Mapping[str, Ticker], now: datetime
) -> None:
    terms = worker.exchanges[position.exchange].markets().get(position.symbol)
    if terms is None:
        # No error of the venue's: only a person can do something about what it does not trade any more.
        log.warning("exit_without_market", position=position.id, bot=position.bot_id, symbol=position.symbol)
        return
    _make_way(worker, position, reason)
    ticker = tickers.get(position.symbol)
    quote = Quote(terms, ticker.bid if ticker else position.average_price, now)
    patience_s = worker.limits.limit_exit_s
    order = worker.services.journal.plan_exit(
        position.id, lambda bot, held: plan_exit(bot, held, reason, quote, limit_exit_s=patience_s)
    )
    if order is None:
        return
    log.info("exit_planned", bot=position.bot_id, symbol=position.symbol, reason=reason.value, price=str(quote.price))
    send(worker, order)


def _make_way(worker: Worker, position: Position, reason: ExitReason) -> None:
    """Cancel what rests in the way: an entry would buy again what is sold, a patient exit keeps a stop from selling."""
    for order in worker.services.journal.resting(position):
        if order.purpose is Purpose.ENTRY or not reason.is_patient:
            cancel(worker, order)
