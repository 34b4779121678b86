"""Who lives, and who has to step in: judged from executed ticks, which a process that hangs does not leave behind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# The queue that a standby records its ticks under: they watch positions, and are no sign of a worker's life.
STANDBY = "standby"
# A tick that another worker had executed already: whoever found that out lives.
SPARE = "spare"
ALIVE_S = 15.0
# Two intervals of short ticks may pass in one slow transaction.
LEAST_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class LastTick:
    """The last tick of its kind that a worker executed, and how long ago."""

    worker: str
    queue: str
    tick: str
    age_s: float


def living_workers(ticks: Collection[LastTick]) -> list[str]:
    """Those that executed a tick, or were ready to, within ALIVE_S."""
    return sorted({each.worker for each in ticks if each.queue != STANDBY and each.age_s < ALIVE_S})


def silences(ticks: Collection[LastTick]) -> dict[str, float]:
    """For how many seconds each worker has executed nothing."""
    silence: dict[str, float] = {}
    for each in ticks:
        silence[each.worker] = min(each.age_s, silence.get(each.worker, each.age_s))
    return silence


def orphaned(ticks: Collection[LastTick], intervals: Mapping[str, float]) -> list[str]:
    """The kinds of tick, of those with an interval, that a standby has to execute now.

    No worker has for two intervals, and no standby for one. What was never executed at all is due as well.
    """
    return [tick for tick, interval_s in intervals.items() if _is_orphaned(ticks, tick, interval_s)]


def _is_orphaned(ticks: Collection[LastTick], tick: str, interval_s: float) -> bool:
    by_workers = [each.age_s for each in ticks if each.tick == tick and each.queue != STANDBY]
    by_standbys = [each.age_s for each in ticks if each.tick == tick and each.queue == STANDBY]
    patience_s = max(2 * interval_s, LEAST_PATIENCE_S)
    return min(by_workers, default=patience_s) >= patience_s and min(by_standbys, default=interval_s) >= interval_s
