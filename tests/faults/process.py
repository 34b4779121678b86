"""A process of the fleet: at every call of a port it may be switched away from, slowed, paused or killed."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from shared.domain.errors import Unavailable

if TYPE_CHECKING:
    from tests.faults.world import World

EPOCH_S = 1_700_000_040  # On the grid of every timeframe up to a minute.
PAUSE_S = (5.0, 90.0)


class Killed(BaseException):
    """SIGKILL: nothing of the process goes on, and no `except Exception` sees it."""


class Process:
    """`skew_s`: how far its machine's clock is off. `risky`: how often it dies or sleeps on an order's way."""

    def __init__(self, world: "World", name: str, skew_s: float, is_api: bool = False) -> None:
        self.world = world
        self.name = name
        self.skew_s = skew_s
        self.is_dead = False
        self._is_api = is_api
        self._random: Random = world.random

    # The clock port: the machine's.

    def now(self) -> datetime:
        return datetime.fromtimestamp(EPOCH_S + self.world.time + self.skew_s, UTC)

    # Points.

    def point(self, what: str, is_risky: bool = False) -> None:
        """Somewhere in here the process may die, sleep for long, or be slow; time passes in any case."""
        if self.is_dead:
            raise Killed
        faults, chance = self.world.faults, self._random.random()
        if faults.is_any and chance < 0.06:
            self._suffer(what, chance, is_risky)
        self.sleep(0.001 + 0.012 * chance)

    def _suffer(self, what: str, chance: float, is_risky: bool) -> None:
        faults = self.world.faults
        crash = faults.api_crash if self._is_api else faults.crash_risky if is_risky else faults.crash
        pause = faults.pause_risky if is_risky else faults.pause
        if chance < crash:
            self.die(what)
        if chance < crash + pause:
            self._pause(what)
        elif chance < crash + pause + faults.slow:
            self.sleep(self._random.uniform(0.2, 3.0))

    def _pause(self, what: str) -> None:
        seconds = self._random.uniform(*PAUSE_S)
        self.world.tell(self.name, f"*** paused for {seconds:.0f} s before {what}")
        self.world.count("pauses")
        self.sleep(seconds)

    def die(self, what: str) -> None:
        self.is_dead = True
        self.world.tell(self.name, f"*** killed before {what}")
        self.world.count("crashes")
        raise Killed

    def sleep(self, seconds: float) -> None:
        self.world.scheduler.sleep(seconds)
        if self.is_dead:
            raise Killed

    def chance(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability


class Seam:
    """A port as one process has it: each call is a point, and the reply to a write may be lost."""

    def __init__(self, process: Process, label: str, port: Any, risky: frozenset[str], writes: frozenset[str]) -> None:
        self._process = process
        self._label = label
        self._port = port
        self._risky = risky
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):
            return method
        call = self.__dict__[name] = self._pointed(f"{self._label}.{name}", name, method)
        return call

    def _pointed(self, what: str, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        process, world, is_risky, is_write = (
            self._process,
            self._process.world,
            name in self._risky,
            name in self._writes,
        )

        def call(*args: Any, **kwargs: Any) -> Any:
            process.point(what, is_risky)
            result = method(*args, **kwargs)
            if world.trace is not None:
                world.tell(process.name, f"{what}{told(args)} → {short(result)}")
            if is_write and process.chance(world.faults.commit_reply_lost):
                world.tell(process.name, f"*** the reply to {what} is lost")
                raise Unavailable("the connection broke; whether it was committed is not known")
            return result

        return call


def told(args: tuple[Any, ...]) -> str:
    return f"({', '.join(short(each) for each in args)})"


def short(value: Any) -> str:
    """One word or two of a value, for the trace."""
    if hasattr(value, "client_order_id") and hasattr(value, "state"):
        attempt = f" #{value.attempt}" if hasattr(value, "attempt") else ""
        return f"<{value.client_order_id[:7]} {value.state}{attempt}>"
    if hasattr(value, "id") and hasattr(value, "state"):
        return f"<{value.id[:7]} {value.state} {value.quantity:f}>"
    if hasattr(value, "desired"):
        return f"<{value.id} {value.observed}>"
    if isinstance(value, list | tuple):
        return f"[{', '.join(short(each) for each in value[:6])}{', …' if len(value) > 6 else ''}]"
    if callable(value) or isinstance(value, dict):
        return "…"
    return str(value)[:60]
