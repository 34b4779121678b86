"""What the real Celery application is set to. Celery swallows a mistyped option without a word."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

INTERVALS = {"strategy": 60, "position": 10, "portfolio": 300, "resolve": 5, "reconcile": 5, "relay": 1, "markets": 5}
QUEUES = {
    "worker.position_tick": "orders",
    "worker.resolve_tick": "orders",
    "worker.reconcile_tick": "orders",
    "worker.relay_tick": "orders",
    "worker.strategy_tick": "strategy",
    "worker.evaluate_markets": "strategy",
    "worker.markets_tick": "strategy",
    "worker.portfolio_tick": "portfolio",
}

# In a process of its own, as it is the application of a whole process, settings and tasks included.
ASK = """
import json
from celery.app.defaults import SETTING_KEYS
from celery_config import app
app.loader.import_default_modules()
app.finalize()
conf, tasks = app.conf, {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
router = app.amqp.router
print(json.dumps({
    "conf": {name: conf[name] for name in (
        "task_acks_late", "task_ignore_result", "task_store_errors_even_if_ignored", "result_backend",
        "task_reject_on_worker_lost", "task_time_limit", "task_soft_time_limit", "task_publish_retry",
        "worker_prefetch_multiplier", "worker_disable_prefetch", "worker_max_tasks_per_child",
        "worker_cancel_long_running_tasks_on_connection_loss", "broker_connection_retry_on_startup",
        "broker_connection_retry", "broker_connection_max_retries", "broker_transport_options", "accept_content",
        "task_serializer", "timezone", "task_default_queue", "beat_scheduler", "task_annotations", "task_always_eager",
    )},
    "unknown": sorted(set(conf.maps[0]) - SETTING_KEYS - {"deprecated_settings"}),
    "set": len(conf.maps[0]),
    "queues": sorted(queue.name for queue in conf.task_queues),
    "routes": {name: router.route({}, name)["queue"].name for name in tasks},
    "effective": {name: {key: getattr(task, key, None) for key in (
        "acks_late", "ignore_result", "reject_on_worker_lost", "time_limit", "soft_time_limit", "rate_limit",
        "expires", "priority", "autoretry_for",
    )} for name, task in tasks.items()},
    "beat": {name: [entry["task"], entry["schedule"].seconds, entry["options"]]
             for name, entry in conf.beat_schedule.items()},
    "pace": [type(app.connection_for_read()).__name__, type(app.connection_for_write()).__name__],
}))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    addresses = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://u@127.0.0.1:1/d", "ENV_FILE": ""}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env={**kept, **addresses}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_option_is_one_that_celery_knows(found: dict[str, Any]) -> None:
    assert found["set"] > 20
    assert found["unknown"] == []


def test_a_message_is_acknowledged_early_held_by_nobody_and_answered_to_nobody(found: dict[str, Any]) -> None:
    conf = found["conf"]

    assert conf["task_acks_late"] is False
    assert conf["task_ignore_result"] is True
    assert conf["task_store_errors_even_if_ignored"] is False
    assert conf["result_backend"] is None
    assert not conf["task_reject_on_worker_lost"]
    assert conf["worker_disable_prefetch"] is True
    assert conf["worker_prefetch_multiplier"] == 1
    assert conf["task_publish_retry"] is False
    assert conf["task_always_eager"] is False
    assert conf["task_annotations"] is None
    assert (conf["task_serializer"], conf["accept_content"]) == ("json", ["json"])


def test_no_task_has_options_of_its_own(found: dict[str, Any]) -> None:
    for_all = {
        "acks_late": False,
        "ignore_result": True,
        "reject_on_worker_lost": None,
        "time_limit": 45,
        "soft_time_limit": 30,
        "rate_limit": None,
        "expires": None,
        "priority": None,
        "autoretry_for": None,
    }

    assert found["effective"] == dict.fromkeys(QUEUES, for_all)


def test_a_task_is_over_long_before_it_could_be_delivered_again(found: dict[str, Any]) -> None:
    conf = found["conf"]

    assert (conf["task_soft_time_limit"], conf["task_time_limit"]) == (30, 45)
    assert conf["task_time_limit"] <= conf["broker_transport_options"]["visibility_timeout"] / 2


def test_a_connection_that_hangs_is_noticed_and_the_broker_is_asked_again_for_ever(found: dict[str, Any]) -> None:
    conf = found["conf"]

    assert conf["broker_transport_options"] == {
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 3,
    }
    assert conf["broker_connection_retry"] is True
    assert conf["broker_connection_retry_on_startup"] is True
    assert conf["broker_connection_max_retries"] is None
    assert found["pace"] == ["SteadyConnection", "SteadyConnection"]


def test_every_task_has_its_queue_and_exits_share_theirs_with_no_entry(found: dict[str, Any]) -> None:
    assert found["queues"] == ["orders", "portfolio", "strategy"]
    assert found["routes"] == QUEUES


def test_every_tick_expires_within_its_interval_and_is_delayed_by_nothing(found: dict[str, Any]) -> None:
    assert {name: seconds for name, (_, seconds, _) in found["beat"].items()} == INTERVALS
    for name, (task, seconds, options) in found["beat"].items():
        assert task == f"worker.{name}_tick"
        assert task in QUEUES
        # And nothing else: no eta, no countdown, no priority, no queue past the routes.
        assert options == {"expires": seconds}
