"""Celery's connection to the broker, tried again at a steady pace."""

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection

RETRY_EVERY_S = 2.0


class SteadyConnection(Connection):
    """By itself Celery waits longer and longer, and after a minute's outage up to 30 s once the broker is back."""

    def ensure_connection(self, *callbacks: Any, **options: Any) -> Connection:
        steady = {"interval_start": RETRY_EVERY_S, "interval_step": 0, "interval_max": RETRY_EVERY_S}
        return super().ensure_connection(*callbacks, **{**steady, **options})


class SteadyAMQP(AMQP):
    Connection = SteadyConnection
