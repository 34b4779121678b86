"""Celery tasks: envelopes. Each parses its arguments, calls one cycle, returns None."""

from collections.abc import Callable

import structlog
from celery import current_task, shared_task

from shared.domain.errors import Unavailable
from shared.domain.liveness import SPARE
from worker.boot import Worker, worker
from worker.codec import unpacked
from worker.cycles.evaluation import evaluation_cycle
from worker.cycles.portfolio import portfolio_cycle
from worker.cycles.positions import position_cycle
from worker.cycles.reconciling import reconcile_cycle
from worker.cycles.resolving import resolve_cycle
from worker.cycles.strategy import strategy_cycle
from worker.cycles.upkeep import markets_cycle, relay_cycle
from worker.life import LifeSign
from worker.schedule import (
    MARKETS_INTERVAL_S,
    RECONCILE_INTERVAL_S,
    RELAY_INTERVAL_S,
    RESOLVE_INTERVAL_S,
    executed_slot,
)

log = structlog.get_logger(__name__)
sign = LifeSign()


@shared_task(name="worker.strategy_tick")
def strategy_tick() -> None:
    _tick("strategy", worker().services.settings.strategy_interval_s, strategy_cycle)


@shared_task(name="worker.position_tick")
def position_tick() -> None:
    _tick("position", worker().services.settings.position_interval_s, position_cycle)


@shared_task(name="worker.portfolio_tick")
def portfolio_tick() -> None:
    _tick("portfolio", worker().services.settings.portfolio_interval_s, portfolio_cycle)


@shared_task(name="worker.resolve_tick")
def resolve_tick() -> None:
    _tick("resolve", RESOLVE_INTERVAL_S, resolve_cycle)


@shared_task(name="worker.reconcile_tick")
def reconcile_tick() -> None:
    _tick("reconcile", RECONCILE_INTERVAL_S, reconcile_cycle)


@shared_task(name="worker.relay_tick")
def relay_tick() -> None:
    _tick("relay", RELAY_INTERVAL_S, relay_cycle)


@shared_task(name="worker.markets_tick")
def markets_tick() -> None:
    _tick("markets", MARKETS_INTERVAL_S, markets_cycle)


@shared_task(name="worker.evaluate_markets")
def evaluate_markets(exchange: str, markets: list[list[str]]) -> None:
    def evaluated(this: Worker) -> None:
        evaluation_cycle(this, exchange, unpacked(exchange, markets))
        # Ticks queue behind batches and run out there: whoever works on one after the other executes none, and lives.
        _sign(this, SPARE)

    with structlog.contextvars.bound_contextvars(task="evaluate_markets", exchange=exchange):
        _survived(evaluated)


def _tick(name: str, interval_s: int, cycle: Callable[[Worker], None]) -> None:
    """Run `cycle` if this slot is still free: a second beat, or a redelivery, finds it taken."""

    def once(this: Worker) -> None:
        state = this.services.state
        # By one clock for all: with their machines' own, one worker's slot would be another's past, and be left out.
        slot = executed_slot(state.now().timestamp(), interval_s)
        is_free = state.claim_slot(name, slot, ttl_s=2 * interval_s + 1)
        if is_free:
            cycle(this)
        # A sign of life is a tick that got to its end, not a process that is there.
        _sign(this, name if is_free else SPARE)

    with structlog.contextvars.bound_contextvars(tick=name):
        _survived(once)


def _sign(this: Worker, tick: str) -> None:
    request = current_task.request
    sign(this.services.liveness, request.hostname, request.delivery_info["routing_key"], tick)


def _survived(cycle: Callable[[Worker], None]) -> None:
    """A store that is away ends the task with one line, not a traceback: the next tick mends it."""
    try:
        cycle(worker())
    except Unavailable as error:
        log.warning("store_unavailable", error=str(error))
