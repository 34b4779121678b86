"""One whole system of real processes, started as `make run` starts it, and what a test does to it from outside."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg2

from tests.e2e.venue import Venue
from tests.support.launched import Launched, environment, launched

T = TypeVar("T")

UP: Sequence[str] = ("-m", "cli.main", "up")

# Fast enough to watch: everything that takes minutes by default takes seconds here.
QUICK = {
    "STRATEGY_INTERVAL_S": "1",
    "POSITION_INTERVAL_S": "1",
    "PORTFOLIO_INTERVAL_S": "2",
    "RATE_LIMIT_CALLS": "100000",
    "BREAKER_RESET_S": "2",
    "RETRY_INITIAL_S": "0.1",
    "LOG_LEVEL": "info",
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


@dataclass
class Stack:
    """`variables` are its whole environment: `start` with them continues where it stopped."""

    variables: Mapping[str, str]
    folder: Path
    _launches: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Until it is ready."""
        output = self.folder / "output.log"
        self.system: Launched = self._launches.enter_context(launched(UP, dict(self.variables), output))
        self.system.until_ready()

    def close(self) -> None:
        self._launches.close()

    def last_words(self, lines: int = 60) -> str:
        return "\n".join(self.system.said().splitlines()[-lines:])

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.variables['API_PORT']}"

    @property
    def venue(self) -> Venue:
        return Venue(f"http://127.0.0.1:{self.variables['SIMULATOR_PORT']}")

    @property
    def database_url(self) -> str:
        return self.system.run().database_url

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: object = None, timeout_s: float = 15) -> Answer:
        """One request to the API; a path without a leading slash is below /api/v1."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.variables["API_PORT"]), timeout=timeout_s)
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            connection.request(method, path if path.startswith("/") else f"/api/v1/{path}", content, headers)
            response = connection.getresponse()
            reply = response.read()
        finally:
            connection.close()
        try:
            return Answer(response.status, json.loads(reply) if reply else None)
        except ValueError:
            return Answer(response.status, reply.decode(errors="replace"))

    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.database_url, connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def command(self, statement: str) -> None:
        """Changes the record behind the system's back: for what would take minutes by itself."""
        connection = psycopg2.connect(self.database_url, connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def start_bot(self) -> None:
        """Running, whatever it was before."""
        if self.get("bot/status").body["state"] == "paused":
            self.post("bot/resume")
        answer = self.post("bot/start", {"exchange": "binance", "initial_balance": 10000})
        assert answer.status == 200, answer

    def add(self, name: str, symbol: str, **params: float) -> None:
        """On candles of one second."""
        request = {"strategy_name": name, "symbol": symbol, "timeframe": "1s", "params": params}
        # Symbols are known once a worker has read the markets, a moment after the start.
        answer = until(lambda: _unless_503(self.post("bot/strategy/add", request)), 20, "the markets to be known")
        assert answer.status in {200, 201}, answer

    def empty_handed(self) -> None:
        """Stopped, without positions and without strategies, whatever an earlier test left."""
        if self.get("bot/status").body["exchange"] is None:
            return
        self.post("bot/stop", {"positions": "flatten"})
        until(lambda: self.get("bot/status").body["state"] == "stopped", 30, "everything to be sold")
        for strategy in self.get("bot/status").body["strategies"]:
            symbol = strategy["symbol"].replace("/", "%2F")
            path = f"bot/strategy/remove/{strategy['name']}/{symbol}?timeframe={strategy['timeframe']}"
            answer = self.call("DELETE", path)
            assert answer.status == 200, answer

    def last_evaluated_ms(self) -> int:
        """Close time of the newest 1s candle that any strategy was evaluated on."""
        found: int = self.sql("SELECT coalesce(max(candle_open_ms), 0) + 1000 FROM evaluations")[0][0]
        return found

    def until_evaluating(self, timeout_s: float = 30) -> None:
        """Until a candle that has not closed yet is evaluated: the whole way from beat to record works."""
        now_ms = int(time.time() * 1000)
        until(lambda: (_none_on_error(self.last_evaluated_ms) or 0) > now_ms, timeout_s, "a new candle to be evaluated")

    def fills(self) -> int:
        return int(self.sql("SELECT count(*) FROM fills")[0][0])

    def until_new_fill(self, timeout_s: float = 60) -> None:
        before = self.fills()
        until(lambda: self.fills() > before, timeout_s, "another fill")

    def tree(self, name: str) -> list[psutil.Process]:
        """The process called `name` and all below it."""
        process = psutil.Process(self.system.pid(name))
        return [process, *process.children(recursive=True)]


def until(look: Callable[[], T | None], timeout_s: float, what: str, step_s: float = 0.15) -> T:
    """The first truthy answer; fails at the deadline, naming what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(step_s)
    return seen


def _unless_503(answer: Answer) -> Answer | None:
    return None if answer.status == 503 else answer


def _none_on_error(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except psycopg2.OperationalError:
        return None


@contextmanager
def running_stack(folder: Path, **variables: str) -> Iterator[Stack]:
    """Ready on entering."""
    stack = Stack(environment(folder / "data", **{**QUICK, **variables}), folder)
    try:
        stack.start()
        yield stack
    except BaseException as error:
        error.add_note(f"the system's last words:\n{stack.last_words()}")
        raise
    finally:
        stack.close()
