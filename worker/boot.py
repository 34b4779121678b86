"""What one worker process works with. Built in the child, after the fork: no socket crosses one.

Exchanges and strategies (ccxt, pandas) are imported inside functions: beats and Flower load this module too.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import structlog
from celery import current_app

from shared.adapters.redis_clients import AWAY_S
from shared.bootstrap import Services, build_services, limits
from shared.domain.exchanges import TERMS
from shared.domain.risk import Limits
from shared.ports import Exchange, TaskQueue
from shared.settings import Settings, load_settings
from strategies import catalogue
from worker.queue import CeleryTaskQueue

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Worker:
    """The collaborators of every cycle. `exchanges` are those this system trades on, by name."""

    services: Services
    exchanges: dict[str, Exchange]
    queue: TaskQueue
    strategies: ModuleType  # strategies.registry: evaluate(name, params, candles)
    catalogue: ModuleType  # strategies.catalogue: key(name, params)
    limits: Limits
    instance: str = field(default_factory=lambda: f"{os.uname().nodename}:{os.getpid()}")

    def moves(self, exchange: str, account: str) -> bool:
        """Whether this system moves the money of `account`: what was bought on paper is not to be sold live."""
        return self.exchanges[exchange].account == account


def preload() -> None:
    """Import what is heavy once, in the parent: the children share its pages and start at once."""
    import shared.adapters.exchanges  # noqa: F401, PLC0415
    import strategies.registry  # noqa: F401, PLC0415


def build_worker(settings: Settings, is_sole: bool = False) -> Worker:
    """`is_sole`: what it does while Redis is away it alone does in the fleet."""
    from shared.adapters.exchanges import build_exchange  # noqa: PLC0415
    from strategies import registry  # noqa: PLC0415

    services = build_services(settings, AWAY_S)
    exchanges = {name: build_exchange(settings, name, services.engine, services.state, is_sole) for name in TERMS}
    return Worker(
        services,
        exchanges,
        CeleryTaskQueue(current_app, settings.strategy_interval_s),
        registry,
        catalogue,
        limits(settings),
    )


_build: Callable[[Settings], Worker] = build_worker
_current: tuple[int, Worker] | None = None


def use(factory: Callable[[Settings], Worker]) -> None:
    """Let `factory` build this program's workers: for a program that composes them in its own way, before any runs."""
    global _build, _current  # one per program, chosen as it is loaded
    _build, _current = factory, None


def worker() -> Worker:
    """This process's worker, built at first use and never inherited through a fork."""
    global _current  # noqa: PLW0603  # one per process, like the process itself
    if _current is None or _current[0] != os.getpid():
        _current = (os.getpid(), _build(load_settings()))
        log.info("worker_built", instance=_current[1].instance)
    return _current[1]
