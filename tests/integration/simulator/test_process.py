"""The simulator as a process: starts fast, ends cleanly, forgets nothing when it is killed."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ccxt
import pytest

from tests.support.launched import eventually
from tests.support.simulator import ROOT, SimulatorHandle, client, running_simulator, start_simulator
from tests.support.simulator_books import assert_books_balance


def _history(handle: SimulatorHandle) -> Any:
    dump = handle.dump()
    return {name: dump[name] for name in ("orders", "trades", "balances", "opening_balances", "overlays")}


def test_a_killed_simulator_still_knows_everything(tmp_path: Path) -> None:
    # Given: trades, a resting order, another account and a pin
    with running_simulator(tmp_path) as first:
        first.pin("BTCUSDT", "50000")
        first.account("alice", "secret", {"USDT": "1000"})
        exchange = client(first)
        exchange.load_markets()
        filled = exchange.create_order("BTC/USDT", "market", "buy", "0.5", None, {"newClientOrderId": "filled"})
        resting = exchange.create_order("BTC/USDT", "limit", "buy", "0.1", "45000", {"newClientOrderId": "resting"})
        before, port = _history(first), first.port
        # When: it is killed, and started again on the same port
        first.kill()
    with running_simulator(tmp_path, port=port) as second:
        # Then
        assert _history(second) == before
        assert [o["id"] for o in exchange.fetch_open_orders("BTC/USDT")] == [resting["id"]]
        assert exchange.fetch_order(None, "BTC/USDT", {"clientOrderId": "filled"})["id"] == filled["id"]
        later = exchange.create_order("BTC/USDT", "market", "buy", "0.01")
        assert int(later["id"]) > int(resting["id"])
        second.pin("BTCUSDT", "44000")
        assert exchange.fetch_order(resting["id"], "BTC/USDT")["status"] == "closed"
        alice = client(second, "alice", "secret")
        assert alice.fetch_balance()["USDT"]["total"] == "1000"


def test_kills_in_the_middle_of_trading_tear_no_order_apart(tmp_path: Path) -> None:
    # Given: four clients whose orders take many fills each, and note what was acknowledged
    acknowledged: list[str] = []
    with running_simulator(tmp_path) as handle:
        handle.account("rich", "rich", {"USDT": "100000000", "BTC": "1000"})
    for _ in range(3):
        with running_simulator(tmp_path) as handle, ThreadPoolExecutor(4) as pool:
            markets, before = client(handle), len(acknowledged)
            markets.load_markets()
            trading = [pool.submit(_trade_until_cut, handle, markets, acknowledged) for _ in range(4)]
            eventually(lambda: len(acknowledged) >= before + 8, 15, "8 orders")  # noqa: B023
            # When
            handle.kill()
            for each in trading:
                each.result(15)
    # Then: every acknowledged order is there, and every sum agrees
    with running_simulator(tmp_path) as handle:
        dump = handle.dump()
    assert set(acknowledged) <= {str(order["orderId"]) for order in dump["orders"]}
    assert_books_balance(dump)


def _trade_until_cut(handle: SimulatorHandle, markets: Any, acknowledged: list[str]) -> None:
    exchange = client(handle, "rich", "rich")
    exchange.set_markets_from_exchange(markets)
    try:
        while True:
            for side in ("sell", "buy"):
                acknowledged.append(exchange.create_order("BTC/USDT", "market", side, "1.5")["id"])
    except ccxt.NetworkError:
        return


def test_two_simulators_of_one_seed_agree_on_history(tmp_path: Path) -> None:
    since, rows = 1_790_000_000_000, []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        with running_simulator(tmp_path / name, seed=seed) as handle:
            rows.append(client(handle).fetch_ohlcv("SOL/USDT", "1m", since=since, limit=50))
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]


def test_it_starts_fast_and_ends_with_0_on_sigterm(tmp_path: Path) -> None:
    began = time.monotonic()
    handle = start_simulator(tmp_path)
    assert time.monotonic() - began < 8  # Under 1.5 s on an idle machine.
    assert client(handle).fetch_time() > 0
    assert handle.stop() == 0


def test_days_of_candles_answer_at_once(tmp_path: Path) -> None:
    with running_simulator(tmp_path) as handle:
        exchange = client(handle)
        exchange.load_markets()
        began = time.monotonic()
        for timeframe in ("1h", "4h", "1d"):
            assert len(exchange.fetch_ohlcv("BTC/USDT", timeframe, limit=300)) == 300
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--account", "nocolon"], "KEY:SECRET"), (["--port", "nan"], "invalid int")],
)
def test_a_bad_argument_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = _run(*arguments, "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_and_a_taken_folder_are_told(tmp_path: Path) -> None:
    with running_simulator(tmp_path / "one") as handle:
        folder = _run("--port", "0", "--data-dir", str(tmp_path / "one"))
        port = _run("--port", str(handle.port), "--data-dir", str(tmp_path / "two"))
    assert (folder.returncode, port.returncode) == (2, 2)
    assert "--data-dir" in folder.stderr
    assert "--port" in port.stderr


def test_help_shows_examples() -> None:
    ended = _run("--help")
    assert ended.returncode == 0
    assert "examples:" in ended.stdout
    assert "/_sim/faults" in ended.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
