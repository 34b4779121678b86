"""A whole system that trades fast, on candles of one second: to be killed, frozen and lied to, and watched."""

import json
import os
import random
import signal
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from tests.chaos.endings import Endings
from tests.e2e.stack import QUICK, Answer, Stack, until
from tests.support.launched import environment, launched

WINDOW_S = 1.0
# Five seconds past the signature's end, then two look-ups three seconds apart, on a tick of five.
UNRESOLVED_S = WINDOW_S + 15
RECOVERED_S = 10.0
# A whole worker imports for four seconds of processor time, on a machine whose processors it may have to share.
STARTED_S = 30.0
FAST = {
    **QUICK,
    "PORTFOLIO_INTERVAL_S": "5",
    "RECV_WINDOW_MS": str(int(WINDOW_S * 1000)),
    "RATE_LIMIT_CALLS": "600",
    "RATE_LIMIT_WINDOW_S": "10",
    # Each ending of a breaker's only trial would halt entries for half a minute, and the run with them.
    "BREAKER_FAILURES": "1000",
    "MAX_POSITION_SIZE": "100",
    "MAX_DRAWDOWN_PCT": "100",
    "MAX_DAILY_LOSS_PCT": "100",
    # So that exits rest at the venue, and are cancelled.
    "LIMIT_EXIT_S": "2",
    "LOG_LEVEL": "info",
}
KEYS = {"PAPER_TRADING": "false", "EXCHANGE_API_KEY": "chaos-key", "EXCHANGE_API_SECRET": "chaos-secret"}
SYMBOLS = tuple(f"{base}/USDT" for base in ("BTC", "ETH", "SOL", "BNB", "LTC", "AVAX", "LINK", "DOT"))
# Two on each market, so that an order in doubt keeps only one of them from trading.
STRATEGIES: Sequence[tuple[str, dict[str, float]]] = (
    ("RSIStrategy", {"rsi_period": 2, "oversold": 25, "overbought": 75, "stop_loss_pct": 0.05, "take_profit_pct": 0.1}),
    ("MACrossoverStrategy", {"fast_period": 2, "slow_period": 3, "stop_loss_pct": 0.05}),
)
UNFINISHED = """SELECT client_order_id, state FROM orders
    WHERE state NOT IN ('filled', 'canceled', 'expired', 'rejected', 'denied')"""

# Each hits what those before it let pass; together they are a share of what is asked of the venue.
FAULTS: Sequence[dict[str, Any]] = (
    {"fault": "5xx", "phase": "request"},
    {"fault": "5xx", "phase": "reply"},
    {"fault": "drop_request"},
    {"fault": "drop_reply"},
    {"fault": "garbage"},
    {"fault": "truncated"},
)
# A question that arrives late changes nothing: to the asker it was dropped.
ORDER_FAULTS = (
    *FAULTS,
    {"fault": "accept_late", "seconds": 0.4},
    {"fault": "accept_late", "seconds": 2.5},
    {"fault": "429", "retry_after": 0.3},
)
# Reconciliation reads the trades of every market at once: where a third of that failed, it would never come to an end.
SPOILT = (("/api/v3/order", 0.35, ORDER_FAULTS), ("/api/v3/myTrades", 0.1, FAULTS))


@dataclass
class Fleet(Stack):
    """`pairs` of workers (orders and strategy each). Its clock is the machine's, and so is the simulator's."""

    pairs: int = 1

    def start(self) -> None:
        output = self.folder / "output.log"
        command = ("-m", "tests.chaos.up", str(self.pairs))
        self.system = self._launches.enter_context(launched(command, dict(self.variables), output))
        self.system.until_ready()

    @property
    def is_live(self) -> bool:
        return self.variables.get("PAPER_TRADING") == "false"

    @property
    def endings(self) -> Endings:
        return Endings(Path(self.variables["DATA_DIR"]) / "chaos")

    # What it does.

    def trade(self, symbols: Sequence[str] = SYMBOLS) -> None:
        """A bot that buys and sells on each symbol every few seconds."""
        self.running()
        have = {(each["name"], each["symbol"]) for each in self.get("bot/status").body["strategies"]}
        for symbol in symbols:
            for name, params in STRATEGIES:
                if (name, symbol) not in have:
                    self.add(name, symbol, **params)

    def running(self) -> None:
        """Started or resumed, however often it takes."""

        def ask() -> bool:
            state = self.get("bot/status").body["state"]
            if state == "paused":
                return self.post("bot/resume").status == 200
            return self.post("bot/start", {"exchange": "binance", "initial_balance": 100000}).status == 200

        until(lambda: _answered(ask), 60, "the bot to run")

    def stopped(self, positions: str = "keep") -> None:
        """Stopped, and told so."""
        until(lambda: _answered(lambda: self._stop(positions)), 60, "a stop to be answered")

    def _stop(self, positions: str) -> bool:
        answer: Answer = self.post("bot/stop", {"positions": positions})
        return answer.status == 200

    # What is done to it.

    def spoil(self) -> None:
        """From now on 35 % of the venue's answers on orders are wrong, late or missing, and 10 % of those on trades."""
        for path, share, faults in SPOILT:
            each = 1 - (1 - share) ** (1 / len(faults))
            for fault in faults:
                more = {"count": None, "probability": each, "match": {"path": path}}
                self.ask_venue("POST", "faults", {**fault, **more})

    def heal(self) -> None:
        self.ask_venue("DELETE", "faults")

    def ask_venue(self, method: str, path: str, body: object = None) -> Any:
        url = f"http://127.0.0.1:{self.variables['SIMULATOR_PORT']}/_sim/{path}"
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, content, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def kill(self, name: str, *, is_child: bool = False, number: signal.Signals = signal.SIGKILL) -> None:
        """A signal to the process that the supervisor knows by `name`, or to one of its children."""
        process, *children = self.tree(name)
        victim = random.choice(children) if is_child and children else process
        victim.send_signal(number)

    def names(self) -> list[str]:
        return [process.name for process in self.system.run().processes]

    def worker_names(self) -> list[str]:
        return [name for name in self.names() if name.startswith(("orders", "strategy"))]

    def wake(self, pid: int) -> None:
        """Only what is ours and still sleeps."""
        try:
            process = psutil.Process(pid)
            if process.environ().get("DATA_DIR") == self.variables["DATA_DIR"]:
                os.kill(pid, signal.SIGCONT)
        except (psutil.Error, ProcessLookupError):
            return

    # Until it is quiet.

    def settled(self, timeout_s: float = 60) -> float:
        """Healed and stopped, every order at its end; how many seconds that took the last in doubt."""
        self.heal()
        healed_at = time.monotonic()
        self.stopped()
        until(self._has_no_doubt, timeout_s, "every order in doubt to be resolved")
        resolved_s = time.monotonic() - healed_at
        until(self._is_quiet, timeout_s, "every order to end and every event to be sent")
        return resolved_s

    def _has_no_doubt(self) -> bool:
        states = {state for _, state in self.unfinished()}
        return not states & {"sending", "unknown", "not_placed"}

    def _is_quiet(self) -> bool:
        return not self.unfinished()

    def unfinished(self) -> list[tuple[Any, ...]]:
        try:
            return self.sql(UNFINISHED)
        except psycopg2.OperationalError:
            return [("the database is away", "unknown")]

    def until_trading(self, timeout_s: float = 60) -> None:
        self.until_evaluating(timeout_s)
        self.until_new_fill(timeout_s)

    def recovered_s(self, worker: str, since: float, timeout_s: float = 60) -> float:
        """Seconds from `since` to the end of the next task of that worker."""

        def later() -> float | None:
            seconds = self.endings.last_tick_s(worker) - since
            return seconds if seconds > 0 else None

        return until(later, timeout_s, f"a tick of {worker}", step_s=0.05)


def _answered(ask: Any) -> bool:
    """False while the API, or what it stands on, is away."""
    try:
        return bool(ask())
    except (OSError, KeyError, TypeError):
        return False


@contextmanager
def running_fleet(folder: Path, *, is_live: bool = True, pairs: int = 1, **variables: str) -> Iterator[Fleet]:
    """Ready on entering."""
    keys = KEYS if is_live else {}
    fleet = Fleet(environment(folder / "data", **{**FAST, **keys, **variables}), folder, pairs=pairs)
    try:
        fleet.start()
        yield fleet
    except BaseException as error:
        error.add_note(f"the system's last words:\n{fleet.last_words()}")
        raise
    finally:
        fleet.close()
