"""A client of server-sent events over a real connection, and a threaded server to listen to."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.serving import make_server


@dataclass(frozen=True)
class Message:
    id: int
    event: str
    data: dict[str, Any]


class Stream:
    """One open stream. A reading call takes at most `timeout_s`, heartbeats or not."""

    def __init__(
        self, port: int, path: str = "/api/v1/events", headers: Mapping[str, str] | None = None, timeout_s: float = 10
    ) -> None:
        self._timeout_s = timeout_s
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self._connection.request("GET", path, headers=dict(headers or {}))
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers

    def lines(self) -> Iterator[str]:
        deadline = time.monotonic() + self._timeout_s
        while line := self._response.readline():
            if time.monotonic() > deadline:
                raise TimeoutError("the stream did not say what was awaited")
            yield line.decode().rstrip("\n")

    def blocks(self) -> Iterator[list[str]]:
        block: list[str] = []
        for line in self.lines():
            if line:
                block.append(line)
            elif block:
                yield block
                block = []

    def messages(self, count: int) -> list[Message]:
        """The next `count` messages, comments left out."""
        found: list[Message] = []
        for block in self.blocks():
            fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
            if "id" in fields:
                found.append(Message(int(fields["id"]), fields["event"], json.loads(fields["data"])))
            if len(found) == count:
                return found
        return found

    def numbers(self, count: int) -> list[int]:
        return [message.id for message in self.messages(count)]

    def comment(self) -> str:
        """The next comment."""
        return next(line for line in self.lines() if line.startswith(":"))

    def body(self) -> Any:
        return json.loads(self._response.read())

    def close(self) -> None:
        self._response.close()
        self._connection.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The port of a threaded server of `app`."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
