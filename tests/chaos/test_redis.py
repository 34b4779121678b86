"""Redis frozen, killed, wiped and restored from an older copy, under a system that holds a position."""

import time
from collections.abc import Iterator

import psutil
import pytest

from tests.chaos.figures import Figures
from tests.chaos.outages import (
    PACE,
    database_now,
    frozen,
    hold_a_position,
    redis_of,
    seconds_to_sale,
    seconds_to_tick,
)
from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, running_stack, until
from tests.support.streams import Stream

pytestmark = pytest.mark.chaos

# Two intervals of 10 s without a tick, a look each second, and one time-out of Redis.
SOLD_WITHIN_S = 25
BACK_WITHIN_S = 10


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("redis"), **PACE) as stack:
        yield stack


@pytest.fixture(autouse=True)
def _books_agree(stack: Stack) -> Iterator[None]:
    """Whatever a test did, no order was sent twice, and no sum is wrong."""
    yield
    stack.empty_handed()
    assert contradictions(stack) == {}
    assert differences_from_venue(stack) == {}


def test_stops_are_kept_while_redis_is_frozen(stack: Stack, figures: Figures) -> None:
    # Given a position with a stop
    price = hold_a_position(stack)

    # When Redis, and with it every tick, stands still, and the price falls through the stop
    with frozen(stack.tree("redis")):
        sold_s = seconds_to_sale(stack, price, SOLD_WITHIN_S + 15)
        thawed_at = database_now(stack)

    # Then the stop was kept, and everything goes on
    back_s = seconds_to_tick(stack, thawed_at, BACK_WITHIN_S + 20)
    figures.add(
        "Redis frozen, the price crashes", 1, f"sold after {sold_s:.1f} s; tick {back_s:.1f} s after it is back"
    )
    assert sold_s <= SOLD_WITHIN_S
    assert back_s <= BACK_WITHIN_S
    until(lambda: stack.get("/readyz").status == 200, 20, "the system to be ready")
    stack.system.until_said("standby_relieved")


def test_ticks_go_on_after_redis_was_killed(stack: Stack, figures: Figures) -> None:
    before = stack.system.pid("redis")

    psutil.Process(before).kill()
    until(lambda: stack.system.pid("redis") not in {0, before}, 15, "another Redis")
    back_s = seconds_to_tick(stack, database_now(stack), BACK_WITHIN_S + 20)

    figures.add("Redis killed", 1, f"first tick {back_s:.1f} s after it is back")
    assert back_s <= BACK_WITHIN_S
    until(lambda: stack.get("/readyz").status == 200, 20, "the system to be ready")


def test_a_wiped_redis_is_filled_again_within_a_tick(stack: Stack, figures: Figures) -> None:
    # Given a system at work, and what it keeps in Redis
    hold_a_position(stack, "ETH/USDT")
    stack.add("RSIStrategy", "SOL/USDT", rsi_period=2)
    with redis_of(stack) as client:
        until(lambda: client.exists("orch:roster", "orch:marks:binance") == 2, 20, "roster and marks")

        # When all of it is lost
        client.flushall()
        wiped_at = time.monotonic()

        # Then the next tick (1 s) has the roster, and the next look at positions (10 s) the marks
        until(lambda: client.exists("orch:roster"), 5, "the roster")
        until(lambda: client.exists("orch:marks:binance"), 15, "the marks")
    figures.add("Redis wiped", 1, f"roster and marks back after {time.monotonic() - wiped_at:.1f} s")
    stack.until_evaluating()


@pytest.mark.parametrize("loss", ["wiped", "restored"])
def test_a_stream_of_events_has_every_number_through_a_loss(stack: Stack, loss: str) -> None:
    """Restored: from a copy whose last event is older than what was marked as sent."""
    # Given a client of the stream, and a copy of Redis' stream
    stack.start_bot()
    port = int(stack.variables["API_PORT"])
    with Stream(port, timeout_s=40) as stream, redis_of(stack) as client:
        _happen(stack, 2)
        first = stream.numbers(2)
        copy = client.dump("events")
        _happen(stack, 2)
        until(lambda: _all_sent(stack), 10, "the relay")

        # When Redis loses what it had, and more happens
        if loss == "wiped":
            client.flushall()
        else:
            assert isinstance(copy, bytes)
            client.restore("events", 0, copy, replace=True)
        _happen(stack, 2)

        # Then every number has come once, in order
        wanted = list(range(first[0], first[0] + 6))
        assert first + stream.numbers(4) == wanted
        # And a client that missed all of it is told all of it
        with Stream(port, headers={"Last-Event-ID": str(first[0] - 1)}, timeout_s=20) as late:
            assert late.numbers(6) == wanted


def _happen(stack: Stack, events: int) -> None:
    """Pause and resume are one event each."""
    for call in ("pause", "resume") * (events // 2):
        assert stack.post(f"bot/{call}").status == 200


def _all_sent(stack: Stack) -> bool:
    return bool(stack.sql("SELECT count(*) = 0 FROM outbox WHERE NOT is_sent")[0][0])
