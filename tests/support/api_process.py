"""The API as it is run: gunicorn, two processes, many threads."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.supervisor.ports import free_port
from tests.support.launched import ROOT, eventually


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any
    took_s: float


@dataclass(frozen=True)
class ApiProcess:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def call(self, method: str, path: str, body: object = None, timeout_s: float = 20) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        began = time.monotonic()
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text = response.read()
            return Answer(response.status, dict(response.headers), json.loads(text), time.monotonic() - began)
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        return self.call("POST", path, body)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False


@contextmanager
def api_process(folder: Path, redis_url: str, database_url: str) -> Iterator[ApiProcess]:
    """Up and answering; ended, whatever happens. Its log must hold no traceback."""
    port, log = free_port(), folder / "api.log"
    environment = {**os.environ, "REDIS_URL": redis_url, "DATABASE_URL": database_url, "ENV_FILE": ""}
    command = [sys.executable, "-m", "gunicorn", "api.app:create_app()", "-b", f"127.0.0.1:{port}"]
    command += ["-k", "gthread", "-w", "2", "--threads", "20", "--no-control-socket", "--graceful-timeout", "3"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    api = ApiProcess(process, port, log)
    try:
        eventually(api.is_up, 30, "the API")
        yield api
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
    assert "Traceback" not in log.read_text(), log.read_text()
