"""Workers that are killed or frozen: positions are watched again, and who hangs is replaced."""

from collections.abc import Iterator

import psutil
import pytest

from tests.chaos.figures import Figures
from tests.chaos.outages import (
    PACE,
    database_now,
    frozen,
    hold_a_position,
    kill_group,
    seconds_to_sale,
    seconds_to_tick,
)
from tests.e2e.books import contradictions, differences_from_venue
from tests.e2e.stack import Stack, running_stack, until

pytestmark = pytest.mark.chaos

WATCHED_AGAIN_S = 20
LONGEST_SILENCE_S = 60
# The supervisor looks every 5 s; a new worker needs a few to start and for its first tick.
REPLACED_WITHIN_S = LONGEST_SILENCE_S + 25


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("liveness"), **PACE) as stack:
        yield stack


def test_positions_are_watched_again_after_their_worker_was_killed(stack: Stack, figures: Figures) -> None:
    # Given
    price = hold_a_position(stack)

    # When the worker that watches positions is killed with all its children
    killed_at = database_now(stack)
    kill_group(stack, "orders")
    sold_s = seconds_to_sale(stack, price, WATCHED_AGAIN_S + 20)

    # Then the next look comes in time
    watched_s = seconds_to_tick(stack, killed_at, 30, "position")
    figures.add(
        "orders worker killed", 1, f"stop sold after {sold_s:.1f} s; watched by a worker after {watched_s:.1f} s"
    )
    assert sold_s <= WATCHED_AGAIN_S
    assert contradictions(stack) == {}
    assert differences_from_venue(stack) == {}


@pytest.mark.long_chaos
def test_a_frozen_worker_is_replaced_and_its_positions_are_watched_meanwhile(stack: Stack, figures: Figures) -> None:
    # Given a worker that has been up for long enough to be judged
    price = hold_a_position(stack, "ETH/USDT")
    before = stack.system.pid("orders")
    frozen_tree = stack.tree("orders")

    # When its processes stand still: they are there, and do nothing
    frozen_at = database_now(stack)
    with frozen(frozen_tree):
        # Then a standby keeps the stop
        sold_s = seconds_to_sale(stack, price, 40, "ETH/USDT")
        # And the supervisor ends it, and starts another
        until(lambda: stack.system.pid("orders") not in {0, before}, REPLACED_WITHIN_S, "another worker")
        replaced_s = (database_now(stack) - frozen_at).total_seconds()
        ticking_s = seconds_to_tick(stack, frozen_at, 30, "position")
        assert psutil.wait_procs(frozen_tree, timeout=5)[1] == [], "nothing of the old one is left"

    result = f"stop sold after {sold_s:.1f} s; replaced after {replaced_s:.1f} s; ticks after {ticking_s:.1f} s"
    figures.add("orders worker frozen", 1, result)
    (line,) = [line for line in stack.system.said().splitlines() if line.startswith("orders has executed no tick for ")]
    assert line.endswith("starting it again in 0.2 s")
    assert sold_s <= 25
    assert replaced_s <= REPLACED_WITHIN_S
    assert contradictions(stack) == {}
    assert differences_from_venue(stack) == {}
