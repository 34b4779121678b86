import json

import pytest
from click.testing import CliRunner

from cli.commands.control import pause, start
from cli.commands.errors import Refused, Unavailable, failure_of
from cli.commands.monitoring import status
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi, fake_api


def test_a_refusal_exits_1_and_says_what_to_do(api: FakeApi, run: Run) -> None:
    body = {"code": 409, "status": "Conflict", "message": "the bot is not running", "hint": "start it first"}
    api.answer("POST /api/v1/bot/pause", body, status=409)

    result = run(pause)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "the bot is not running" in result.stderr
    assert "start it first" in result.stderr


def test_a_wrong_field_is_named(api: FakeApi, run: Run) -> None:
    errors = {"json": {"initial_balance": ["is not above 0"]}}
    api.answer("POST /api/v1/bot/start", {"code": 422, "message": "Invalid", "errors": errors}, status=422)

    result = run(start, "--balance", "-1")

    assert result.exit_code == 1
    assert "initial_balance: is not above 0" in result.stderr


def test_a_missing_part_of_the_system_exits_4(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/bot/status", {"code": 503, "message": "Postgres is away"}, status=503)

    result = run(status)

    assert result.exit_code == 4
    assert "Postgres is away" in result.stderr
    assert "orchestrator health" in result.stderr


def test_nobody_listening_exits_3_and_names_the_address() -> None:
    with fake_api() as gone:
        url = gone.url

    result = CliRunner().invoke(status, ["--api", url])

    assert result.exit_code == 3
    assert url in result.stderr
    assert "make run" in result.stderr


def test_another_program_at_the_address_is_not_taken_for_the_api(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/bot/status", "<html>It works!</html>")

    result = run(status)

    assert result.exit_code == 3
    assert "is not this API" in result.stderr


def test_with_json_an_error_is_json_on_standard_error(api: FakeApi, run: Run) -> None:
    body = {"code": 409, "message": "stop it first"}
    api.answer("POST /api/v1/bot/start", body, status=409)

    result = run(start, "--json")

    assert result.stdout == ""
    assert json.loads(result.stderr) == body


@pytest.mark.parametrize(
    ("status_code", "kind"), [(400, Refused), (404, Refused), (429, Refused), (500, Unavailable), (503, Unavailable)]
)
def test_the_status_decides_the_kind(status_code: int, kind: type[Exception]) -> None:
    assert isinstance(failure_of(status_code, {"message": "no"}), kind)


def test_nested_field_errors_become_dotted_lines() -> None:
    errors = {"json": {"params": {"fast_period": ["must be below slow_period", "must be whole"]}}, "query": None}

    message = failure_of(422, {"message": "Invalid", "errors": errors}).message

    assert "params.fast_period: must be below slow_period" in message
    assert "params.fast_period: must be whole" in message
