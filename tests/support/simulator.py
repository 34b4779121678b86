"""A simulated exchange in its own process, for tests that trade against it."""

import json
import os
import queue
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccxt import binance, okx

ROOT = Path(__file__).parents[2]
START_S = 20.0


@dataclass
class SimulatorHandle:
    """One running simulator and its controls."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def pin(self, symbol: str, price: str) -> None:
        """From now on `symbol` (BTCUSDT) trades at `price`; resting orders that it crosses have been filled."""
        self.control("POST", "price", {"symbol": symbol, "price": price})

    def script(self, symbol: str, points: list[tuple[float, str]]) -> None:
        self.control("POST", "price", {"symbol": symbol, "script": points})

    def release(self, symbol: str) -> None:
        self.control("DELETE", f"price?symbol={symbol}")

    def faults(self, fault: str, path: str = "/api/v3/order", method: str = "POST", **more: Any) -> dict[str, Any]:
        """Injects a fault into the next calls of `path` (`count`, default 1; see /_sim/faults for the rest)."""
        match = {"method": method, "path": path, **more.pop("match", {})}
        added: dict[str, Any] = self.control("POST", "faults", {"fault": fault, "match": match, **more})
        return added

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def account(self, key: str, secret: str, balances: dict[str, str]) -> None:
        self.control("POST", "accounts", {"key": key, "secret": secret, "balances": balances})

    def dump(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "dump")
        return found

    def calls(self, since_ms: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"calls?since={since_ms}")["calls"]
        return found

    def reset(self) -> None:
        self.control("POST", "reset", {})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.request(method, f"/_sim/{path}", body)
        assert status == 200, f"{method} {path}: {status} {answer}"
        return answer

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Any request, unsigned; the status and the parsed answer, of a refusal too."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read())

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self._ended()

    def kill(self) -> int:
        """SIGKILL: nothing is flushed or said."""
        self.process.kill()
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(10)
        if self.process.stdout and not self.process.stdout.closed:
            self.process.stdout.close()
        return code


def client(handle: SimulatorHandle, key: str = "demo", secret: str = "demo", **config: Any) -> Any:
    """An unmodified ccxt.binance, every URL of which is the simulator's."""
    exchange = binance(
        {
            "apiKey": key,
            "secret": secret,
            "enableRateLimit": False,
            "timeout": 10_000,
            "has": {"fetchCurrencies": False},
            "options": {
                "fetchMargins": False,
                "fetchMarkets": {"types": ["spot"]},
                "warnOnFetchOpenOrdersWithoutSymbol": False,
            },
            "urls": {"api": dict.fromkeys(binance().urls["api"], f"{handle.url}/api/v3")},
            **config,
        }
    )
    exchange.number = str
    return exchange


def okx_client(handle: SimulatorHandle, key: str = "demo", secret: str = "demo", **config: Any) -> Any:
    """An unmodified ccxt.okx, the URL of which is the simulator's."""
    exchange = okx(
        {
            "apiKey": key,
            "secret": secret,
            "password": secret,
            "enableRateLimit": False,
            "timeout": 10_000,
            "has": {"fetchCurrencies": False},
            "options": {"fetchMarkets": {"types": ["spot"]}},
            "urls": {"api": {"rest": handle.url}},
            **config,
        }
    )
    exchange.number = str
    return exchange


@contextmanager
def running_simulator(
    data_dir: Path, seed: int = 7, port: int = 0, arguments: tuple[str, ...] = ()
) -> Iterator[SimulatorHandle]:
    """A simulator on `port` (0: a free one) that is ready. Start one again on the same folder to restart it."""
    handle = start_simulator(data_dir, seed, port, arguments)
    try:
        yield handle
    finally:
        handle.kill()


def start_simulator(data_dir: Path, seed: int = 7, port: int = 0, arguments: tuple[str, ...] = ()) -> SimulatorHandle:
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--seed", str(seed)]
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir), *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("EXCHANGE_", "SIMULATOR_"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = _first_line(process)
    if "ready at " not in line:
        process.kill()
        raise AssertionError(f"the simulator did not start: {line!r}, code {process.wait(10)}")
    return SimulatorHandle(process, line.split("ready at ")[1].split()[0])


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda out: lines.put(out.readline()), args=(process.stdout,), daemon=True).start()
    try:
        return lines.get(timeout=START_S)
    except queue.Empty:
        return ""
