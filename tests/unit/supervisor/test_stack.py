"""The processes as data: who waits for whom, and what each is told."""

from pathlib import Path

import pytest

from cli.supervisor.specs import ProcessSpec
from cli.supervisor.stack import Plan, first_call, processes, urls
from shared.settings import load_settings
from worker.standby import standby_name

SECRETS = {
    "EXCHANGE_API_KEY": "key-7f3a",
    "EXCHANGE_API_SECRET": "secret-9b1c",
    "OPENAI_API_KEY": "sk-41aa",
}
SERVERS = (ProcessSpec(name="redis", command=("redis",)), ProcessSpec(name="postgres", command=("postgres",)))


def _stack(servers: tuple[ProcessSpec, ...] = SERVERS, **variables: str) -> dict[str, ProcessSpec]:
    plan = Plan(
        settings=load_settings(variables),
        data_dir=Path("/data"),
        redis_url="redis://:pw-71@127.0.0.1:1/0",
        database_url="postgresql://u:pw-88@127.0.0.1:2/d",
        instance="cafe",
        servers=servers,
    )
    return {spec.name: spec for spec in processes(plan, {"PATH": "/bin"})}


def test_every_process_is_there() -> None:
    wanted = "redis postgres simulator migrate api orders strategy beat-1 beat-2 flower standby"

    assert list(_stack()) == wanted.split()


def test_nothing_of_ours_starts_before_the_stores_and_the_schema() -> None:
    stack = _stack()

    assert stack["migrate"].needs == ("redis", "postgres")
    for name in ("api", "orders", "strategy", "beat-1", "beat-2", "flower", "standby"):
        assert {"redis", "postgres", "migrate"} <= set(stack[name].needs)
    assert "simulator" in stack["orders"].needs, "a worker must stop before the exchange that it talks to"


def test_stores_and_exchange_of_the_users_own_are_not_started() -> None:
    stack = _stack(servers=(), EXCHANGE_URL="http://venue:1")

    assert {"redis", "postgres", "simulator"} & set(stack) == set()
    assert stack["migrate"].needs == ()


def test_no_secret_is_on_a_command_line() -> None:
    stack = _stack(**SECRETS)

    commands = " ".join(part for spec in stack.values() for part in spec.command)
    assert [text for text in ("7f3a", "9b1c", "41aa", "pw-71", "pw-88") if text in commands] == []


def test_a_process_is_told_everything_by_its_environment() -> None:
    told = _stack(**SECRETS, RISK_PER_TRADE="0.01")["orders"].environment

    assert told["REDIS_URL"] == "redis://:pw-71@127.0.0.1:1/0"
    assert told["DATABASE_URL"] == "postgresql://u:pw-88@127.0.0.1:2/d"
    assert told["EXCHANGE_URL"] == "http://127.0.0.1:8900"
    assert (told["DATA_DIR"], told["ENV_FILE"]) == ("/data", "")
    assert (told["RISK_PER_TRADE"], told["EXCHANGE_API_SECRET"]) == ("0.01", "secret-9b1c")


@pytest.mark.parametrize("variables", [{}, {"EXCHANGE_URL": "http://venue:1"}, {"SIMULATOR": "off"}])
def test_a_child_reaches_the_exchange_that_was_meant(variables: dict[str, str]) -> None:
    meant = load_settings(variables)

    told = load_settings(_stack(**variables)["orders"].environment)

    assert told.effective_exchange_url == meant.effective_exchange_url
    assert told.simulator == meant.simulator


def test_the_two_workers_share_no_queue_and_miss_none() -> None:
    stack = _stack()
    queues = [stack[name].command[stack[name].command.index("-Q") + 1].split(",") for name in ("orders", "strategy")]

    assert queues == [["orders"], ["strategy", "portfolio"]]


def test_two_instances_on_one_redis_name_their_workers_apart() -> None:
    names = [_stack(API_PORT=port)["orders"].command for port in ("8000", "8001")]

    assert [command[command.index("-n") + 1] for command in names] == ["orders-8000@%h", "orders-8001@%h"]


def test_a_worker_is_watched_under_the_name_that_it_signs_with() -> None:
    stack = _stack(API_PORT="8001")

    for name in ("orders", "strategy"):
        command = stack[name].command
        assert command[command.index("-n") + 1] == f"{stack[name].worker}@%h"
    standby = standby_name(load_settings({"API_PORT": "8001"}))
    assert standby.partition("@")[0] == stack["standby"].worker
    assert {name for name, spec in stack.items() if spec.worker} == {"orders", "strategy", "standby"}


def test_the_standby_keeps_nobody_waiting() -> None:
    assert "api" in _stack()["standby"].needs


def test_a_wildcard_address_is_shown_as_one_that_can_be_called() -> None:
    settings = load_settings({"API_HOST": "0.0.0.0"})

    assert first_call(settings) == "curl http://127.0.0.1:8000/api/v1/bot/status"
    assert urls(settings)["Documentation"] == "http://127.0.0.1:8000/docs"


def test_live_orders_are_announced() -> None:
    live = load_settings({**SECRETS, "PAPER_TRADING": "false", "SIMULATOR": "off"})

    assert (urls(live)["Orders"], urls(live)["Exchange"]) == ("LIVE", "the exchange's own addresses")
    assert urls(load_settings({}))["Orders"] == "on paper"
