"""The product's Celery application, its workers composed so that they can be ended at named points."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from celery import signals

from celery_config import app, settings
from shared.settings import Settings
from tests.chaos.crashing import (
    CrashingExchange,
    CrashingJournal,
    CrashingOutbox,
    Transactions,
    crash_between_bytes_and_reply,
)
from tests.chaos.endings import Endings
from worker.boot import Worker, build_worker, use

__all__ = ["app"]

endings = Endings(Path(settings.data_dir) / "chaos")


def crashing_worker(given: Settings) -> Worker:
    inner = build_worker(given)
    at = Transactions(endings.reach)
    at.watch(inner.services.engine)
    for exchange in inner.exchanges.values():
        if not given.paper_trading:
            crash_between_bytes_and_reply(exchange._client.session, endings.reach)  # type: ignore[attr-defined]
    services: Any = replace(
        inner.services,
        journal=CrashingJournal(inner.services.journal, at),
        outbox=CrashingOutbox(inner.services.outbox, at),
    )
    exchanges: Any = {name: CrashingExchange(exchange, at) for name, exchange in inner.exchanges.items()}
    return replace(inner, services=services, exchanges=exchanges)


@signals.task_prerun.connect
def received(task: Any, **_: object) -> None:
    endings.worker = task.request.hostname.partition("@")[0]
    if task.name == "worker.evaluate_markets":
        endings.reach("task_received")


@signals.task_postrun.connect
def executed(**_: object) -> None:
    endings.ticked()


use(crashing_worker)
