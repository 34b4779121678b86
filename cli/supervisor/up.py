"""`orchestrator up`: the whole system on this machine, in the foreground."""

import dataclasses
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from cli.supervisor.console import Console
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.folders import make_folder
from cli.supervisor.ports import free_port, require_free
from cli.supervisor.postgres_server import prepare_postgres
from cli.supervisor.redis_server import prepare_redis
from cli.supervisor.runfile import Process, Run, forget_run, reclaim, sole_user_of, write_run
from cli.supervisor.specs import ProcessSpec
from cli.supervisor.stack import Plan, api_url, first_call, processes, urls
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.ticks import ticks_watched
from shared.settings import Settings, SettingsError, load_settings

Describe = Callable[[Plan, Mapping[str, str]], Sequence[ProcessSpec]]


@dataclasses.dataclass
class StopSignals:
    """How often we were asked to stop: once is orderly, twice is at once."""

    count: int = 0


@click.command(epilog="Example: API_PORT=8001 FLOWER_PORT=5556 SIMULATOR_PORT=8901 DATA_DIR=var2 orchestrator up")
def up() -> None:
    """Start everything and stay: Redis, Postgres, simulator, API, workers, beats, Flower.

    Ctrl-C stops all of it. Data stays in DATA_DIR. Every setting is an environment variable or a line of .env; see
    `orchestrator config`.
    """
    try:
        settings = load_settings()
        run_system(settings, Console())
    except SettingsError as error:
        raise SystemExit(_refused(str(error), ExitCode.SETTINGS)) from None
    except StartError as error:
        raise SystemExit(_refused(str(error), error.code)) from None


def _refused(message: str, code: ExitCode) -> int:
    for line in message.splitlines():
        print(f"orchestrator: {line}", file=sys.stderr)
    return int(code)


def run_system(settings: Settings, console: Console, describe: Describe = processes) -> None:
    """Until SIGINT, SIGTERM or SIGHUP. Raises StartError."""
    data_dir = make_folder(settings.data_dir.resolve())
    with ExitStack() as stack:
        stack.enter_context(sole_user_of(data_dir))
        stop = stack.enter_context(stop_signals())
        if left := reclaim(data_dir):
            console.note(f"ended what an earlier run had left: {', '.join(left)}")
        _require_ports(settings)
        plan, scratch = _prepare(settings, data_dir, stack, console)
        stack.callback(forget_run, data_dir)
        watch = stack.enter_context(ticks_watched(plan.redis_url, plan.database_url))
        supervisor = Supervisor(describe(plan, os.environ), console.line, console.note, watch.silence_s)
        _run(supervisor, plan, scratch, console, stop)


def _run(supervisor: Supervisor, plan: Plan, scratch: str | None, console: Console, stop: StopSignals) -> None:
    def record() -> None:
        write_run(plan.data_dir, _described(plan, scratch, supervisor.pids))

    try:
        if supervisor.start(lambda: stop.count > 0, record):
            console.table(urls(plan.settings), first_call(plan.settings))
            supervisor.watch(lambda: stop.count > 0, record)
    finally:
        supervisor.stop(is_hurried=lambda: stop.count > 1)


def _described(plan: Plan, scratch: str | None, pids: dict[str, int]) -> Run:
    return Run(
        supervisor=Process.of("supervisor", os.getpid()),
        api_url=api_url(plan.settings),
        urls=urls(plan.settings),
        redis_url=plan.redis_url,
        database_url=plan.database_url,
        scratch=scratch,
        processes=tuple(Process.of(name, pid) for name, pid in pids.items()),
    )


def _require_ports(settings: Settings) -> None:
    require_free("API_PORT", settings.api_host, settings.api_port)
    require_free("FLOWER_PORT", "127.0.0.1", settings.flower_port)
    if settings.simulator:
        require_free("SIMULATOR_PORT", "127.0.0.1", settings.simulator_port)


def _prepare(settings: Settings, data_dir: Path, stack: ExitStack, console: Console) -> tuple[Plan, str | None]:
    """The embedded servers that the settings don't replace, ready to be started."""
    servers: list[ProcessSpec] = []
    redis_url, database_url, scratch = settings.redis_url, settings.database_url, None
    if redis_url is None:
        redis, redis_url = prepare_redis(data_dir / "redis", free_port())
        servers.append(redis)
    if database_url is None:
        if not (data_dir / "postgres" / "data").exists():
            console.note("first start here: making the database")
        postgres = prepare_postgres(data_dir / "postgres", free_port())
        stack.callback(postgres.close)
        database_url, scratch = postgres.url, postgres.place.programs.scratch
        servers.append(postgres.spec)
    instance = secrets.token_hex(4)
    marked = tuple(_marked(server, data_dir, instance) for server in servers)
    plan = Plan(settings, data_dir, redis_url, database_url, instance, marked)
    return plan, str(scratch) if scratch else None


def _marked(server: ProcessSpec, data_dir: Path, instance: str) -> ProcessSpec:
    marks = {"DATA_DIR": str(data_dir), "ORCHESTRATOR_INSTANCE": instance}
    return dataclasses.replace(server, environment={**server.environment, **marks})


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    asked = StopSignals()

    def note(_number: int, _frame: object) -> None:
        asked.count += 1

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # As under `nohup`, which means to outlive the terminal.
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
