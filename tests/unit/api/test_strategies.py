"""Adding, listing and removing strategies as a user does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from shared.domain.bots import Subscription
from shared.domain.signals import Action, Evaluation
from shared.ports import LastEvaluation
from tests.builders_api import a_position
from tests.fakes import EPOCH, World

BOT = "/api/v1/bot"
MA = {
    "strategy_name": "MACrossoverStrategy",
    "symbol": "BTC/USDT",
    "timeframe": "1h",
    "params": {"fast_period": 10, "slow_period": 30},
}


def test_the_available_strategies_come_with_bounds_and_defaults(client: FlaskClient) -> None:
    items = client.get(f"{BOT}/strategies/available").json["items"]
    assert {each["name"] for each in items} == {
        "MACrossoverStrategy",
        "RSIStrategy",
        "GridTradingStrategy",
        "MomentumStrategy",
        "MACDBollingerStrategy",
    }
    rsi = next(each for each in items if each["name"] == "RSIStrategy")
    assert rsi["defaults"]["rsi_period"] == 14
    assert next(each for each in rsi["parameters"] if each["name"] == "rsi_period")["minimum"] == 2


def test_an_added_strategy_has_every_parameter(running: FlaskClient) -> None:
    answer = running.post(f"{BOT}/strategy/add", json=MA)
    assert answer.status_code == 201
    assert answer.json["strategy"]["params"]["ma_type"] == "sma"
    assert running.get(f"{BOT}/status").json["active_strategies"] == 1


def test_a_duplicate_is_409(running: FlaskClient) -> None:
    running.post(f"{BOT}/strategy/add", json=MA)
    assert running.post(f"{BOT}/strategy/add", json=MA).status_code == 409
    assert running.get(f"{BOT}/status").json["active_strategies"] == 1


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"strategy_name": "MACrosoverStrategy"}, "strategy_name", "MACrossoverStrategy"),
        ({"symbol": "BTCUSDT"}, "symbol", "did you mean BTC/USDT"),
        ({"symbol": "\x00"}, "symbol", "control characters"),
        ({"symbol": "\ud800"}, "symbol", "control characters"),
        ({"timeframe": "7m"}, "timeframe", "1s, 1m, 3m"),
        ({"timeframe": None}, "timeframe", "null"),
        ({"params": {"fast_period": 30, "slow_period": 10}}, "params.fast_period", "less than slow_period"),
        ({"params": {"fast_perod": 3}}, "params.fast_perod", "fast_period"),
        ({"params": {"fast_period": "10"}}, "params.fast_period", "whole number"),
        ({"params": [1]}, "params", "mapping"),
        ({"parms": {}}, "parms", "did you mean params"),
    ],
)
def test_what_can_not_work_is_422_at_its_field(
    running: FlaskClient, change: dict[str, object], field: str, said: str
) -> None:
    answer = running.post(f"{BOT}/strategy/add", json=MA | change)
    assert answer.status_code == 422
    assert said in answer.json["errors"][field][0]
    assert running.get(f"{BOT}/status").json["strategies"] == []


def test_nan_in_a_parameter_is_refused(running: FlaskClient) -> None:
    body = '{"strategy_name":"RSIStrategy","symbol":"BTC/USDT","timeframe":"1h","params":{"oversold":NaN}}'
    answer = running.post(f"{BOT}/strategy/add", data=body, content_type="application/json")
    assert answer.status_code == 422
    assert "params.oversold" in answer.json["errors"]


def test_markets_not_loaded_yet_are_503_with_retry_after(world: World, running: FlaskClient) -> None:
    world.record.markets.clear()
    answer = running.post(f"{BOT}/strategy/add", json=MA)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_strategy_for_a_bot_never_started_is_409(client: FlaskClient) -> None:
    assert client.post(f"{BOT}/strategy/add", json=MA).status_code == 409


def test_the_encoded_symbol_of_a_removal_works(running: FlaskClient) -> None:
    running.post(f"{BOT}/strategy/add", json=MA)
    answer = running.delete(f"{BOT}/strategy/remove/MACrossoverStrategy/BTC%2FUSDT")
    assert answer.status_code == 200
    assert answer.json["strategy"]["is_active"] is False
    assert answer.json["position"] is None
    assert running.get(f"{BOT}/status").json["strategies"] == []


def test_a_removal_says_that_the_position_stays_watched(world: World, running: FlaskClient) -> None:
    added = running.post(f"{BOT}/strategy/add", json=MA).json["strategy"]
    world.record.positions.append(a_position(strategy_id=added["id"], stop_loss=Decimal(19000)))
    answer = running.delete(f"{BOT}/strategy/remove/MACrossoverStrategy/BTC/USDT")
    assert answer.json["position"]["is_watched"] is True
    assert "stays watched" in answer.json["message"]


def test_a_removal_says_that_a_position_without_stops_stays_until_a_flatten(world: World, running: FlaskClient) -> None:
    added = running.post(f"{BOT}/strategy/add", json=MA).json["strategy"]
    world.record.positions.append(a_position(strategy_id=added["id"]))
    answer = running.delete(f"{BOT}/strategy/remove/MACrossoverStrategy/BTC/USDT")
    assert "it has no stops, so only stopping the bot with flatten sells it" in answer.json["message"]


def test_a_removal_from_a_stopped_bot_says_that_the_position_is_not_watched(world: World, running: FlaskClient) -> None:
    added = running.post(f"{BOT}/strategy/add", json=MA).json["strategy"]
    world.record.positions.append(a_position(strategy_id=added["id"], stop_loss=Decimal(19000)))
    running.post(f"{BOT}/stop")
    answer = running.delete(f"{BOT}/strategy/remove/MACrossoverStrategy/BTC/USDT")
    assert "not watched while the bot is stopped" in answer.json["message"]


def test_an_ambiguous_removal_is_409_with_the_choices(running: FlaskClient) -> None:
    for timeframe in ("1h", "4h"):
        running.post(f"{BOT}/strategy/add", json=MA | {"timeframe": timeframe})
    path = f"{BOT}/strategy/remove/MACrossoverStrategy/BTC%2FUSDT"
    answer = running.delete(path)
    assert answer.status_code == 409
    assert answer.json["hint"] == "Choose one of: 1h, 4h."
    assert running.delete(f"{path}?timeframe=4h").status_code == 200
    assert running.delete(f"{path}?timeframe=4h").status_code == 404


@pytest.mark.parametrize("path", ["RSIStrategy/BTC%2FUSDT", "x/%00", "a/b/c/d", "%F0%9F%98%80/x"])
def test_removing_what_is_not_there_is_404(running: FlaskClient, path: str) -> None:
    assert running.delete(f"{BOT}/strategy/remove/{path}").status_code == 404


def test_each_strategy_tells_why_it_did_what_it_did(world: World, running: FlaskClient) -> None:
    running.post(f"{BOT}/strategy/add", json=MA)
    mine: Subscription = world.record.subscriptions[0]
    open_ms = int(EPOCH.timestamp() * 1000)
    seen = Evaluation(open_ms, Action.BUY, 1, 20000.5, "fast crossed above slow", {"fast": 2.5, "slow": float("nan")})
    world.record.evaluations[mine.id] = LastEvaluation(
        mine, seen, EPOCH + timedelta(hours=1), open_ms, "buy", "insufficient_cash", None
    )
    row = running.get(f"{BOT}/strategies").json["items"][0]
    assert row["last_evaluation"] == {
        "candle_open": "2026-03-02T12:00:00+00:00",
        "candle_close": "2026-03-02T13:00:00+00:00",
        "signal": "buy",
        "lots": 1,
        "close": 20000.5,
        "reason": "fast crossed above slow",
        "indicators": {"fast": 2.5, "slow": None},
        "evaluated_at": "2026-03-02T13:00:00+00:00",
    }
    assert row["last_decision"] == {
        "candle_open": "2026-03-02T12:00:00+00:00",
        "side": "buy",
        "outcome": "insufficient_cash",
        "client_order_id": None,
    }


def test_a_strategy_not_evaluated_yet_says_null(running: FlaskClient) -> None:
    running.post(f"{BOT}/strategy/add", json=MA)
    row = running.get(f"{BOT}/strategies").json["items"][0]
    assert row["last_evaluation"] is None
    assert row["last_decision"] is None
