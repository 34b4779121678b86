"""The processes of the system, as data from the settings; nothing here touches the machine."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.supervisor.ports import LOOPBACK
from cli.supervisor.probes import HttpAnswers
from cli.supervisor.specs import ProcessSpec
from shared.domain.liveness import STANDBY
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
WORKER_STOP_S = 12.0  # Above the worker's own warm bound, within which a running task may end.
WORKER_QUEUES = {"orders": "orders", "strategy": "strategy,portfolio"}  # Exits never wait behind entries or reports.
BEATS = ("beat-1", "beat-2")
SHORT_STOP_S = 5.0
SILENT = "warning"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is true of one run: where its data is, where its stores are and how its processes are told."""

    settings: Settings
    data_dir: Path
    redis_url: str
    database_url: str
    instance: str
    servers: tuple[ProcessSpec, ...] = ()

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """All that a child needs, so that it reads no `.env` itself. Secrets travel here, never in a command."""
        exchange_url = self.settings.effective_exchange_url
        path = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
        return {
            **inherited,
            **self.settings.environment(),
            "ENV_FILE": "",
            "DATA_DIR": str(self.data_dir),
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
            "SIMULATOR": str(self.settings.simulator).lower(),
            **({"EXCHANGE_URL": exchange_url} if exchange_url else {}),
            "ORCHESTRATOR_INSTANCE": self.instance,
            "PYTHONPATH": ":".join(path),
            "PYTHONUNBUFFERED": "1",
        }


def processes(plan: Plan, inherited: Mapping[str, str]) -> tuple[ProcessSpec, ...]:
    """Embedded servers and simulator side by side; then the migrations; then all the rest at once."""
    environment = plan.environment(inherited)
    servers = tuple(server.name for server in plan.servers)
    market = (_simulator(plan, environment),) if plan.settings.simulator else ()
    base = (*servers, "migrate")
    return (
        *plan.servers,
        *market,
        _migrate(environment, servers),
        _api(plan, environment, base),
        *_workers(plan, environment, (*base, *(spec.name for spec in market))),
        *(_beat(plan, environment, name, base) for name in BEATS),
        _flower(plan, environment, base),
        # What a start waits for goes first: it is there for later.
        _standby(plan, environment, (*base, *(spec.name for spec in market), "api")),
    )


def urls(settings: Settings) -> dict[str, str]:
    api = api_url(settings)
    rows = {
        "API": f"{api}/api/v1",
        "Documentation": f"{api}/docs",
        "Events": f"{api}/api/v1/events",
        "Flower": f"http://{LOOPBACK}:{settings.flower_port}",
    }
    if settings.simulator:
        rows["Simulator"] = f"http://{LOOPBACK}:{settings.simulator_port}"
    if settings.effective_exchange_url is None:
        rows["Exchange"] = "the exchange's own addresses"
    elif settings.exchange_url:
        rows["Exchange"] = settings.exchange_url
    rows["Orders"] = "on paper" if settings.paper_trading else "LIVE"
    return rows


def api_url(settings: Settings) -> str:
    return f"http://{_callable_host(settings.api_host)}:{settings.api_port}"


def first_call(settings: Settings) -> str:
    return f"curl {api_url(settings)}/api/v1/bot/status"


def _callable_host(host: str) -> str:
    """A wildcard is an address to listen on, not one to call."""
    if host in {"0.0.0.0", "::"}:
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _simulator(plan: Plan, environment: Mapping[str, str]) -> ProcessSpec:
    port, seed = plan.settings.simulator_port, plan.settings.simulator_seed
    return ProcessSpec(
        name="simulator",
        command=_python(
            *("simulator", "--host", LOOPBACK, "--port", str(port), "--seed", str(seed)),
            *("--data-dir", str(plan.data_dir / "simulator")),
        ),
        environment=environment,
        folder=str(ROOT),
        probe=HttpAnswers(LOOPBACK, port, "/api/v3/time"),
        stop_timeout_s=SHORT_STOP_S,
    )


def _migrate(environment: Mapping[str, str], needs: tuple[str, ...]) -> ProcessSpec:
    command = _python("shared.adapters.migrate")
    return ProcessSpec(
        name="migrate", command=command, environment=environment, folder=str(ROOT), needs=needs, is_oneshot=True
    )


def _api(plan: Plan, environment: Mapping[str, str], needs: tuple[str, ...]) -> ProcessSpec:
    host, port = plan.settings.api_host, plan.settings.api_port
    return ProcessSpec(
        name="api",
        command=_python(
            *("gunicorn", "api.app:create_app()", "-b", f"{f'[{host}]' if ':' in host else host}:{port}"),
            # A stream pins a thread, so there are many. The control socket would accept a shutdown from anyone local.
            *("-k", "gthread", "-w", "2", "--threads", "100", "--no-control-socket"),
            *("--graceful-timeout", "3", "--log-level", SILENT),
        ),
        environment=environment,
        folder=str(ROOT),
        needs=needs,
        probe=HttpAnswers(_callable_host(host).strip("[]"), port, "/readyz"),
        stop_timeout_s=SHORT_STOP_S,
    )


def _workers(plan: Plan, environment: Mapping[str, str], needs: tuple[str, ...]) -> list[ProcessSpec]:
    port, level = plan.settings.api_port, plan.settings.log_level
    return [
        ProcessSpec(
            name=name,
            # The port keeps two instances apart that share one Redis.
            command=_python(
                *("celery", "-q", "-A", "celery_config", "worker", "-n", f"{name}-{port}@%h", "-Q", queues, "-c", "2"),
                *("--without-gossip", "--without-mingle", "--disable-prefetch", "-l", level),
            ),
            # Root is warned for pickle's sake, once per process; only JSON is accepted here.
            environment={**environment, "PYTHONWARNINGS": "ignore:You're running the worker with superuser"},
            folder=str(ROOT),
            needs=needs,
            stop_timeout_s=WORKER_STOP_S,
            worker=f"{name}-{port}",
        )
        for name, queues in WORKER_QUEUES.items()
    ]


def _standby(plan: Plan, environment: Mapping[str, str], needs: tuple[str, ...]) -> ProcessSpec:
    return ProcessSpec(
        name=STANDBY,
        command=_python("worker.standby"),
        environment=environment,
        folder=str(ROOT),
        needs=needs,
        stop_timeout_s=WORKER_STOP_S,
        worker=f"{STANDBY}-{plan.settings.api_port}",
    )


def _beat(plan: Plan, environment: Mapping[str, str], name: str, needs: tuple[str, ...]) -> ProcessSpec:
    schedule = str(plan.data_dir / name)
    return ProcessSpec(
        name=name,
        command=_python(
            *("celery", "-q", "-A", "celery_config", "beat", "--schedule", schedule, "--pidfile=", "-l", SILENT),
        ),
        environment=environment,
        folder=str(ROOT),
        needs=needs,
        stop_timeout_s=SHORT_STOP_S,
    )


def _flower(plan: Plan, environment: Mapping[str, str], needs: tuple[str, ...]) -> ProcessSpec:
    port = plan.settings.flower_port
    return ProcessSpec(
        name="flower",
        command=_python(
            *("celery", "-A", "celery_config", "flower", f"--address={LOOPBACK}", f"--port={port}"),
            f"--logging={SILENT}",
        ),
        # Bound to loopback, like everything it could be asked to do here.
        environment={**environment, "FLOWER_UNAUTHENTICATED_API": "true"},
        folder=str(ROOT),
        needs=needs,
        probe=HttpAnswers(LOOPBACK, port, "/healthcheck"),
        stop_timeout_s=SHORT_STOP_S,
    )
