"""A real HTTP server with canned answers, which keeps what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    body: object
    headers: Mapping[str, str]


@dataclass
class FakeApi:
    """`answers`: "METHOD /path" (without query) → answers in turn, the last one again and again.

    An answer is (status, JSON value), or (status, text) for a stream.
    """

    url: str = ""
    answers: dict[str, list[tuple[int, object]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, route: str, *bodies: object, status: int = 200) -> None:
        self.answers[route] = [(status, body) for body in bodies]

    def taken(self, route: str) -> tuple[int, object]:
        answers = self.answers.get(route, [(404, {"code": 404, "status": "Not Found", "message": f"no {route}"})])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            api.asked.append(
                Asked(
                    self.command,
                    self.path,
                    json.loads(content) if content else None,
                    {name.lower(): value for name, value in self.headers.items()},
                )
            )
            status, body = api.taken(f"{self.command} {self.path.split('?')[0]}")
            reply = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
