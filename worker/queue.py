"""The task queue over Celery."""

from collections.abc import Sequence
from dataclasses import dataclass

from celery import Celery

from shared.domain.bots import MarketKey
from worker.codec import packed


@dataclass(frozen=True, slots=True)
class CeleryTaskQueue:
    """Publishes by name; a batch not taken within `expires_s` is swept by the next tick."""

    app: Celery
    expires_s: int

    def evaluate_markets(self, exchange: str, markets: Sequence[MarketKey]) -> None:
        self.app.send_task("worker.evaluate_markets", args=[exchange, packed(markets)], expires=self.expires_s)
