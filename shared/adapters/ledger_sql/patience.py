"""How long a connection waits for its server: libpq itself would wait for ever on one that is frozen.

psycopg2 has one wait callback per process, so it lets the connections of others wait as they always did.
"""

import select
import time

import psycopg2
from psycopg2 import extensions

# Before a transaction has begun (connecting, a ping, BEGIN) a server that is there answers at once. Within one, its
# own limit on statements speaks first.
IDLE_S = 2.0
WORKING_S = 12.0


class PatientConnection(extensions.connection):
    """One whose waits are bounded; what is raised at the bound closes it."""


def install() -> None:
    """Repeating it is harmless."""
    extensions.set_wait_callback(_wait)


def _wait(conn: extensions.connection) -> None:
    deadline = time.monotonic() + _patience_s(conn)
    while (wanted := conn.poll()) != extensions.POLL_OK:
        # Not select(): that fails on a process's 1025th file.
        poller = select.poll()
        poller.register(conn, select.POLLIN if wanted == extensions.POLL_READ else select.POLLOUT)
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poller.poll(min(left_s, 3600.0) * 1000):
            raise psycopg2.OperationalError("the server does not answer")


def _patience_s(conn: extensions.connection) -> float:
    if not isinstance(conn, PatientConnection):
        return float("inf")
    return WORKING_S if conn.status == extensions.STATUS_BEGIN else IDLE_S
