"""Faults on demand: which calls they hit, how often, and when they end."""

import random
import threading
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from simulator.errors import ControlError


class Kind(StrEnum):
    DELAY = "delay"
    TOO_MANY = "429"
    BANNED = "418"
    SERVER_ERROR = "5xx"
    DROP_REQUEST = "drop_request"
    DROP_REPLY = "drop_reply"
    ACCEPT_LATE = "accept_late"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    CLOCK_SKEW = "clock_skew"


class Phase(StrEnum):
    """`request`: the call is not processed (or not yet). `reply`: it is, and only the answer suffers."""

    REQUEST = "request"
    REPLY = "reply"


DEFAULT_PHASE = {Kind.DROP_REPLY: Phase.REPLY, Kind.GARBAGE: Phase.REPLY, Kind.TRUNCATED: Phase.REPLY}
EITHER_PHASE = frozenset({Kind.DELAY, Kind.SERVER_ERROR, Kind.GARBAGE, Kind.TRUNCATED})
MATCHED = ("method", "path", "symbol", "account")


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    symbol: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """`count` None means until it is deleted. A `path` that ends in * matches a prefix."""

    id: int
    fault: Kind
    match: dict[str, str] = field(default_factory=dict)
    phase: Phase = Phase.REQUEST
    count: int | None = 1
    after: int = 0
    probability: float = 1.0
    seconds: float = 1.0
    retry_after: float = 1.0
    status: int = 503
    skew_ms: int = 0
    expires_ms: int | None = None
    hits: int = 0

    def matches(self, call: Call) -> bool:
        return all(_agrees(wanted, getattr(call, name)) for name, wanted in self.match.items())

    def is_over(self, now_ms: int) -> bool:
        return self.count == 0 or (self.expires_ms is not None and now_ms >= self.expires_ms)


def _agrees(wanted: str, value: str | None) -> bool:
    if wanted.endswith("*"):
        return value is not None and value.startswith(wanted[:-1])
    return wanted == value


class Faults:
    """The faults in force, oldest first; the first that matches a call hits it. Safe across threads."""

    def __init__(self, seed: int) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._next_id = 1

    def add(self, request: dict[str, Any], now_ms: int) -> Fault:
        with self._lock:
            fault = parsed(request, self._next_id, now_ms)
            self._next_id += 1
            self._faults.append(fault)
            return fault

    def take(self, call: Call, now_ms: int) -> Fault | None:
        """The fault that hits this call, counted."""
        with self._lock:
            self._faults = [fault for fault in self._faults if not fault.is_over(now_ms)]
            for position, fault in enumerate(self._faults):
                if not fault.matches(call):
                    continue
                if fault.after:
                    self._faults[position] = replace(fault, after=fault.after - 1)
                elif fault.probability >= 1 or self._random.random() < fault.probability:
                    count = None if fault.count is None else fault.count - 1
                    self._faults[position] = replace(fault, count=count, hits=fault.hits + 1)
                    return fault
        return None

    def listed(self, now_ms: int) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults if not fault.is_over(now_ms)]

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            self._faults = [fault for fault in self._faults if fault_id not in (None, fault.id)]


def parsed(request: dict[str, Any], fault_id: int, now_ms: int) -> Fault:
    """Raises ControlError naming the field that can't work."""
    known = {"fault", "match", "phase", "count", "after", "probability", "seconds", "retry_after", "status", "skew_ms"}
    for name in request:
        if name not in known | {"expires_s"}:
            raise ControlError(name, f"unknown; known are {', '.join(sorted(known))}, expires_s")
    kind = _member(Kind, request, "fault", None)
    phase = _member(Phase, request, "phase", DEFAULT_PHASE.get(kind, Phase.REQUEST))
    if phase is not DEFAULT_PHASE.get(kind, Phase.REQUEST) and kind not in EITHER_PHASE:
        raise ControlError("phase", f"{kind} has only one")
    expires_s = _number(request, "expires_s", None)
    count = _number(request, "count", 1)
    return Fault(
        id=fault_id,
        fault=kind,
        match=_match(request.get("match") or {}),
        phase=phase,
        count=None if count is None else int(count),
        after=int(_number(request, "after", 0) or 0),
        probability=float(_number(request, "probability", 1.0) or 0.0),
        seconds=float(_number(request, "seconds", 1.0) or 0.0),
        retry_after=float(_number(request, "retry_after", 1.0) or 0.0),
        status=int(_number(request, "status", 503) or 503),
        skew_ms=int(_number(request, "skew_ms", 0, least=None) or 0),
        expires_ms=None if expires_s is None else now_ms + int(expires_s * 1000),
    )


def _member(kind: Any, request: dict[str, Any], name: str, default: Any) -> Any:
    value = request.get(name, default)
    try:
        return kind(value)
    except ValueError as error:
        raise ControlError(name, f"is one of {', '.join(kind)}") from error


def _match(match: Any) -> dict[str, str]:
    if not isinstance(match, dict):
        raise ControlError("match", f"is an object of {', '.join(MATCHED)}")
    for name, value in match.items():
        if name not in MATCHED or not isinstance(value, str):
            raise ControlError(f"match.{name}", f"match strings of {', '.join(MATCHED)}")
    return match


def _number(request: dict[str, Any], name: str, default: float | None, least: float | None = 0) -> float | None:
    value = request.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or (least is not None and value < least):
        raise ControlError(name, "is a number" if least is None else f"is a number of at least {least}")
    return value
