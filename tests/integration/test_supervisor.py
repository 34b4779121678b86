"""The supervisor on real processes: what it starts, restarts, refuses, and leaves behind (nothing)."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from cli.supervisor.errors import ExitCode
from cli.supervisor.probes import PostgresAnswers, RedisAnswers
from tests.support.launched import Launched, environment, eventually, launched, left_over

COMMAND = ["-m", "tests.support.small_system"]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Launched]:
    with launched(COMMAND, environment(tmp_path / "var"), tmp_path / "output") as started:
        started.until_ready()
        yield started


def _write_row(url: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    connection.close()


def _read_row(url: str) -> int:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM kept")
        row = cursor.fetchone()
    connection.close()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_everything_and_exits_with_0(system: Launched, number: signal.Signals) -> None:
    assert left_over(system.data_dir)

    assert system.end(number) == 0

    assert left_over(system.data_dir) == []
    assert not (system.data_dir / "run.json").exists()


def test_processes_stop_in_reverse_order_and_the_deaf_are_killed(system: Launched) -> None:
    system.end()

    stops = [line for line in system.said().splitlines() if line.startswith("stopping ")]
    assert stops == ["stopping deaf", "stopping api", "stopping redis, postgres"]


@pytest.mark.parametrize("name", ["redis", "postgres", "api"])
def test_a_killed_process_comes_back(system: Launched, name: str) -> None:
    before = system.pid(name)

    os.kill(before, signal.SIGKILL)

    eventually(lambda: system.pid(name) not in {0, before}, what=f"another {name}")
    system.until_said(f"{name} is ready", times=2)


def test_killed_servers_keep_what_was_written(system: Launched) -> None:
    run = system.run()
    _write_row(run.database_url)
    with redis.Redis.from_url(run.redis_url) as client:
        client.config_set("appendfsync", "always")  # With every second, a kill may cost the last one.
        client.set("kept", "42")

    for name in ("redis", "postgres"):
        os.kill(system.pid(name), signal.SIGKILL)
    for name in ("redis", "postgres"):
        system.until_said(f"{name} is ready", times=2)

    assert _read_row(run.database_url) == 42
    with redis.Redis.from_url(run.redis_url) as client:
        assert client.get("kept") == b"42"


def test_data_outlives_an_orderly_stop(tmp_path: Path) -> None:
    variables = environment(tmp_path / "var")
    with launched(COMMAND, variables, tmp_path / "first") as first:
        first.until_ready()
        _write_row(first.run().database_url)
        with redis.Redis.from_url(first.run().redis_url) as client:
            client.set("kept", "42")

    with launched(COMMAND, variables, tmp_path / "second") as second:
        second.until_ready()
        assert _read_row(second.run().database_url) == 42
        with redis.Redis.from_url(second.run().redis_url) as client:
            assert client.get("kept") == b"42"


def test_children_die_with_a_killed_supervisor_and_the_next_start_ends_the_rest(tmp_path: Path) -> None:
    variables = environment(tmp_path / "var")
    with launched(COMMAND, variables, tmp_path / "first") as first:
        first.until_ready()
        run = first.run()
        children = [psutil.Process(process.pid) for process in run.processes]

        first.process.kill()
        first.process.wait()

        gone, alive = psutil.wait_procs(children, timeout=10)
        assert (len(gone), alive) == (len(run.processes), [])
        assert not RedisAnswers(run.redis_url)()
        assert not PostgresAnswers(run.database_url)()
        orphans = left_over(tmp_path / "var")
        assert len(orphans) == 1, "the api's own child, which nothing told"

        with launched(COMMAND, variables, tmp_path / "second") as second:
            second.until_ready()
            assert not orphans[0].is_running()
            assert "ended what an earlier run had left" in second.said()


def test_two_instances_run_side_by_side_with_other_ports_and_folder(system: Launched, tmp_path: Path) -> None:
    with launched(COMMAND, environment(tmp_path / "other"), tmp_path / "other-output") as other:
        other.until_ready()

        assert system.process.poll() is None
        assert other.run().redis_url != system.run().redis_url


def test_a_second_start_in_one_folder_is_refused_and_disturbs_nothing(system: Launched, tmp_path: Path) -> None:
    with launched(COMMAND, environment(system.data_dir), tmp_path / "second") as second:
        assert second.process.wait(20) == ExitCode.ALREADY_RUNNING

    assert f"in use by a running orchestrator (pid {system.process.pid})" in second.said()
    assert RedisAnswers(system.run().redis_url)()


def test_a_taken_port_is_named_with_its_holder_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        variables = environment(tmp_path / "var", API_PORT=str(taken.getsockname()[1]))

        with launched(COMMAND, variables, tmp_path / "output") as refused:
            assert refused.process.wait(20) == ExitCode.PORT_TAKEN

    (line,) = refused.said().splitlines()
    assert line.startswith(f"orchestrator: API_PORT: port {variables['API_PORT']} on 127.0.0.1 is taken by ")
    assert f"(pid {os.getpid()}); stop that process or set another API_PORT" in line
    assert left_over(tmp_path / "var") == []


def test_a_data_folder_of_another_postgres_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "var" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("13\n")

    with launched(COMMAND, environment(tmp_path / "var"), tmp_path / "output") as refused:
        assert refused.process.wait(20) == ExitCode.DATA_FOLDER

    (line,) = refused.said().splitlines()
    assert "belongs to PostgreSQL 13 and this is PostgreSQL 18" in line
    assert "move it away for a fresh start, or set DATABASE_URL" in line
    assert left_over(tmp_path / "var") == []


def test_a_data_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")

    with launched(COMMAND, environment(tmp_path / "var"), tmp_path / "output") as refused:
        assert refused.process.wait(20) == ExitCode.DATA_FOLDER

    (line,) = refused.said().splitlines()
    assert line.startswith("orchestrator: DATA_DIR: can't write in ")


def test_a_number_taken_over_by_a_stranger_does_not_stop_postgres(tmp_path: Path) -> None:
    """After a reboot the old server's number may belong to anyone of its user."""
    variables = environment(tmp_path / "var")
    with launched(COMMAND, variables, tmp_path / "first") as first:
        first.until_ready()
    marker = tmp_path / "var" / "postgres" / "data" / "postmaster.pid"
    marker.write_text(f"{os.getpid()}\n/elsewhere\n0\n5432\n\n127.0.0.1\n0 0\nready\n")

    with launched(COMMAND, variables, tmp_path / "second") as second:
        second.until_ready()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hide a folder from Postgres' user")
def test_root_runs_postgres_unprivileged_in_a_folder_only_root_may_enter(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)

    with launched(COMMAND, environment(hidden / "var"), tmp_path / "output") as system:
        system.until_ready()

        assert psutil.Process(system.pid("postgres")).uids().effective != 0
        assert hidden.stat().st_mode & 0o777 == 0o700
        assert PostgresAnswers(system.run().database_url)()
