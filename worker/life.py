"""A worker's sign of life: the tick that it has just executed, in the record."""

import time

from celery import current_task

from shared.ports import Liveness

# One kind of tick comes once a second at most, and so does its row.
SIGN_EVERY_S = 0.9

_signed_at: dict[str, float] = {}


def sign(liveness: Liveness, tick: str) -> None:
    """By the name that the supervisor, and Celery itself, know this process's worker by."""
    if time.monotonic() - _signed_at.get(tick, float("-inf")) < SIGN_EVERY_S:
        return
    request = current_task.request
    liveness.record(request.hostname, request.delivery_info["routing_key"], tick)
    _signed_at[tick] = time.monotonic()
