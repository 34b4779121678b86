"""What a user does first, word for word, and what a user gets wrong."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack
from tests.support.launched import ROOT

README = ROOT / "README.md"
WITHOUT_JQ = f"jq() {{ {shutil.which('python3') or 'python3'} -m json.tool; }}\n"


def test_the_readmes_session_runs_as_it_is_written(paper: Stack) -> None:
    # Given a system on which nothing was ever started
    session = _session().replace("localhost:8000", f"127.0.0.1:{paper.variables['API_PORT']}")

    # When its lines are pasted into a shell
    result = _in_bash(session)

    # Then each call did what its comment says
    assert result.returncode == 0, result.stderr
    start, add_ma, add_rsi, status, health, portfolio, positions, pause, resume, stop = _documents(result.stdout)
    assert (start["running"], start["exchange"], start["paper_trading"]) == (True, "binance", True)
    assert [add_ma["strategy"]["name"], add_rsi["strategy"]["name"]] == ["MACrossoverStrategy", "RSIStrategy"]
    assert (status["running"], status["active_strategies"]) == (True, 2)
    assert {(s["name"], s["symbol"], s["timeframe"]) for s in status["strategies"]} == {
        ("MACrossoverStrategy", "BTC/USDT", "1h"),
        ("RSIStrategy", "ETH/USDT", "4h"),
    }
    assert (health["status"], health["circuit_breaker_state"]) == ("healthy", "closed")
    assert (portfolio["initial_balance"], portfolio["equity"]) == ("10000", "10000")
    assert positions == {"items": [], "next_cursor": None}
    assert (pause["paused"], resume["paused"], stop["running"]) == (True, False, False)


def test_the_examples_of_the_api_work(paper: Stack) -> None:
    # Given every line that the page of examples shows
    page = (ROOT / "docs" / "api.md").read_text()
    lines = "".join(re.findall(r"```bash\n(.*?)```", page, re.DOTALL))

    # When they are run one after the other
    paper.empty_handed()
    result = _in_bash(lines.replace("localhost:8000", f"127.0.0.1:{paper.variables['API_PORT']}"))

    # Then none is refused
    assert result.returncode == 0, result.stderr
    answers = _documents(result.stdout)
    assert len(answers) == lines.count("curl ")
    assert [answer for answer in answers if "code" in answer] == []


def test_the_documentation_comes_with_the_system(paper: Stack) -> None:
    page, description = paper.get("/docs/"), paper.get("/openapi.json")

    assert page.status == 200
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page.body)), "a file from elsewhere"
    assert description.body["openapi"].startswith("3.1")


ADD = {"strategy_name": "MACrossoverStrategy", "symbol": "BTC/USDT", "timeframe": "1h"}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("bot/start", {"exchange": "binance", "initial_balance": -5}, 422, "initial_balance"),
        ("bot/start", {"exchange": "binance", "initial_balance": 1e300}, 422, "initial_balance"),
        ("bot/start", b'{"exchange": "binance", "initial_balance": NaN}', 422, "initial_balance"),
        ("bot/start", {"exchange": "binanse", "initial_balance": 10000}, 422, "binance"),
        ("bot/start", {"exchange": "binance", "inital_balance": 10000}, 422, "initial_balance"),
        ("bot/start", b'{"exchange": ', 400, "JSON"),
        ("bot/start", b" " * 1_000_000, 413, "64 KiB"),
        ("bot/start", {"exchange": "binance", "initial_balance": 99}, 409, "stop it first"),
        ("bot/strategy/add", {**ADD, "strategy_name": "MACrossover"}, 422, "MACrossoverStrategy"),
        ("bot/strategy/add", {**ADD, "symbol": "BTC/USD"}, 422, "BTC/USDT"),
        ("bot/strategy/add", {**ADD, "timeframe": "7m"}, 422, "timeframe"),
        ("bot/strategy/add", {**ADD, "params": {"fast_period": 30, "slow_period": 10}}, 422, "fast_period"),
        ("bot/strategy/add", {**ADD, "params": {"fast_perod": 5}}, 422, "fast_period"),
        ("bot/strategy/add", ADD, 409, "MACrossoverStrategy"),
    ],
)
def test_what_cannot_work_is_refused_by_name(paper: Stack, path: str, body: object, status: int, said: str) -> None:
    # Given a running bot with one strategy
    paper.start_bot()
    paper.post("bot/strategy/add", ADD)
    before = paper.get("bot/status").body

    # When
    answer = paper.post(path, body)

    # Then it says what is wrong, and nothing has changed
    assert (answer.status, said in json.dumps(answer.body)) == (status, True), answer
    assert answer.body["hint"]
    assert paper.get("bot/status").body == before


def test_starting_twice_and_removing_nothing_are_answered_in_kind(paper: Stack) -> None:
    paper.start_bot()

    assert paper.post("bot/start", {"exchange": "binance", "initial_balance": 10000}).body["changed"] is False
    assert paper.call("DELETE", "bot/strategy/remove/GridTradingStrategy/SOL%2FUSDT").status == 404


def test_the_encoded_symbol_of_a_strategy_removes_it(paper: Stack) -> None:
    paper.start_bot()
    paper.post("bot/strategy/add", ADD)

    answer = paper.call("DELETE", "bot/strategy/remove/MACrossoverStrategy/BTC%2FUSDT")

    assert answer.status == 200
    assert "BTC/USDT" not in {s["symbol"] for s in paper.get("bot/status").body["strategies"]}


def _session() -> str:
    found = re.search(r"## A trading session\n+```bash\n(.*?)```", README.read_text(), re.DOTALL)
    assert found, "the README has no session"
    return found.group(1)


def _in_bash(script: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("curl") is None:
        pytest.skip("this machine has no curl")
    helper = "" if shutil.which("jq") else WITHOUT_JQ
    command = ["bash", "-euo", "pipefail", "-c", helper + script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=Path("/"))


def _documents(text: str) -> list[Any]:
    """JSON values that follow one another."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found
