"""Server-sent events: one reader of the bus per process, fanned out to bounded queues, one for each client.

An event's number is the message id. Numbers are gapless and are committed before they are published: whatever a
client or the reader missed is in the outbox's history, and nothing is delivered twice.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import structlog

from api.errors import TooManyStreams
from api.messages import message
from shared.domain.errors import Unavailable
from shared.domain.events import Event
from shared.ports import EventBus, Outbox

log = structlog.get_logger(__name__)

PAGE = 500
RETRY_MS = 2000


class Subscription:
    """One client's queue. One that can't keep up is closed: it reconnects and resumes from the history."""

    def __init__(self, hub: "EventHub", bot_id: str | None, size: int) -> None:
        self._hub = hub
        self._bot_id = bot_id
        self._queue: queue.Queue[Event] = queue.Queue(size)
        self.is_closed = False

    def offer(self, event: Event) -> None:
        if self._bot_id is not None and event.bot_id != self._bot_id:
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            log.warning("stream_dropped", reason="client too slow")
            self.close()

    def next(self, timeout_s: float) -> Event | None:
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        self.is_closed = True
        self._hub.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class EventHub:
    """The process's reader. Its thread lives while somebody listens, and outlives every outage."""

    def __init__(
        self, bus: EventBus, outbox: Outbox, max_streams: int, queue_size: int, block_ms: int, retry_s: float
    ) -> None:
        self._bus = bus
        self._outbox = outbox
        self._max_streams = max_streams
        self._queue_size = queue_size
        self._block_ms = block_ms
        self._retry_s = retry_s
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._reader: threading.Thread | None = None
        self._waiting = threading.Event()
        self._is_away = False

    def subscribe(self, bot_id: str | None = None) -> tuple[Subscription, int]:
        """A client's queue, and the last number given before it opened: live events come after that one.

        Raises TooManyStreams at the cap, Unavailable without Postgres.
        """
        subscription = Subscription(self, bot_id, self._queue_size)
        with self._lock:
            if len(self._subscriptions) >= self._max_streams:
                raise TooManyStreams(f"{self._max_streams} event streams are open, as many as this process carries")
            self._subscriptions.add(subscription)
        try:
            number = self._outbox.last_number()
        except Exception:
            subscription.close()
            raise
        self._ensure_reader(number)
        return subscription, number

    def leave(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)

    @property
    def streams(self) -> int:
        with self._lock:
            return len(self._subscriptions)

    def _ensure_reader(self, after: int) -> None:
        with self._lock:
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, args=(after,), name="event-reader", daemon=True)
                self._reader.start()

    def _read(self, after: int) -> None:
        while self._is_wanted():
            try:
                after = self._deliver(self._next(after), after)
            except Exception as error:
                # Whatever it is, the streams stay open, and the history fills the gap once it answers.
                self._say_away("events_unread", error)
                self._waiting.wait(self._retry_s)

    def _is_wanted(self) -> bool:
        """False ends the reader, under the lock: the next client starts another."""
        with self._lock:
            if not self._subscriptions:
                self._reader = None
            return self._reader is not None

    def _next(self, after: int) -> Sequence[Event]:
        """From the bus where it continues; from the history where it is away, has a gap, or is silent.

        Silence too: a Redis that was restarted empty between two reads says nothing of what it lost.
        """
        try:
            events = self._bus.read(after, self._block_ms)
            self._is_away = False
        except Unavailable as error:
            self._say_away("event_bus_away", error)
            self._waiting.wait(self._retry_s)
            events = []
        # A stream that was restored from an older copy has its gap in the middle.
        return unbroken(events, after) or self._outbox.history(after, PAGE) or events

    def _say_away(self, what: str, error: Exception) -> None:
        if not self._is_away:
            log.warning(what, reason=str(error))
        self._is_away = True

    def _deliver(self, events: Sequence[Event], after: int) -> int:
        with self._lock:
            listening = list(self._subscriptions)
        for event in events:
            for subscription in listening:
                subscription.offer(event)
            after = max(after, event.number or 0)
        return after


def unbroken(events: Sequence[Event], after: int) -> list[Event]:
    """Those of `events` that follow `after` without a gap."""
    return [event for place, event in enumerate(events, start=after + 1) if event.number == place]


def replay(outbox: Outbox, first: Sequence[Event], bot_id: str | None) -> Iterator[Event]:
    """The page `first` and every later one, up to the newest event that has a number."""
    page = first
    while True:
        yield from page
        if len(page) < PAGE:
            return
        page = outbox.history(page[-1].number or 0, PAGE, bot_id)


def messages(past: Iterator[Event], live: Subscription, after: int, heartbeat_s: float) -> Iterator[str]:
    """The body of a stream: the past, then what is live, each event once; a comment where nothing happens."""
    yield f"retry: {RETRY_MS}\n\n"
    last = after
    for event in past:
        last = event.number or last
        yield message(event)
    while True:
        arrived = live.next(heartbeat_s)
        if arrived is None:
            if live.is_closed:
                return
            yield ": still here\n\n"
        elif (arrived.number or 0) > last:
            last = arrived.number or last
            yield message(arrived)
