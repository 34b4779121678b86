"""The fleet's own log lines: into the trace of a run, and an error among them is a defect."""

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from tests.faults.world import World

_current: list["World"] = []


@contextmanager
def captured(world: "World") -> Iterator[None]:
    """While the block runs, what is logged is the world's; errors alone where it keeps no trace."""
    before = structlog.get_config()
    level = 20 if world.trace is not None else 40
    structlog.configure(
        processors=[_kept],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    _current.append(world)
    try:
        yield
    finally:
        _current.pop()
        structlog.configure(**before)


def _kept(_logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    world = _current[-1]
    fields = " ".join(f"{key}={value}" for key, value in event.items() if key not in ("event", "exc_info"))
    world.tell("log", f"{event['event']} {fields}")
    if method in ("error", "exception", "critical"):
        error = sys.exc_info()[1]
        world.defects.append(f"{event['event']}: {type(error).__name__}: {error} ({fields})")
        world.tell("log", f"!!! {type(error).__name__}: {error}")
    raise structlog.DropEvent
