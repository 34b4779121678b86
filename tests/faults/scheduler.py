"""Virtual time: one thing happens at a time, in an order that a seed decides."""

import heapq
from collections.abc import Callable

from greenlet import getcurrent, greenlet


class Scheduler:
    """Runs actions at their time. A greenlet that sleeps lets whatever is due before it go first."""

    def __init__(self) -> None:
        self.now = 0.0
        self._until = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0
        self._hub = getcurrent()
        self._spawned: list[greenlet] = []

    def at(self, when: float, action: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._due, (max(when, self.now), self._count, action))

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        self.at(self.now + seconds, action)

    def run(self, until: float) -> None:
        self._until = until
        while self._due and self._due[0][0] <= until:
            self.now, _, action = heapq.heappop(self._due)
            action()
        self.now = until

    def spawn(self, body: Callable[[], None]) -> greenlet:
        """A greenlet that has not begun; switching to it begins it."""
        spawned = greenlet(body, parent=self._hub)
        self._spawned.append(spawned)
        return spawned

    def close(self) -> None:
        """End every greenlet where it stands: the memory of one that sleeps for ever is never given back."""
        self._due.clear()
        for spawned in self._spawned:
            if not spawned.dead:
                spawned.throw()
        self._spawned.clear()

    def sleep(self, seconds: float) -> None:
        """In a greenlet: come back `seconds` later."""
        wake = self.now + seconds
        # Nobody is due before: switching to and fro would change nothing.
        if wake <= self._until and not (self._due and self._due[0][0] <= wake):
            self.now = wake
            return
        self.at(wake, getcurrent().switch)
        self._hub.switch()

    def wait(self) -> None:
        """In a greenlet: until somebody switches to it."""
        self._hub.switch()
