"""The user that Postgres runs as where we are root (it refuses root), and programs that this user can reach."""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.specs import Account, bare_environment

CANDIDATES = ("postgres", "nobody", "daemon")
SCRATCH_PREFIX = "bot-orchestrator-postgres-"
SCRATCH_PLACES = ("/var/tmp", "/tmp", "/dev/shm")


def account_for(folder: Path) -> Account | None:
    """None unless we are root; then whoever owns `folder` already, else an unprivileged user that exists."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    todo = "create one of them, run as an ordinary user, or set DATABASE_URL"
    raise StartError(ExitCode.DATA_FOLDER, f"Postgres can't run as root and no user {CANDIDATES} exists; {todo}")


def run_as(account: Account | None, command: list[str], keep_open: tuple[int, ...] = (), given: str = "") -> str:
    """Runs `command` to its end and returns its output, errors included. Raises OSError or CalledProcessError."""
    switch = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    result: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=120,
        cwd="/",
        pass_fds=keep_open,
        env=bare_environment(),
        **switch,  # type: ignore[call-overload]
    )
    return result.stdout


class Programs:
    """Postgres' programs where `account` can execute them: in place, else in a private copy until `close`.

    A virtual environment under a folder that only root may enter (/root is one) can't be reached by another user.
    Opening that folder would change permissions that aren't ours, so the few files needed are copied out of it.
    """

    def __init__(self, home: Path, account: Account | None) -> None:
        self._scratch: Path | None = None
        self._lock: int | None = None
        self.home = home if _can_run(home, account) else self._copied(home, account)

    @property
    def scratch(self) -> Path | None:
        return self._scratch

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._scratch is not None:
            remove_scratch(self._scratch)
            self._scratch = None

    def _copied(self, home: Path, account: Account | None) -> Path:
        for place in SCRATCH_PLACES:
            try:
                self._scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=place))
            except OSError:
                continue
            copied = self._scratch / home.parent.name / home.name
            _copy(home, copied)
            self._scratch.chmod(0o755)
            if _can_run(copied, account):
                # systemd-tmpfiles leaves alone what is locked, however old it grows.
                self._lock = os.open(self._scratch, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_SH)
                return copied
            self.close()
        why = f"{home}/bin/postgres can't be executed by an unprivileged user, here or copied to {SCRATCH_PLACES}"
        raise StartError(ExitCode.MISSING_BINARY, f"{why}; run as an ordinary user, or set DATABASE_URL")


def remove_scratch(folder: Path) -> None:
    """Removes a private copy, and nothing that isn't one."""
    if folder.name.startswith(SCRATCH_PREFIX) and folder.stat(follow_symlinks=False).st_uid == os.geteuid():
        shutil.rmtree(folder, ignore_errors=True)


def _can_run(home: Path, account: Account | None) -> bool:
    try:
        run_as(account, [str(home / "bin" / "postgres"), "--version"])
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy(home: Path, target: Path) -> None:
    """The programs, the modules and the shared files, and beside the package the libraries that they load."""
    (target / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy(home / "bin" / name, target / "bin" / name)
    shutil.copytree(home / "lib" / "postgresql", target / "lib" / "postgresql", ignore=shutil.ignore_patterns("pgxs"))
    shutil.copytree(home / "share" / "postgresql", target / "share" / "postgresql")
    libraries = home.parents[1] / f"{home.parent.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target.parents[1] / libraries.name)
