"""Postgres cuts every connection, and is started anew, under a system that trades: nobody of ours is restarted."""

from collections.abc import Iterator

import psutil
import pytest

from tests.chaos.figures import Figures
from tests.chaos.outages import LIVE, database_now, seconds_to_tick
from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, running_stack, until
from tests.e2e.test_control import trading

pytestmark = pytest.mark.chaos

OURS = ("api", "orders", "strategy", "beat-1", "beat-2", "standby", "simulator")
BACK_WITHIN_S = 15
LEAST_SESSIONS = 4
OTHERS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
SESSIONS = f"SELECT count(*) {OTHERS}"
CUT_ALL = f"SELECT count(pg_terminate_backend(pid)) {OTHERS}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("postgres"), **LIVE) as stack:
        yield stack


def pids(stack: Stack) -> dict[str, int]:
    return {name: stack.system.pid(name) for name in OURS}


def goes_on(stack: Stack, before: dict[str, int]) -> None:
    """Ready, evaluating and trading, by the same processes, with books that agree."""
    until(lambda: stack.get("/readyz").status == 200, 20, "the system to be ready")
    stack.until_evaluating()
    stack.until_new_fill()
    stack.empty_handed()
    assert pids(stack) == before
    assert contradictions(stack) == {}
    assert differences_from_venue(stack) == {}


def test_cut_connections_are_made_again(stack: Stack, figures: Figures) -> None:
    # Given a system that trades
    trading(stack)
    stack.until_new_fill()
    before = pids(stack)

    # When Postgres ends every session, again and again
    for _ in range(3):
        # One that was cut comes back with the next question of its process: the next blow is to meet them all.
        until(lambda: stack.sql(SESSIONS)[0][0] >= LEAST_SESSIONS, 20, "the processes to ask Postgres again")
        cut_at = database_now(stack)
        (cut,) = stack.sql(CUT_ALL)[0]
        assert cut >= LEAST_SESSIONS
        back_s = seconds_to_tick(stack, cut_at, BACK_WITHIN_S)
        figures.add("Postgres sessions ended", cut, f"first tick after {back_s:.1f} s")

    # Then
    goes_on(stack, before)


def test_a_restarted_postgres_is_met_again(stack: Stack, figures: Figures) -> None:
    # Given a system that trades
    trading(stack)
    stack.until_new_fill()
    before, server = pids(stack), stack.system.pid("postgres")

    # When Postgres is killed, which takes what was not committed
    psutil.Process(server).kill()
    until(lambda: stack.system.pid("postgres") not in {0, server}, 20, "another Postgres")
    stack.system.until_said("postgres is ready", times=2)
    back_s = seconds_to_tick(stack, database_now(stack), BACK_WITHIN_S)
    figures.add("Postgres killed", 1, f"first tick {back_s:.1f} s after it is ready")

    # Then
    goes_on(stack, before)
