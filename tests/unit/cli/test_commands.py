import json

import click
import pytest

from cli.commands.control import pause, reset_errors, resume, start, stop
from cli.commands.monitoring import health, status
from cli.commands.orders import orders
from cli.commands.portfolio import portfolio, positions
from cli.commands.strategies import add, remove, strategies
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi

RUNNING = {
    "running": True,
    "paused": False,
    "paper_trading": True,
    "exchange": "binance",
    "active_strategies": 1,
    "strategies": [{"name": "RSIStrategy", "symbol": "ETH/USDT", "timeframe": "4h", "is_active": True}],
    "state": "running",
    "initial_balance": "10000",
}


@pytest.mark.parametrize(
    ("command", "arguments", "route", "body"),
    [
        (start, [], "POST /api/v1/bot/start", {"exchange": "binance", "initial_balance": "10000"}),
        (start, ["--balance", "12.5"], "POST /api/v1/bot/start", {"exchange": "binance", "initial_balance": "12.5"}),
        (pause, [], "POST /api/v1/bot/pause", None),
        (resume, [], "POST /api/v1/bot/resume", None),
        (stop, [], "POST /api/v1/bot/stop", {}),
        (stop, ["--flatten"], "POST /api/v1/bot/stop", {"positions": "flatten"}),
        (reset_errors, [], "POST /api/v1/bot/reset-errors", None),
    ],
)
def test_a_control_command_makes_its_call_and_says_the_state(
    api: FakeApi, run: Run, command: click.Command, arguments: list[str], route: str, body: object
) -> None:
    api.answer(route, RUNNING)

    result = run(command, *arguments)

    assert result.exit_code == 0, result.output
    assert [(f"{asked.method} {asked.path}", asked.body) for asked in api.asked] == [(route, body)]
    assert "running, binance, paper trading, 10,000.00" in result.stdout


def test_stop_names_the_positions_that_nobody_watches_any_more(api: FakeApi, run: Run) -> None:
    body = {**RUNNING, "state": "stopped", "running": False, "unwatched_positions": [{"symbol": "BTC/USDT"}]}
    api.answer("POST /api/v1/bot/stop", body)

    result = run(stop)

    assert "no longer watched: BTC/USDT" in result.stdout
    assert "--flatten" in result.stdout


def test_stop_waits_until_everything_is_sold(api: FakeApi, run: Run) -> None:
    stopping = {**RUNNING, "state": "stopping"}
    api.answer("POST /api/v1/bot/stop", stopping)
    api.answer("GET /api/v1/bot/status", stopping, {**RUNNING, "state": "stopped"})

    result = run(stop, "--flatten", "--wait", "30")

    assert result.exit_code == 0, result.output
    assert [asked.method for asked in api.asked] == ["POST", "GET", "GET"]


def test_add_sends_numbers_as_numbers_and_stops_as_parameters(api: FakeApi, run: Run) -> None:
    api.answer("POST /api/v1/bot/strategy/add", {"id": "1"}, status=201)

    parameters = ["-p", "fast_period=5", "-p", "ma_type=ema", "-p", "slow_period=20", "--stop-loss", "2.5"]
    result = run(add, "MACrossoverStrategy", "BTC/USDT", "1m", *parameters)

    assert result.exit_code == 0, result.output
    assert api.asked[0].body == {
        "strategy_name": "MACrossoverStrategy",
        "symbol": "BTC/USDT",
        "timeframe": "1m",
        "params": {"fast_period": 5, "ma_type": "ema", "slow_period": 20, "stop_loss_pct": 2.5},
    }


@pytest.mark.parametrize("given", ["fast_period", "=5", "fast_period="])
def test_a_parameter_without_name_or_value_is_a_usage_error(run: Run, given: str) -> None:
    result = run(add, "RSIStrategy", "BTC/USDT", "1m", "-p", given)

    assert result.exit_code == 2
    assert "NAME=VALUE" in result.stderr


@pytest.mark.parametrize("again", [("-p", "stop_loss_pct=3"), ("--stop-loss", "3")])
def test_a_parameter_given_twice_is_a_usage_error(run: Run, again: tuple[str, str]) -> None:
    result = run(add, "RSIStrategy", "BTC/USDT", "1m", "-p", "stop_loss_pct=2", *again)

    assert result.exit_code == 2
    assert "stop_loss_pct is given twice" in result.stderr


def test_remove_encodes_the_symbol_and_names_the_timeframe(api: FakeApi, run: Run) -> None:
    path = "/api/v1/bot/strategy/remove/RSIStrategy/BTC%2FUSDT"
    api.answer(f"DELETE {path}", {"message": "It no longer trades. Its open position is kept."})

    result = run(remove, "RSIStrategy", "BTC/USDT", "--timeframe", "1h")

    assert api.asked[0].path == f"{path}?timeframe=1h"
    assert "Its open position is kept" in result.stdout


def test_status_lists_the_strategies(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/bot/status", RUNNING)

    result = run(status)

    assert "running" in result.stdout
    assert "RSIStrategy  ETH/USDT  4h" in result.stdout


def test_status_before_any_start_says_how_to_begin(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/bot/status", {"running": False, "paused": False, "exchange": None, "strategies": []})

    assert "orchestrator start" in run(status).stdout


def test_json_is_the_answer_itself(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/bot/status", RUNNING)

    assert json.loads(run(status, "--json").stdout) == RUNNING


def test_health_shows_the_errors_of_the_last_hour(api: FakeApi, run: Run) -> None:
    body = {
        "status": "degraded",
        "last_successful_update": "2026-11-22T17:11:32+00:00",
        "time_since_update_seconds": 400.2,
        "consecutive_errors": 6,
        "circuit_breaker_state": "open",
        "error_counts": {"ExchangeDown": 6},
        "reasons": ["6 errors in a row"],
    }
    api.answer("GET /api/v1/bot/health", body)

    shown = run(health).stdout

    for words in ("degraded", "7 min", "open", "ExchangeDown", "6 errors in a row", "reset-errors"):
        assert words in shown


def test_portfolio_shows_what_adds_up(api: FakeApi, run: Run) -> None:
    body = {"equity": "10012.5", "cash": "9000", "realised": "20", "unrealised": "-5", "fees": "2.5"}
    api.answer("GET /api/v1/portfolio", body)
    api.answer("GET /api/v1/portfolio/equity", {"items": [{"equity": "10012.5"}, {"equity": "10000"}]})

    shown = run(portfolio).stdout

    assert "10012.5" in shown
    assert "-5" in shown
    assert "▁█" in shown


def test_an_empty_list_says_so(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/portfolio/positions", {"items": [], "next_cursor": None})
    api.answer("GET /api/v1/bot/status", RUNNING)

    assert "no open positions" in run(positions).stdout


def test_a_position_names_its_strategy_and_says_when_nobody_watches_it(api: FakeApi, run: Run) -> None:
    named = {"strategy_id": "s1", "symbol": "BTC/USDT", "state": "open", "unrealised": "-1.5", "is_watched": False}
    api.answer("GET /api/v1/portfolio/positions", {"items": [named], "next_cursor": None})
    api.answer("GET /api/v1/bot/status", {"strategies": [{"id": "s1", "name": "RSIStrategy", "timeframe": "1m"}]})

    shown = run(positions, "--all").stdout

    assert "RSIStrategy 1m" in shown
    assert "nobody holds its open positions" in shown
    assert "state=all" in api.asked[0].path


def test_orders_come_in_columns_with_a_way_to_the_next_page(api: FakeApi, run: Run) -> None:
    order = {
        "created_at": "2026-11-22T17:11:32+00:00",
        "symbol": "BTC/USDT",
        "side": "buy",
        "status": "filled",
        "quantity": "0.0123",
        "filled": "0.0123",
        "average_price": "50000.1",
        "fee": "0.0000123",
        "fee_currency": "BTC",
        "reason": "fast crossed above slow",
    }
    api.answer("GET /api/v1/bot/orders", {"items": [order], "next_cursor": "abc"})

    result = run(orders, "--limit", "1")

    header, row, note = result.stdout.rstrip().splitlines()
    assert header.startswith("CREATED (UTC)")
    assert "0.0000123  BTC  fast crossed above slow" in row
    assert note == "more: --cursor abc"
    assert api.asked[0].path.endswith("orders?limit=1")


def test_strategies_say_why_nothing_was_done(api: FakeApi, run: Run) -> None:
    evaluation = {
        "candle_open": "2026-11-22T17:00:00+00:00",
        "signal": "hold",
        "reason": "RSI 55.1 is between 30 and 70",
    }
    item = {"name": "RSIStrategy", "symbol": "BTC/USDT", "timeframe": "1m", "last_evaluation": evaluation}
    fresh = {"name": "RSIStrategy", "symbol": "ETH/USDT", "timeframe": "1m", "last_evaluation": None}
    api.answer("GET /api/v1/bot/strategies", {"items": [item, fresh]})

    shown = run(strategies).stdout

    assert "RSI 55.1 is between 30 and 70" in shown
    assert "waiting for the next candle" in shown


def test_the_catalogue_gives_defaults_and_bounds(api: FakeApi, run: Run) -> None:
    parameter = {"name": "rsi_period", "default": 14, "minimum": 2, "maximum": 200, "description": "Candles."}
    item = {"name": "RSIStrategy", "title": "RSI", "description": "d", "buy": "b", "sell": "s"}
    api.answer("GET /api/v1/bot/strategies/available", {"items": [{**item, "parameters": [parameter]}]})

    shown = run(strategies, "--available").stdout

    assert "2 … 200" in shown
    assert "trailing_stop_pct" in shown
