"""A program for these tests: the system of `orchestrator up`, its workers those of tests.chaos.app, in PAIRS pairs."""

import sys
from collections.abc import Mapping
from dataclasses import replace

from cli.supervisor.console import Console
from cli.supervisor.errors import StartError
from cli.supervisor.specs import ProcessSpec
from cli.supervisor.stack import Plan, processes
from cli.supervisor.up import run_system
from shared.settings import load_settings

APP, CRASHING_APP = "celery_config", "tests.chaos.app"


def crashing_processes(plan: Plan, inherited: Mapping[str, str], pairs: int) -> list[ProcessSpec]:
    specs = [_crashing(spec) for spec in processes(plan, inherited) if spec.name != "flower"]
    return [*specs, *(_again(spec, number) for number in range(2, pairs + 1) for spec in specs if _is_worker(spec))]


def _is_worker(spec: ProcessSpec) -> bool:
    return "worker" in spec.command and "celery" in spec.command


def _crashing(spec: ProcessSpec) -> ProcessSpec:
    if not _is_worker(spec):
        return spec
    return replace(spec, command=tuple(CRASHING_APP if word == APP else word for word in spec.command))


def _again(spec: ProcessSpec, number: int) -> ProcessSpec:
    """The same worker once more, under a name of its own."""
    at = spec.command.index("-n") + 1
    name = f"{spec.name}-{number}"
    command = (*spec.command[:at], spec.command[at].replace(spec.name, name, 1), *spec.command[at + 1 :])
    return replace(spec, name=name, command=command)


if __name__ == "__main__":
    try:
        run_system(load_settings(), Console(), lambda plan, env: crashing_processes(plan, env, int(sys.argv[1])))
    except StartError as error:
        print(f"orchestrator: {error}", file=sys.stderr)
        sys.exit(error.code)
