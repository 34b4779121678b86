"""Celery's process hooks: logging, the pre-fork import, and a beat's sign of life."""

import os
import time

import structlog
from celery import signals

from shared import logs
from shared.adapters.state_redis import RedisStateStore
from shared.domain.errors import Unavailable
from shared.settings import load_settings
from worker.boot import preload

log = structlog.get_logger(__name__)

BEAT_TTL_S = 15


@signals.setup_logging.connect
def configure_logging(**_: object) -> None:
    logs.configure(load_settings())


@signals.worker_init.connect
def preload_before_fork(**_: object) -> None:
    preload()


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
