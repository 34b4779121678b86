"""Every order without an end: sent if it never was, looked up if nobody knows, followed while it rests."""

import structlog

from shared.domain.bots import Bot
from shared.domain.orders import Order
from shared.domain.resolving import Step, in_turn, next_step
from shared.domain.transmission import entry_refusal, refused_state
from worker.boot import Worker
from worker.cycles.sending import cancel, look_up, send
from worker.cycles.vitals import exchange_time, set_aside
from worker.schedule import RESOLVE_INTERVAL_S

log = structlog.get_logger(__name__)


def resolve_cycle(worker: Worker) -> None:
    """One order's trouble is its own: the rest are still looked after."""
    unfinished = worker.services.journal.unfinished()
    orders = [order for order in unfinished if worker.moves(order.exchange, order.account)]
    if len(orders) < len(unfinished):
        log.warning("orders_of_another_account", count=len(unfinished) - len(orders))
    if not orders:
        return
    bots = {bot.id: bot for bot in worker.services.bots.bots()}
    for order in in_turn(orders, _turn(worker)):
        with set_aside([], "resolve_put_off", order=order.client_order_id):
            _resolve(worker, order, bots[order.bot_id])


def _turn(worker: Worker) -> int:
    return int(worker.services.clock.now().timestamp()) // RESOLVE_INTERVAL_S


def _resolve(worker: Worker, order: Order, bot: Bot) -> None:
    exchange, journal = worker.exchanges[order.exchange], worker.services.journal
    now = exchange_time(exchange.now_ms())
    match next_step(order, bot, now, exchange.placement):
        case Step.SEND:
            taken = journal.take(order)
            if taken is not None:
                send(worker, taken)
        case Step.REFUSE:
            # Without a permit: that costs budget, or a breaker's only trial, for what is not sent.
            refusal = entry_refusal(order, bot, now)
            if refusal is not None:
                journal.record_failure(order, refused_state(refusal), refusal, now)
        case Step.LOOK_UP | Step.FOLLOW:
            look_up(worker, order)
        case Step.CANCEL:
            cancel(worker, order)
        case Step.QUARANTINE:
            journal.quarantine(order, now)
        case Step.WAIT:
            pass
