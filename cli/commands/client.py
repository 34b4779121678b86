"""The API as a program sees it: JSON in and out, and its stream of events."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cli.commands.address import is_loopback
from cli.commands.errors import NotReachable, failure_of

PREFIX = "/api/v1"
# A pause may wait for an order under way: five seconds of the venue's window and what surrounds it.
TIMEOUT_S = 15.0
ELSEWHERE = "if it runs elsewhere, name it: --api http://HOST:PORT"
STREAM_SILENCE_S = 35.0  # Heartbeats come every ten.


@dataclass(frozen=True, slots=True)
class StreamEvent:
    id: str
    type: str
    data: Mapping[str, Any]


class Disconnected(Exception):
    """An open stream ended; it resumes from the last id."""


class ApiClient:
    def __init__(self, base_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        host = urlsplit(self.base_url).hostname or ""
        # A proxy of the environment is for the outside world: it can't reach this machine's loopback.
        handlers = [urllib.request.ProxyHandler({})] if is_loopback(host) else []
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, **query: object) -> Any:
        return self._call("GET", path, query)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        return self._call("POST", path, {}, body)

    def delete(self, path: str, **query: object) -> Any:
        return self._call("DELETE", path, query)

    def events(self, last_event_id: str | None) -> Iterator[StreamEvent]:
        """Events after `last_event_id`, or from now on. Raises Disconnected when the stream ends."""
        request = self._request("GET", "/events", {})
        request.add_header("Accept", "text/event-stream")
        if last_event_id is not None:
            request.add_header("Last-Event-ID", last_event_id)
        with self._answered(request, STREAM_SILENCE_S) as response:
            try:
                yield from parsed_events(line.decode() for line in response)
            except (OSError, http.client.HTTPException) as error:
                raise Disconnected(str(error)) from None
        raise Disconnected("the stream ended")

    def _call(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Any:
        with self._answered(self._request(method, path, query, body), self._timeout_s) as response:
            return self._decoded(response.read())

    def _request(
        self, method: str, path: str, query: Mapping[str, object], body: object = None
    ) -> urllib.request.Request:
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{self.base_url}{PREFIX}{path}" + (f"?{urlencode(given)}" if given else "")
        content = json.dumps(body).encode() if body is not None else None
        try:
            request = urllib.request.Request(url, content, method=method)
        except ValueError:
            raise NotReachable(
                f"{self.base_url} is no address", "give one such as --api http://localhost:8000"
            ) from None
        if content is not None:
            request.add_header("Content-Type", "application/json")
        return request

    @contextmanager
    def _answered(self, request: urllib.request.Request, timeout_s: float) -> Iterator[Any]:
        try:
            response = self._opener.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                raise failure_of(error.code, self._decoded(error.read())) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._not_reachable(error) from None
        with response:
            yield response

    def _decoded(self, content: bytes) -> Any:
        try:
            return json.loads(content) if content else None
        except ValueError:
            hint = "another program may be listening there; --api URL or API_PORT names the right one"
            raise NotReachable(f"what answers at {self.base_url} is not this API", hint) from None

    def _not_reachable(self, error: Exception) -> NotReachable:
        reason = getattr(error, "reason", error)
        what = (
            "did not answer in time"
            if isinstance(reason, TimeoutError)
            else str(getattr(reason, "strerror", "") or reason)
        )
        hint = "start the system with `orchestrator up` (or `make run`)\nif it runs elsewhere, name it: --api http://HOST:PORT"
        return NotReachable(f"the API at {self.base_url} can't be reached: {what}", hint)


def segment(text: str) -> str:
    """`text` as one part of a path: the slash of a symbol encoded."""
    return quote(text, safe="")


def parsed_events(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """Server-sent events out of a stream's lines; comments (heartbeats) and unfinished events are dropped."""
    fields: dict[str, str] = {}
    for raw in lines:
        line = raw.rstrip("\r\n")
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
        elif "data" in fields:
            yield StreamEvent(fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}
