"""Send one planned order, once: permit, commit SENDING, transmit, record. Every doubt ends in a look-up."""

from contextlib import suppress

import structlog

from shared.domain.errors import ExchangeDown, ExchangeError, NotAsked, OrderUnknown, Rejected, Throttled, Unavailable
from shared.domain.orders import Order, OrderReport, OrderState, Permit, Purpose
from worker.boot import Worker
from worker.cycles.vitals import counted, exchange_time

log = structlog.get_logger(__name__)

SOURCE = "orders"


def send(worker: Worker, order: Order) -> Order:
    """The order as it stands afterwards; still PLANNED where budget or exchange were away: the resolver tries later."""
    exchange, journal = worker.exchanges[order.exchange], worker.services.journal
    if order.purpose is Purpose.EXIT and journal.may_be_behind(order):
        found = _found(worker, order)
        if found is not None:
            return found
    try:
        permit = _permit(worker, order)
        # After the permit, which may have waited: a process that slept in between must see how late it is.
        now = exchange_time(exchange.now_ms())
    except (Throttled, ExchangeDown) as refusal:
        log.info("send_put_off", order=order.client_order_id, why=str(refusal))
        journal.release(order)
        return order
    sending = journal.mark_sending(order, permit, now, worker.limits)
    if sending is None:
        # Where it may go later, nobody need wait for this lease to run out.
        journal.release(order)
        return order
    return _transmitted(worker, sending, permit)


def _found(worker: Worker, order: Order) -> Order | None:
    """An exit that the venue has already: the record was restored, and is behind it. Entries wait for certainty, a
    stop can't: what is not there, or not answered for, is sent."""
    exchange = worker.exchanges[order.exchange]
    try:
        market, report = exchange.markets().get(order.symbol), exchange.report(order)
        now = exchange_time(exchange.now_ms())
    except ExchangeError as error:
        log.info("exit_not_found", order=order.client_order_id, kind=type(error).__name__)
        return None
    if market is None:
        return None
    log.warning("exit_was_sent_before", order=order.client_order_id, state=report.state)
    return worker.services.journal.record_report(order, report, market, now)


def _permit(worker: Worker, order: Order) -> Permit:
    exchange = worker.exchanges[order.exchange]
    if not worker.moves(order.exchange, order.account):
        raise NotAsked(f"this system does not trade for the account {order.account!r}")
    if order.symbol not in exchange.markets():
        # It would be refused here, before any bytes leave, and planned again every few seconds.
        raise ExchangeDown(f"{order.exchange} has no market {order.symbol} now")
    return exchange.permit(order)


def _transmitted(worker: Worker, sending: Order, permit: Permit) -> Order:
    """Once. The reply is recorded inside the guarded call, so that nothing of ours delays or loses it."""
    exchange, journal = worker.exchanges[sending.exchange], worker.services.journal
    market = exchange.markets()[sending.symbol]
    recorded = [sending]

    def keep(report: OrderReport) -> None:
        recorded.append(journal.record_report(recorded[-1], report, market, exchange_time(exchange.now_ms())))

    at = exchange_time(permit.signed_at_ms)
    try:
        exchange.submit(sending, permit, keep)
    except Rejected as error:
        return journal.record_failure(sending, OrderState.REJECTED, error.reason, at)
    except Throttled as error:
        return journal.record_failure(sending, OrderState.PLANNED, str(error), at)
    except Exception as error:
        # Only a definite refusal proves absence. Whatever else went wrong, bytes may have left.
        log.warning("submit_unclear", order=sending.client_order_id, kind=type(error).__name__, error=str(error))
        unknown = journal.record_failure(sending, OrderState.UNKNOWN, f"{type(error).__name__}: {error}"[:300], at)
        _count(worker, sending.exchange, error)
        return unknown
    _count(worker, sending.exchange, None)
    return recorded[-1]


def _count(worker: Worker, exchange: str, error: Exception | None) -> None:
    """For `health`, which has to name what opened the breaker. The order is recorded: a store away changes nothing."""
    with suppress(Unavailable):
        if error is None:
            worker.services.state.record_success(exchange, SOURCE, worker.services.clock.now())
        else:
            counted(worker, exchange, SOURCE, error)


def cancel(worker: Worker, order: Order) -> Order:
    """The order after an attempt to cancel it.

    Fills win over a cancel, and an unclear cancel is no outcome: the venue's own view decides.
    """
    try:
        worker.exchanges[order.exchange].cancel(order)
    except ExchangeError as error:
        log.info("cancel_unclear", order=order.client_order_id, kind=type(error).__name__, error=str(error))
    return look_up(worker, order)


def look_up(worker: Worker, order: Order) -> Order:
    """Ask the venue what became of an order; "not there" is counted, an error is no answer."""
    exchange, journal = worker.exchanges[order.exchange], worker.services.journal
    now = exchange_time(exchange.now_ms())
    market = exchange.markets().get(order.symbol)
    if market is None:
        log.warning("look_up_without_market", order=order.client_order_id, symbol=order.symbol)
        return journal.record_unanswered(order, now)
    try:
        report = exchange.report(order)
    except OrderUnknown:
        return journal.record_not_found(order, now, exchange.placement)
    except ExchangeError as error:
        log.info("look_up_unanswered", order=order.client_order_id, error=str(error))
        return journal.record_unanswered(order, now)
    return journal.record_report(order, report, market, now)
