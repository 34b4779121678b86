"""The commands against the real API: what they send is taken, and what comes back is understood."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.e2e.stack import Stack
from tests.support.launched import ROOT

SESSION = [
    ("start --balance 10000", "running, binance, paper trading"),
    ("add MACrossoverStrategy BTC/USDT 1h -p fast_period=5 --stop-loss 2", "added MACrossoverStrategy"),
    ("status", "fast_period=5"),
    ("strategies", "MACrossoverStrategy"),
    ("strategies --available", "trailing_stop_pct"),
    ("health", "circuit breaker"),
    ("portfolio", "equity"),
    ("positions --all", ""),
    ("orders", ""),
    ("events", "StrategyAdded"),
    ("pause", "paused"),
    ("resume", "running"),
    ("reset-errors", "running"),
    ("remove MACrossoverStrategy BTC/USDT --timeframe 1h", "MACrossoverStrategy no longer trades BTC/USDT"),
    ("stop --flatten --wait 60", "stopped"),
]


def test_a_session_by_command(paper: Stack) -> None:
    paper.empty_handed()

    for line, said in SESSION:
        result = _orchestrator(paper, line)

        assert (result.returncode, result.stderr) == (0, ""), line
        assert said in result.stdout, line


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("add RSIStrateg BTC/USDT 1h", 1, "RSIStrategy"),
        ("add RSIStrategy BTC/USD 1h", 1, "BTC/USDT"),
        ("add RSIStrategy BTC/USDT 7m", 1, "timeframe"),
        ("start --balance nan", 1, "initial_balance"),
        ("start --balance", 2, "--balance"),
        ("remove GridTradingStrategy SOL/USDT", 1, "no such strategy"),
    ],
)
def test_a_refusal_is_told_from_a_mistyped_command(paper: Stack, line: str, code: int, said: str) -> None:
    paper.start_bot()

    result = _orchestrator(paper, line)

    assert (result.returncode, result.stdout) == (code, ""), result
    assert said in result.stderr


def test_followed_events_come_one_a_line_until_interrupted(paper: Stack) -> None:
    # Given a system with a history
    paper.start_bot()
    paper.post("bot/pause")
    paper.post("bot/resume")

    # When it is followed from the start
    command = [sys.executable, "-m", "cli.main", "events", "--follow", "--after", "0", "--json"]
    with subprocess.Popen(command, env=_environment(paper), cwd=ROOT, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        numbers = [json.loads(follower.stdout.readline())["number"] for _ in range(3)]
        follower.send_signal(signal.SIGINT)

    # Then nothing is missing
    assert numbers == [1, 2, 3]
    assert follower.returncode == 130


def _orchestrator(stack: Stack, line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *line.split()]
    return subprocess.run(
        command, env=_environment(stack), cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )


def _environment(stack: Stack) -> dict[str, str]:
    """No address: it is found by the data folder."""
    data_dir = str(stack.system.data_dir)
    return {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": data_dir, "PYTHONPATH": str(ROOT)}
