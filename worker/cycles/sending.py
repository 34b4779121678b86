"""Send one planned order, once: permit, commit SENDING, transmit, record. Every doubt ends in a look-up."""

from contextlib import suppress

import structlog

from shared.domain.errors import ExchangeDown, ExchangeError, OrderUnknown, Rejected, Throttled, Unavailable
from shared.domain.orders import Order, OrderState
from shared.domain.resolving import NOT_FOUND_GAP_S
from worker.boot import Worker
from worker.cycles.vitals import counted, exchange_time

log = structlog.get_logger(__name__)

SOURCE = "orders"


def send(worker: Worker, order: Order) -> Order:
    """The order as it stands afterwards; still PLANNED where budget or exchange were away: the resolver tries later."""
    exchange, journal = worker.exchanges[order.exchange], worker.services.journal
    try:
        permit = exchange.permit(order)
    except (Throttled, ExchangeDown) as refusal:
        log.info("send_put_off", order=order.client_order_id, why=str(refusal))
        return order
    now = exchange_time(permit.signed_at_ms)
    sending = journal.mark_sending(order, permit, now)
    if sending is None:
        return order
    try:
        report = exchange.submit(sending, permit)
    except Rejected as error:
        return journal.record_failure(sending, OrderState.REJECTED, error.reason, now)
    except Throttled as error:
        return journal.record_failure(sending, OrderState.PLANNED, str(error), now)
    except Exception as error:
        # Only a definite refusal proves absence. Whatever else went wrong, bytes may have left.
        log.warning("submit_unclear", order=order.client_order_id, kind=type(error).__name__, error=str(error))
        unknown = journal.record_failure(sending, OrderState.UNKNOWN, f"{type(error).__name__}: {error}"[:300], now)
        _count(worker, order.exchange, error)
        return unknown
    market = exchange.markets()[order.symbol]
    answered = journal.record_report(sending, report, market, exchange_time(exchange.now_ms()))
    _count(worker, order.exchange, None)
    return answered


def _count(worker: Worker, exchange: str, error: Exception | None) -> None:
    """For `health`, which has to name what opened the breaker. The order is recorded: a store away changes nothing."""
    with suppress(Unavailable):
        if error is None:
            worker.services.state.record_success(exchange, SOURCE, worker.services.clock.now())
        else:
            counted(worker, exchange, SOURCE, error)


def look_up(worker: Worker, order: Order) -> Order:
    """Ask the venue what became of an order; "not there" is counted, an error is no answer."""
    exchange, journal = worker.exchanges[order.exchange], worker.services.journal
    now = exchange_time(exchange.now_ms())
    try:
        report = exchange.report(order)
    except OrderUnknown:
        return journal.record_not_found(order, now, NOT_FOUND_GAP_S)
    except ExchangeError as error:
        log.info("look_up_unanswered", order=order.client_order_id, error=str(error))
        return order
    return journal.record_report(order, report, exchange.markets()[order.symbol], now)
