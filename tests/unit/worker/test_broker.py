"""A broker that is away is asked again at a steady pace."""

import contextlib

from celery import Celery

from worker.broker import RETRY_EVERY_S

TRIES = 4


class Enough(Exception):
    """The test has seen what it wanted to."""


def test_the_pace_does_not_slacken_however_long_the_outage() -> None:
    # Given the connection of an application, to where nobody listens
    app = Celery("tests", set_as_current=False, broker="redis://127.0.0.1:1/0", amqp="worker.broker:SteadyAMQP")
    waits: list[float] = []

    def refused(_error: Exception, wait_s: float) -> float:
        waits.append(wait_s)
        if len(waits) == TRIES:
            raise Enough
        return 0

    # When it is tried again and again
    connection = app.connection_for_read()
    with contextlib.suppress(Enough):
        connection.ensure_connection(refused, None)

    # Then it waits as long each time
    assert waits == [RETRY_EVERY_S] * TRIES
    connection.release()
    app.close()
