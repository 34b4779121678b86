"""The log of calls, and the limit on them."""

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

LOGGED = 100_000


@dataclass(frozen=True, slots=True)
class Logged:
    """`status` is None where the connection was cut; `done_ms` is when the answer left, or would have."""

    at_ms: int
    done_ms: int
    method: str
    path: str
    symbol: str | None
    account: str | None
    client_order_id: str | None
    status: int | None
    fault: str | None
    is_late: bool


class Calls:
    """The newest calls, oldest first. In memory: it starts empty after a restart."""

    def __init__(self) -> None:
        self._calls: deque[Logged] = deque(maxlen=LOGGED)
        self._lock = threading.Lock()

    def add(self, call: Logged) -> None:
        with self._lock:
            self._calls.append(call)

    def since(self, at_ms: int = 0) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(call) for call in self._calls if call.at_ms >= at_ms]

    def summary(self, at_ms: int = 0) -> dict[str, int]:
        with self._lock:
            return dict(Counter(f"{call.method} {call.path}" for call in self._calls if call.at_ms >= at_ms))

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()


class Limiter:
    """At most `calls` in any window of `window_s`; off while `calls` is None. A refused call doesn't count."""

    def __init__(self) -> None:
        self.calls: int | None = None
        self.window_s = 60.0
        self._taken: deque[int] = deque()
        self._lock = threading.Lock()

    def set(self, calls: int | None, window_s: float) -> None:
        with self._lock:
            self.calls, self.window_s = calls, window_s
            self._taken.clear()

    def retry_after_s(self, now_ms: int) -> float | None:
        """None if the call may pass, and is then counted; else the wait."""
        with self._lock:
            if self.calls is None:
                return None
            window_ms = int(self.window_s * 1000)
            while self._taken and self._taken[0] <= now_ms - window_ms:
                self._taken.popleft()
            if len(self._taken) < self.calls:
                self._taken.append(now_ms)
                return None
            oldest = self._taken[0] if self._taken else now_ms
            return (oldest + window_ms - now_ms) / 1000
