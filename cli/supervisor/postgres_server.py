"""The embedded Postgres: the wheel's programs run by ourselves, durable, on loopback, behind a password.

The wheel's own launcher is not used: as root it creates a user and opens every parent folder up to `/`.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cli.supervisor import binaries
from cli.supervisor.account import Programs, account_for, run_as
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.folders import kept_secret, make_folder
from cli.supervisor.ports import LOOPBACK
from cli.supervisor.probes import PostgresAnswers
from cli.supervisor.specs import Account, ProcessSpec

NAME = "postgres"
USER = DATABASE = "orchestrator"
MAX_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where it lives and as whom. `handle` is `folder`, open; `reach` is its name for the account's processes."""

    folder: Path
    account: Account | None
    programs: Programs
    handle: int

    @property
    def reach(self) -> str:
        # The open handle leads past parents that the account may not enter.
        through_handle = self.account is not None and sys.platform == "linux"
        return f"/proc/self/fd/{self.handle}" if through_handle else str(self.folder.resolve())

    def run(self, program: str, *arguments: str, given: str = "") -> str:
        command = [str(self.programs.home / "bin" / program), *arguments]
        return run_as(self.account, command, (self.handle,), given)

    def close(self) -> None:
        self.programs.close()
        os.close(self.handle)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A prepared server. `close` after it has stopped."""

    spec: ProcessSpec
    url: str = field(repr=False)
    place: Place

    def close(self) -> None:
        self.place.close()


def prepare_postgres(folder: Path, port: int, is_durable: bool = True) -> Postgres:
    """How to run it in `folder`, where the first call makes the database. Raises StartError."""
    place = _occupy(folder)
    try:
        password = kept_secret(folder / "password")
        _hand_over(place)
        _require_version(place)
        _initialise(place)
        _drop_stale_pid(folder / "data")
    except (OSError, StartError) as error:
        place.close()
        raise _as_start_error(error) from None
    url = f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"
    return Postgres(_spec(place, port, url, "on" if is_durable else "off"), url, place)


def _occupy(folder: Path) -> Place:
    account = account_for(folder)
    make_folder(folder, 0o700)
    programs = Programs(binaries.postgres_home(), account)
    return Place(folder, account, programs, os.open(folder, os.O_RDONLY | os.O_DIRECTORY))


def _spec(place: Place, port: int, url: str, durable: str) -> ProcessSpec:
    options = {
        "port": port,
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": "",  # A path under DATA_DIR may exceed the 107 bytes that a socket's may have.
        "max_connections": MAX_CONNECTIONS,
        "fsync": durable,
        "synchronous_commit": durable,
        "log_min_messages": "warning",
        "log_checkpoints": "off",
        "log_line_prefix": "%p ",
        "timezone": "UTC",
    }
    return ProcessSpec(
        name=NAME,
        command=(
            str(place.programs.home / "bin" / "postgres"),
            *("-D", f"{place.reach}/data"),
            *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
        ),
        folder="/",
        probe=PostgresAnswers(url),
        stop_signal=signal.SIGINT,  # "Fast": a SIGTERM would wait for every client to leave.
        death_signal=signal.SIGINT,
        account=place.account,
        keep_open=(place.handle,),
    )


def _hand_over(place: Place) -> None:
    if place.account is None:
        return
    for path in (place.folder, place.folder / "password"):
        os.chown(path, place.account.uid, place.account.gid)


def _require_version(place: Place) -> None:
    marker = place.folder / "data" / "PG_VERSION"
    if not marker.exists():
        return
    found = marker.read_text().strip()
    ours = place.run("postgres", "--version").split()[-1].split(".")[0]
    if found != ours:
        what = f"{marker.parent} belongs to PostgreSQL {found} and this is PostgreSQL {ours}"
        todo = "move it away for a fresh start, or set DATABASE_URL to a server of that version"
        raise StartError(ExitCode.DATA_FOLDER, f"{what}; {todo}")


def _initialise(place: Place) -> None:
    """Makes `data` in one rename, so that an interrupted first start leaves nothing half-made behind."""
    if (place.folder / "data").exists():
        return
    shutil.rmtree(place.folder / "new", ignore_errors=True)
    made = f"{place.reach}/new"
    access = ["--username", USER, "--auth", "scram-sha-256", "--pwfile", f"{place.reach}/password"]
    text = ["--encoding", "UTF8", "--locale", "C", "--no-instructions"]
    single = ["--single", "-D", made, "-c", "log_min_messages=error", "postgres"]
    try:
        place.run("initdb", "-D", made, *access, *text)
        place.run("postgres", *single, given=f"CREATE DATABASE {DATABASE}\n")
    except subprocess.CalledProcessError as error:
        said = " ".join(str(error.output).split()[-30:])
        raise StartError(ExitCode.DATA_FOLDER, f"PostgreSQL can't make {place.folder}/new: {said}") from None
    (place.folder / "new").rename(place.folder / "data")


def _drop_stale_pid(data: Path) -> None:
    """Whoever holds DATA_DIR's lock is alone, but after a reboot a stranger may have the old server's number."""
    marker = data / "postmaster.pid"
    if not marker.exists():
        return
    first = marker.read_text().split("\n", 1)[0].strip()
    try:
        is_server = psutil.Process(int(first)).name() == "postgres"
    except (ValueError, psutil.Error):
        is_server = False
    if not is_server:
        marker.unlink(missing_ok=True)


def _as_start_error(error: OSError | StartError) -> StartError:
    if isinstance(error, StartError):
        return error
    return StartError(ExitCode.DATA_FOLDER, f"DATA_DIR: {error.filename}: {error.strerror}; correct it or set another")
