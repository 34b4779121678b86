"""Starting, stopping, starting again."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.books import contradictions
from tests.e2e.stack import UP, Stack, until
from tests.support.launched import ROOT, environment, left_over

HELD = "SELECT id, quantity, cost, realised, fees, stop_loss FROM positions WHERE state = 'open'"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("STRATEGY_INTERVAL_S", "0", "from 1 to 86400"),
        ("RISK_PER_TRADE", "2", "above 0, at most 1"),
        ("PAPER_TRADING", "maybe", "true or false"),
        ("REDIS_URL", "localhost", "redis://"),
    ],
)
def test_a_bad_setting_stops_the_start_with_its_name_and_range(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    result = _up(environment(tmp_path / "data", **{variable: value}))

    assert result.returncode == 2
    assert variable in result.stderr
    assert said in result.stderr
    assert left_over(tmp_path / "data") == []


def test_live_trading_without_keys_does_not_start(tmp_path: Path) -> None:
    result = _up(environment(tmp_path / "data", PAPER_TRADING="false"))

    assert result.returncode == 2
    assert "EXCHANGE_API_KEY and EXCHANGE_API_SECRET" in result.stderr


def test_a_taken_port_stops_the_start_with_its_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = _up(environment(tmp_path / "data", API_PORT=str(taken.getsockname()[1])))

    assert result.returncode == 3
    assert "API_PORT" in result.stderr
    assert left_over(tmp_path / "data") == []


def test_a_stopped_system_leaves_nothing_running_and_continues_where_it_was(paper: Stack) -> None:
    # Given a bot with an open position, on a market that has stopped moving
    paper.empty_handed()
    paper.start_bot()
    paper.add("RSIStrategy", "BTC/USDT", oversold=90, overbought=99)
    price = until(lambda: paper.sql("SELECT cost / quantity FROM positions WHERE state = 'open'"), 60, "a position")[0][
        0
    ]
    paper.venue.pin("BTCUSDT", str(round(price, 2)))
    held, seen = paper.sql(HELD), paper.get("bot/status").body

    # When the system is interrupted, as by Ctrl-C
    assert paper.system.end(signal.SIGINT) == 0

    # Then no process is left
    assert left_over(paper.system.data_dir) == []

    # And the next start holds the same position, and its bot runs on
    paper.start()
    assert paper.sql(HELD) == held
    now = paper.get("bot/status").body
    assert (now["state"], now["run"], now["strategies"]) == ("running", seen["run"], seen["strategies"])
    paper.until_evaluating()
    assert contradictions(paper) == {}
    paper.venue.release("BTCUSDT")


def _up(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *UP]
    return subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
