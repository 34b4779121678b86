"""One shape for every refusal, whatever is wrong."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from api.app import create_app
from shared.settings import Settings
from tests.fakes import World

START = "/api/v1/bot/start"
JSON = "application/json"


def assert_shape(answer: Any, code: int) -> None:
    assert answer.status_code == code, answer.get_data(as_text=True)
    assert answer.content_type == JSON
    body = answer.json
    assert list(body) == ["code", "status", "message", "errors", "hint"]
    assert body["code"] == code
    assert body["message"]
    assert body["hint"]
    assert all(isinstance(texts, list) for texts in body["errors"].values())


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ('{"exchange"', JSON, 400),
        ("[" * 60_000, JSON, 400),
        ('{"exchange": "binance", "initial_balance": %s}' % ("9" * 5000), JSON, 400),
        ("\xff", JSON, 400),
        ("[]", JSON, 422),
        ('"text"', JSON, 422),
        ("", JSON, 422),
        ("", None, 422),
        ('{"exchange": "binance", "initial_balance": 1}', None, 415),
        ('{"exchange": "binance", "initial_balance": 1}', "text/plain", 415),
        ("exchange=binance&initial_balance=1", "application/x-www-form-urlencoded", 415),
        (" " * 65_537, JSON, 413),
        (" " * 1_000_000, JSON, 413),
    ],
)
def test_a_body_that_can_not_be_read(client: FlaskClient, body: str, content_type: str | None, code: int) -> None:
    answer = client.post(START, data=body.encode("latin-1"), content_type=content_type)
    assert_shape(answer, code)


@pytest.mark.parametrize(
    "balance",
    ["NaN", "Infinity", "-Infinity", "-5", "0", "1e13", "1e999", '"abc"', '"1_000"', "true", "null", "[1]", '""'],
)
def test_a_balance_that_can_not_be_names_its_field(client: FlaskClient, balance: str) -> None:
    body = f'{{"exchange": "binance", "initial_balance": {balance}}}'
    answer = client.post(START, data=body, content_type=JSON)
    assert_shape(answer, 422)
    assert list(answer.json["errors"]) == ["initial_balance"]
    assert client.get("/api/v1/bot/status").json["running"] is False


def test_every_wrong_field_is_named_at_once_with_the_closest_name(client: FlaskClient) -> None:
    answer = client.post(START, json={"exchang": "binance", "initial_balance": "x"})
    assert_shape(answer, 422)
    assert set(answer.json["errors"]) == {"exchange", "exchang", "initial_balance"}
    assert answer.json["errors"]["exchang"] == ["Unknown field; did you mean exchange?"]


def test_an_unknown_exchange_names_the_choices(client: FlaskClient) -> None:
    answer = client.post(START, json={"exchange": "kraken", "initial_balance": 1})
    assert_shape(answer, 422)
    assert "binance" in answer.json["errors"]["exchange"][0]


def test_an_unknown_path_points_to_the_documentation(client: FlaskClient) -> None:
    answer = client.get("/api/v1/bots")
    assert_shape(answer, 404)
    assert "/docs" in answer.json["hint"]


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.get(START)
    assert_shape(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("store", ["record", "cache"])
def test_a_store_away_is_503_and_the_same_call_works_once_it_is_back(
    world: World, running: FlaskClient, store: str
) -> None:
    getattr(world, store).is_away = True
    answer = running.post("/api/v1/bot/pause")
    assert_shape(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    getattr(world, store).is_away = False
    assert running.get("/api/v1/bot/status").json["paused"] is False
    assert running.post("/api/v1/bot/pause").status_code == 200


def test_a_defect_is_500_and_tells_nothing_of_its_inside(world: World, client: FlaskClient) -> None:
    world.record.bots = None  # type: ignore[assignment]
    answer = client.get("/api/v1/bot/status")
    assert_shape(answer, 500)
    assert "NoneType" not in answer.get_data(as_text=True)


def test_no_origin_may_read_across_unless_it_is_named() -> None:
    origin = {"Origin": "https://desk.example"}
    closed = create_app(World()).test_client().get("/healthz", headers=origin)
    assert "Access-Control-Allow-Origin" not in closed.headers
    client = create_app(World(settings=Settings(cors_origins=("https://desk.example",)))).test_client()
    assert client.get("/healthz", headers=origin).headers["Access-Control-Allow-Origin"] == "https://desk.example"
    other = client.get("/healthz", headers={"Origin": "https://other.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    preflight = client.options(START, headers=origin | {"Access-Control-Request-Method": "POST"})
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("https://other.example", 403),
        ("null", 403),
        ("https://desk.example", 200),
        ("http://localhost", 200),  # The page that this API serves itself: its documentation.
        (None, 200),
    ],
)
def test_only_a_page_of_a_named_origin_may_control_the_bots(origin: str | None, code: int) -> None:
    client = create_app(World(settings=Settings(cors_origins=("https://desk.example",)))).test_client()
    sent = {} if origin is None else {"Origin": origin}

    answer = client.post("/api/v1/bot/reset-errors", headers=sent)

    assert answer.status_code == code
    if code == 403:
        assert_shape(answer, 403)
        assert "CORS_ORIGINS" in answer.json["hint"]
