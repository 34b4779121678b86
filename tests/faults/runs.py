"""Runs by seed: one to read, or many at once over all cores."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.faults.ablations import ABLATIONS, LONG_WINDOW
from tests.faults.checker import violations
from tests.faults.logs import captured
from tests.faults.world import Composition, World

COMPOSITIONS = {"": Composition(), "long window": LONG_WINDOW, **ABLATIONS}
BATCH = 20


@dataclass(frozen=True, slots=True)
class Result:
    """What one seed came to: what it violated, and how much happened in it."""

    seed: int
    violated: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    trace: tuple[str, ...] = ()


def run(seed: int, composition: str = "", is_traced: bool = False) -> Result:
    """The same seed comes to the same on every machine and in every process."""
    world = World(seed, COMPOSITIONS[composition], [] if is_traced else None)
    with captured(world):
        world.run()
    found = [f"a defect showed: {each}" for each in world.defects] + violations(world.evidence())
    world.scheduler.close()
    return Result(seed, tuple(found), world.happened(), tuple(world.trace or ()))


def run_all(seeds: Iterable[int], composition: str = "") -> Iterator[Result]:
    """In this process, one after another."""
    return (run(seed, composition) for seed in seeds)


def run_spread(seeds: Iterable[int], composition: str = "", processes: int | None = None) -> Iterator[Result]:
    """Over processes, in whatever order they come."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count()) as pool:
        yield from pool.imap_unordered(partial(run, composition=composition), seeds, BATCH)


def replay(seed: int, composition: str = "") -> str:
    """The command that shows one seed again."""
    chosen = f" WITHOUT='{composition}'" if composition else ""
    return f"make test-faults SEED={seed}{chosen}"
