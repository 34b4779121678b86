"""The embedded Redis: the wheel's binary, durable, on loopback, behind a password."""

import signal
from pathlib import Path

from cli.supervisor import binaries
from cli.supervisor.errors import ExitCode, StartError
from cli.supervisor.folders import kept_secret, make_folder, write_privately
from cli.supervisor.ports import LOOPBACK
from cli.supervisor.probes import RedisAnswers
from cli.supervisor.specs import ProcessSpec

NAME = "redis"
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel warning
daemonize no
"""


def prepare_redis(folder: Path, port: int) -> tuple[ProcessSpec, str]:
    """How to run it in `folder`, and its URL. Writes the configuration; raises StartError."""
    program = binaries.redis_server()
    make_folder(folder, 0o700)
    try:
        password = kept_secret(folder / "password")
        write_privately(folder / "redis.conf", CONFIGURATION.format(host=LOOPBACK, port=port, password=password))
    except OSError as error:
        raise StartError(ExitCode.DATA_FOLDER, f"DATA_DIR: {error.filename}: {error.strerror}") from None
    url = f"redis://:{password}@{LOOPBACK}:{port}/0"
    spec = ProcessSpec(
        name=NAME,
        command=(str(program), str(folder / "redis.conf")),
        folder=str(folder),
        probe=RedisAnswers(url),
        death_signal=signal.SIGTERM,
    )
    return spec, url
