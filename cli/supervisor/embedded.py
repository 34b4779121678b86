"""Only the two embedded servers, started and stopped as a unit; tests and benchmarks stand on it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli.supervisor.child import Child, stop_all
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.ports import free_port
from cli.supervisor.postgres_server import prepare_postgres
from cli.supervisor.redis_server import prepare_redis
from cli.supervisor.specs import ProcessSpec

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Servers:
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    redis_pid: int
    postgres_pid: int


@contextmanager
def embedded_servers(data_dir: Path, is_durable: bool = True) -> Iterator[Servers]:
    """A real Redis and a real Postgres under `data_dir`, ready; both are gone at the end. Use it in the main thread."""
    redis_spec, redis_url = prepare_redis(data_dir / "redis", free_port())
    postgres = prepare_postgres(data_dir / "postgres", free_port(), is_durable)
    with ExitStack() as stack:
        stack.callback(postgres.close)
        running = [_started(spec, stack) for spec in (redis_spec, postgres.spec)]
        for child in running:
            wait_ready(child)
        yield Servers(redis_url, postgres.url, running[0].pid, running[1].pid)


def _started(spec: ProcessSpec, stack: ExitStack) -> Child:
    child = Child(spec, lambda _name, _line: None)
    stack.callback(stop_all, [child])
    return child


def wait_ready(child: Child, timeout_s: float = 30.0) -> None:
    """Raises StartError when it exits or stays silent."""
    deadline = time.monotonic() + timeout_s
    while child.spec.probe is not None and not child.spec.probe():
        if child.exit_code is not None or time.monotonic() > deadline:
            raise StartError(ExitCode.NOT_READY, f"{child.spec.name} did not become ready: {child.last_words}")
        time.sleep(POLL_S)
