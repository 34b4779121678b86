"""Celery's process hooks: logging, the pre-fork import, and a beat's sign of life."""

import os
import threading
import time

import structlog
from celery import signals

from shared import logs
from shared.adapters.state_redis import RedisStateStore
from shared.domain.errors import Unavailable
from shared.ports import Reconciliations
from shared.settings import load_settings
from worker.boot import preload

log = structlog.get_logger(__name__)

BEAT_TTL_S = 15
DEMAND_RETRY_S = 1


@signals.setup_logging.connect
def configure_logging(**_: object) -> None:
    logs.configure(load_settings())


@signals.worker_init.connect
def preload_before_fork(**_: object) -> None:
    preload()


@signals.worker_ready.connect
def demand_reconciliation(**_: object) -> None:
    """What this worker enters into waits until each account's books were held against its venue once more."""
    threading.Thread(target=_demand_reconciliation, daemon=True).start()


def _demand_reconciliation() -> None:
    """In the parent, over an engine that no child ever sees; until it is written."""
    from shared.adapters import ledger_sql  # noqa: PLC0415  # Beats load this module, too.

    engine = ledger_sql.engine(load_settings().sqlalchemy_url, pool_size=1)
    try:
        while not _is_demanded(ledger_sql.SqlReconciliations(engine)):
            time.sleep(DEMAND_RETRY_S)
    finally:
        engine.dispose()


def _is_demanded(record: Reconciliations) -> bool:
    try:
        record.demand()
    except Unavailable as error:
        log.warning("reconciliation_not_demanded", error=str(error))
        return False
    return True


@signals.beat_init.connect
def start_heartbeat(**_: object) -> None:
    """A beat lives while it publishes: its sign of life follows each message, once a second at most."""
    settings = load_settings()
    state = RedisStateStore(str(settings.redis_url))
    instance, last = f"{os.uname().nodename}:{os.getpid()}", 0.0

    def sign(**_: object) -> None:
        nonlocal last
        if time.monotonic() - last < 1:
            return
        try:
            state.beat("beat", instance, BEAT_TTL_S)
            last = time.monotonic()
        except Unavailable as error:
            log.warning("heartbeat_failed", error=str(error))

    # Weak by default: the closure would be gone with this call.
    signals.after_task_publish.connect(sign, weak=False)
