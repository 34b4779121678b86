"""Liveness, readiness, documentation, and what the process does not load."""

import re
import subprocess
import sys

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from api.app import create_app
from shared.domain.liveness import STANDBY
from shared.settings import SettingsError
from tests.fakes import World


def test_the_process_lives_without_any_store(world: World, client: FlaskClient) -> None:
    world.record.is_away = world.cache.is_away = True
    assert client.get("/healthz").status_code == 200


def test_all_parts_present_is_ready(world: World, client: FlaskClient) -> None:
    world.state.beat("beat", "b1", 10)
    world.liveness.record("w1", "orders", "relay")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["checks"] == {"postgres": "ok", "redis": "ok", "beat": "ok", "worker": "ok"}


@pytest.mark.parametrize(
    ("record_away", "cache_away", "alive", "missing"),
    [
        (True, False, ["beat", "worker"], ["postgres"]),
        (False, True, ["beat", "worker"], ["redis"]),
        (True, True, [], ["postgres", "redis"]),
        (False, False, ["worker"], ["beat"]),
        (False, False, ["beat"], ["worker"]),
        (False, False, [], ["beat", "worker"]),
    ],
)
def test_what_is_missing_is_named(
    world: World, client: FlaskClient, record_away: bool, cache_away: bool, alive: list[str], missing: list[str]
) -> None:
    if "beat" in alive:
        world.state.beat("beat", "1", 10)
    if "worker" in alive:
        world.liveness.record("w1", "orders", "relay")
    world.record.is_away, world.cache.is_away = record_away, cache_away
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert list(answer.json["errors"]) == missing
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(("queue", "since_s", "status"), [("orders", 14, 200), ("orders", 16, 503), (STANDBY, 1, 503)])
def test_a_worker_is_ready_while_it_executes_ticks(
    world: World, client: FlaskClient, queue: str, since_s: float, status: int
) -> None:
    world.state.beat("beat", "b1", 10)
    world.liveness.record("w1", queue, "position")
    world.clock.advance(since_s)
    assert client.get("/readyz").status_code == status


def test_an_address_that_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(SettingsError, match="REDIS_URL"):
        create_app()


def test_a_start_needs_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    client = create_app().test_client()
    assert client.get("/healthz").status_code == 200
    assert list(client.get("/readyz").json["errors"]) == ["postgres", "redis"]


def test_the_documentation_asks_no_other_host(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) >= 4
    for asset in assets:
        assert asset.startswith("/docs/")
        with client.get(asset) as answer:
            assert answer.status_code == 200, asset
    assert not re.search(r"https?://(?!localhost)", page)
    assert '"validatorUrl": null' in page


def test_the_root_leads_to_the_documentation(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/docs"


def test_the_description_is_openapi_3_1_and_its_schemas_are_valid(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    for schema in spec["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    money = spec["components"]["schemas"]["Order"]["properties"]["quantity"]
    assert money["type"] == "string"
    for path in spec["paths"].values():
        for operation in (each for name, each in path.items() if name != "parameters"):
            assert operation["summary"]


def test_a_trailing_slash_is_no_other_resource(client: FlaskClient) -> None:
    assert client.get("/api/v1/bot/status/").status_code == 200


def test_the_api_loads_no_exchange_no_indicator_and_no_worker() -> None:
    heavy = ("pandas", "numpy", "ta", "ccxt", "worker", "celery")
    code = f"import api.app, shared.bootstrap, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
