"""The Redis stream `events`: an event's number is its id, so Redis itself refuses a second copy."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from shared.adapters.redis_clients import once
from shared.domain.errors import Unavailable
from shared.domain.events import Event, EventType

STREAM = "events"
KEEP = 10_000
BATCH = 500
BLOCK_MS = 2000


class RedisEventBus:
    """Publishes without retries; reads on a client of its own, whose time-out is longer than any wait."""

    def __init__(self, url: str) -> None:
        self._writes = once(url)
        # One more try, for a pooled connection that the server has closed meanwhile.
        again = Retry(NoBackoff(), 1)
        patience_s = 2 * BLOCK_MS / 1000
        self._waits = Redis.from_url(url, socket_timeout=patience_s, socket_connect_timeout=1.0, retry=again)

    def publish(self, events: Sequence[Event]) -> None:
        if not events:
            return
        with _redis():
            if not all(map(self._is_in_stream, self._refused(events))):
                # Another record's events are under these numbers: ours was restored from a backup. Whoever reads finds
                # a gap in a new stream, and fills it from the history.
                self._writes.delete(STREAM)
                self._refused(events)

    def _refused(self, events: Sequence[Event]) -> list[Event]:
        """Adds them, and returns those whose numbers the stream has behind it."""
        # MULTI: a server without memory refuses all of them, where single commands could leave a hole.
        pipe = self._writes.pipeline(transaction=True)
        for event in events:
            pipe.xadd(STREAM, _fields(event), id=f"{event.number}-0", maxlen=KEEP, approximate=True)
        replies = pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and not _is_there_already(reply):
                raise reply
        return [event for event, reply in zip(events, replies, strict=True) if isinstance(reply, Exception)]

    def _is_in_stream(self, event: Event) -> bool:
        number = f"{event.number}-0"
        found: Any = self._writes.xrange(STREAM, number, number)
        written = {name.encode(): text.encode() for name, text in _fields(event).items()}
        return [fields for _, fields in found] == [written]

    def read(self, after: int, block_ms: int) -> list[Event]:
        wait = min(block_ms, BLOCK_MS) or None  # To Redis, 0 would mean to wait for ever.
        with _redis():
            streams: Any = self._waits.xread({STREAM: f"{after}-0"}, count=BATCH, block=wait)
        return [_event(number, fields) for _, entries in _pairs(streams) for number, fields in entries]


@contextmanager
def _redis() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Unavailable("the event stream is away") from error


def _is_there_already(reply: Exception) -> bool:
    return isinstance(reply, ResponseError) and "equal or smaller" in str(reply)


def _fields(event: Event) -> dict[Any, Any]:
    return {
        "type": event.type.value,
        "bot_id": event.bot_id,
        "at": event.at.isoformat(),
        "payload": json.dumps(dict(event.payload)),
    }


def _event(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Event:
    return Event(
        EventType(fields[b"type"].decode()),
        fields[b"bot_id"].decode(),
        datetime.fromisoformat(fields[b"at"].decode()),
        json.loads(fields[b"payload"]),
        int(entry_id.decode().partition("-")[0]),
    )


def _pairs(streams: Any) -> list[tuple[bytes, list[tuple[bytes, Mapping[bytes, bytes]]]]]:
    """A list of pairs in RESP 2, a mapping in RESP 3, nothing where the wait ran out."""
    if not streams:
        return []
    pairs = streams.items() if isinstance(streams, Mapping) else streams
    return [(name, entries) for name, entries in pairs]
