"""What a process is, as data; nothing here touches the system."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

# A hard task limit of 45 s, and what a tick may be late: a worker that has executed nothing for so long hangs.
LONGEST_SILENCE_S = 60.0

Probe = Callable[[], bool]  # One quick look: is it ready? Never raises.


def bare_environment() -> dict[str, str]:
    """For programs that aren't ours: no keys, no settings."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """A user to run as, when the supervisor itself is root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """`needs` are the names that must be ready first. Without a probe it is ready once started; with `is_oneshot`,
    once it has exited with 0. `environment` is all that it gets. `death_signal` reaches it if the supervisor is
    killed. `worker` is the name, without the machine's, under which it records the ticks that it executes.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=bare_environment, repr=False)
    probe: Probe | None = None
    is_oneshot: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None
    folder: str | None = None
    keep_open: tuple[int, ...] = ()
    worker: str | None = None
    longest_silence_s: float = LONGEST_SILENCE_S


def startable(specs: Iterable[ProcessSpec], started: set[str], ready: set[str]) -> list[ProcessSpec]:
    """Those not started whose needs are all ready."""
    return [spec for spec in specs if spec.name not in started and ready.issuperset(spec.needs)]


def stop_order(specs: Iterable[ProcessSpec]) -> list[list[ProcessSpec]]:
    """Groups to be stopped one after the other: whoever needs a process stops before it."""
    remaining = {spec.name: spec for spec in specs}
    groups = []
    while remaining:
        needed = {name for spec in remaining.values() for name in spec.needs}
        group = [spec for name, spec in remaining.items() if name not in needed]
        if not group:
            raise ValueError(f"these need one another: {', '.join(remaining)}")
        groups.append(group)
        for spec in group:
            del remaining[spec.name]
    return groups
