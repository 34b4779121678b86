"""The simulation, seed by seed; `make test-faults` runs more of them."""

import pytest

from tests.faults.ablations import ABLATIONS
from tests.faults.runs import Result, replay, run, run_all

SEEDS_EACH = 125
# By when each has shown itself, many times over.
ENOUGH = 2_000


@pytest.mark.parametrize("part", range(8))
def test_whatever_dies_no_invariant_is_violated(part: int) -> None:
    seeds = range(part * SEEDS_EACH, (part + 1) * SEEDS_EACH)

    failed = [result for result in run_all(seeds) if result.violated]

    assert not failed, "\n".join(f"{replay(each.seed)}: {each.violated[0]}" for each in failed)


def test_a_window_of_a_minute_is_as_safe_as_one_of_five_seconds() -> None:
    failed = [result for result in run_all(range(60), "long window") if result.violated]

    assert not failed, "\n".join(f"{replay(each.seed, 'long window')}: {each.violated[0]}" for each in failed)


@pytest.mark.parametrize(
    ("missing", "violated"),
    [
        ("no window wait", "I1 one venue order per intent"),
        ("no compare-and-set", "I1 one venue order per intent"),
        ("sending committed after the bytes", "I1 one venue order per intent"),
        ("no sweeper of candles", "I6 every candle is evaluated"),
        ("no resolver of orders", "I8 every order ends"),
        ("no fence at pause", "I7 nothing enters after a stop"),
        ("no leaving until flat", "what was to be left is left"),
        ("ends before their fills", "I3 positions are their fills"),
    ],
)
def test_without_a_part_of_the_protocol_its_invariant_is_violated(missing: str, violated: str) -> None:
    assert missing in ABLATIONS

    shown = next((each for each in run_all(range(ENOUGH), missing) if _has(each, violated)), None)

    assert shown is not None, f"the simulation is blind to {missing!r}: {ENOUGH} seeds show no {violated!r}"


def _has(result: Result, violated: str) -> bool:
    return any(each.startswith(violated) for each in result.violated)


def test_a_seed_comes_to_the_same_again_whether_it_is_watched_or_not() -> None:
    once, watched = run(7), run(7, is_traced=True)

    assert (once.violated, once.counts) == (watched.violated, watched.counts)
    assert run(7, is_traced=True).trace == watched.trace
