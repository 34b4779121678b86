"""What a user can't prevent: killed processes, stores that are away, an exchange that answers nonsense."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psutil
import pytest

from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, until
from tests.e2e.test_control import trading

QUICKLY_S = 10


@pytest.mark.parametrize(
    "names", [["redis"], ["postgres"], ["simulator"], ["orders", "strategy"], ["beat-1", "beat-2"], ["api", "flower"]]
)
def test_killed_processes_come_back_and_trading_goes_on(live: Stack, names: list[str]) -> None:
    # Given a system that trades
    trading(live)
    live.until_evaluating()
    before = {name: live.system.pid(name) for name in names}

    # When they are killed without a word
    for pid in before.values():
        psutil.Process(pid).kill()

    # Then others take their place
    for name, pid in before.items():
        until(partial(_is_another, live, name, pid), 20, f"{name} to be started again")
    until(lambda: _is_ready(live), 30, "the system to be ready")
    live.until_evaluating(45)
    live.until_new_fill()

    # And nothing was done twice or lost
    live.empty_handed()
    assert contradictions(live) == {}
    assert differences_from_venue(live) == {}


@pytest.mark.parametrize("store", ["redis", "postgres"])
@pytest.mark.parametrize("how", ["gone", "frozen"])
def test_a_store_that_is_away_is_said_quickly_and_recovered_from(live: Stack, store: str, how: str) -> None:
    # Given a bot that trades
    trading(live)
    version = live.get("bot/status").body["version"]

    # When the store stops answering
    with _gone(live, store) if how == "gone" else _frozen(live, store):
        asked_at = time.monotonic()
        answer = live.post("bot/pause")
        waited_s = time.monotonic() - asked_at

        # Then the call is refused within seconds, and the process itself is well
        assert answer.status == 503, answer
        assert answer.body["hint"]
        assert waited_s < QUICKLY_S
        assert live.get("/readyz").status == 503
        assert live.get("/healthz").status == 200

    # And once it is back, so is everything, with nothing half-written
    until(lambda: _is_ready(live), 30, "the system to be ready")
    status = live.get("bot/status").body
    assert (status["state"], status["version"]) in {("running", version), ("paused", version + 1)}
    live.start_bot()
    live.until_evaluating()


def test_an_exchange_that_answers_errors_is_survived(live: Stack) -> None:
    # Given a system that trades
    trading(live)
    live.until_evaluating()

    # When the exchange answers 503 to everything
    live.venue.fail("5xx", 1_000_000)
    try:
        until(lambda: live.get("bot/health").body["circuit_breaker_state"] != "closed", 30, "the breaker to open")
        health = until(lambda: _degraded(live), 30, "health to say so")
        assert health["error_counts"]
        assert health["reasons"]
        assert live.get("/readyz").status == 200, "the exchange is no part of readiness"
    finally:
        live.venue.heal()

    # Then it recovers by itself, with nothing sent twice or lost
    until(lambda: live.get("bot/health").body["status"] == "healthy", 40, "health to be restored")
    live.until_evaluating()
    live.until_new_fill()
    live.empty_handed()
    assert contradictions(live) == {}
    assert differences_from_venue(live) == {}


def test_reset_errors_clears_what_was_counted(live: Stack) -> None:
    # Given a breaker opened by failures
    trading(live)
    live.venue.fail("5xx", 1_000_000)
    until(lambda: live.get("bot/health").body["circuit_breaker_state"] != "closed", 30, "the breaker to open")

    # When the exchange is well again and a person says so
    live.venue.heal()

    # Then nothing is held against it any more, once what was under way has ended
    until(lambda: _is_clear_after_reset(live), 15, "a clean slate")


def test_a_pause_of_the_users_is_not_lifted_by_a_reset(live: Stack) -> None:
    live.start_bot()
    live.post("bot/pause")

    live.post("bot/reset-errors")

    assert live.get("bot/status").body["state"] == "paused"
    live.post("bot/resume")


def _is_another(stack: Stack, name: str, pid: int) -> bool:
    return stack.system.pid(name) not in {0, pid}


def _is_ready(stack: Stack) -> bool:
    try:
        return stack.get("/readyz").status == 200
    except OSError:
        return False


def _degraded(stack: Stack) -> dict[str, Any] | None:
    body: dict[str, Any] = stack.get("bot/health").body
    return body if body["status"] == "degraded" else None


def _is_clear_after_reset(stack: Stack) -> bool:
    assert stack.post("bot/reset-errors").status == 200
    health = stack.get("bot/health").body
    return (health["circuit_breaker_state"], health["error_counts"]) == ("closed", {})


@contextmanager
def _gone(stack: Stack, name: str) -> Iterator[None]:
    """Killed, with a supervisor that is held back from starting it again."""
    supervisor = psutil.Process(stack.system.process.pid)
    supervisor.suspend()
    try:
        psutil.Process(stack.system.pid(name)).kill()
        yield
    finally:
        supervisor.resume()


@contextmanager
def _frozen(stack: Stack, name: str) -> Iterator[None]:
    """The process and its children neither answer nor die: worse than being gone."""
    processes = stack.tree(name)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            if process.is_running():
                process.resume()
