"""The bot's calls as a user makes them."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.domain.orders import OrderState
from tests.builders_api import a_position, an_entry
from tests.fakes import EPOCH, World

BOT = "/api/v1/bot"
START = {"exchange": "binance", "initial_balance": 10000.0}
RSI = {"strategy_name": "RSIStrategy", "symbol": "BTC/USDT", "timeframe": "1h"}


def status(client: FlaskClient) -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"{BOT}/status").json
    return body


def test_before_any_start_the_bot_is_stopped(client: FlaskClient) -> None:
    seen = status(client)
    assert seen["running"] is False
    assert seen["exchange"] is None
    assert seen["strategies"] == []
    assert client.get(f"{BOT}/health").json["status"] == "stopped"


def test_a_running_bot_shows_the_documented_fields(running: FlaskClient) -> None:
    running.post(f"{BOT}/strategy/add", json=RSI)
    seen = status(running)
    documented = ("running", "paused", "paper_trading", "exchange", "active_strategies")
    assert {name: seen[name] for name in documented} == {
        "running": True,
        "paused": False,
        "paper_trading": True,
        "exchange": "binance",
        "active_strategies": 1,
    }
    strategy = seen["strategies"][0]
    assert {name: strategy[name] for name in ("name", "symbol", "timeframe", "is_active")} == {
        "name": "RSIStrategy",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "is_active": True,
    }
    assert seen["initial_balance"] == "10000"
    assert seen["state"] == "running"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("10000.0", "10000"),
        ('"10000.50"', "10000.5"),
        ("123456789012.12345678", "123456789012.12345678"),
        ("1e4", "10000"),
    ],
)
def test_a_balance_keeps_every_digit(client: FlaskClient, sent: str, stored: str) -> None:
    body = f'{{"exchange": "binance", "initial_balance": {sent}}}'
    answer = client.post(f"{BOT}/start", data=body, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json["initial_balance"] == stored


def test_a_repeated_start_answers_200_and_says_so(running: FlaskClient) -> None:
    answer = running.post(f"{BOT}/start", json=START)
    assert answer.status_code == 200
    assert answer.json["changed"] is False
    assert answer.json["version"] == 1


def test_other_values_while_running_are_409_and_change_nothing(running: FlaskClient) -> None:
    answer = running.post(f"{BOT}/start", json={**START, "initial_balance": 5})
    assert answer.status_code == 409
    assert "stop it first" in answer.json["message"]
    assert status(running)["initial_balance"] == "10000"


def test_pause_and_resume_show_in_status_and_health(running: FlaskClient) -> None:
    assert running.post(f"{BOT}/pause").json["paused"] is True
    assert running.post(f"{BOT}/pause").json["changed"] is False
    seen = running.get(f"{BOT}/health").json
    assert (seen["status"], seen["is_running"], seen["is_paused"]) == ("paused", True, True)
    assert seen["reasons"] == ["paused by the user"]
    assert running.post(f"{BOT}/resume").json["paused"] is False
    assert running.get(f"{BOT}/health").json["is_paused"] is False


@pytest.mark.parametrize("call", ["pause", "resume"])
def test_pausing_what_never_ran_is_409_with_advice(client: FlaskClient, call: str) -> None:
    answer = client.post(f"{BOT}/{call}")
    assert answer.status_code == 409
    assert "start it first" in answer.json["message"]


def test_stop_without_a_body_keeps_positions_and_names_them(world: World, running: FlaskClient) -> None:
    world.record.positions.append(a_position())
    answer = running.post(f"{BOT}/stop")
    assert answer.status_code == 200
    assert answer.json["state"] == "stopped"
    assert [each["symbol"] for each in answer.json["unwatched_positions"]] == ["BTC/USDT"]
    assert answer.json["unwatched_positions"][0]["is_watched"] is False
    assert answer.json["selling_positions"] == []


def test_stop_with_flatten_is_stopping_until_sold(world: World, running: FlaskClient) -> None:
    world.record.positions.append(a_position())
    answer = running.post(f"{BOT}/stop", json={"positions": "flatten"})
    assert answer.json["state"] == "stopping"
    assert answer.json["running"] is False
    assert [each["id"] for each in answer.json["selling_positions"]] == ["p1"]
    assert running.post(f"{BOT}/start", json=START).status_code == 409


def test_stop_twice_answers_200(running: FlaskClient) -> None:
    assert running.post(f"{BOT}/stop").json["changed"] is True
    again = running.post(f"{BOT}/stop")
    assert again.status_code == 200
    assert again.json["changed"] is False


def test_stop_refuses_an_unknown_way(running: FlaskClient) -> None:
    answer = running.post(f"{BOT}/stop", json={"positions": "sell"})
    assert answer.status_code == 422
    assert "keep, flatten" in answer.json["errors"]["positions"][0]


def test_pause_answers_only_once_what_was_under_way_is_fenced(world: World, running: FlaskClient) -> None:
    valid_until = EPOCH + timedelta(seconds=3)
    world.record.orders.append(an_entry(OrderState.SENDING, valid_until))
    assert running.post(f"{BOT}/pause").status_code == 200
    assert world.clock.now() > valid_until


def test_a_pause_that_can_not_be_made_true_yet_is_503_and_stands(world: World, running: FlaskClient) -> None:
    world.state.put_clock_offset_ms("binance", 0)
    world.record.orders.append(an_entry(OrderState.SENDING, EPOCH + timedelta(seconds=30)))
    assert running.post(f"{BOT}/pause").status_code == 503
    assert status(running)["paused"] is True
    world.clock.advance(31)
    assert running.post(f"{BOT}/pause").status_code == 200


def test_health_shows_the_documented_fields(world: World, running: FlaskClient) -> None:
    world.state.record_success("binance", "position", EPOCH + timedelta(seconds=1))
    world.state.record_error("binance", "position", "ExchangeDown", EPOCH)
    world.clock.advance(33.75)
    assert running.get(f"{BOT}/health").json == {
        "status": "healthy",
        "is_running": True,
        "is_paused": False,
        "last_successful_update": "2026-03-02T12:00:01+00:00",
        "time_since_update_seconds": 32.75,
        "consecutive_errors": 1,
        "circuit_breaker_state": "closed",
        "error_counts": {"ExchangeDown": 1},
        "reasons": [],
    }


def test_reset_errors_clears_the_counts(world: World, running: FlaskClient) -> None:
    world.state.record_error("binance", "position", "ExchangeDown", EPOCH)
    assert running.post(f"{BOT}/reset-errors").status_code == 200
    assert running.get(f"{BOT}/health").json["error_counts"] == {}
