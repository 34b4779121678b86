"""TCP ports: is one free, which one is, and who has it."""

import errno
import socket

import psutil

from cli.supervisor.errors import ExitCode, StartError

LOOPBACK = "127.0.0.1"


def free_port(preferred: int | None = None) -> int:
    """`preferred` if nobody listens on it, else one that the system chooses."""
    if preferred is not None:
        try:
            return _bound(LOOPBACK, preferred)
        except OSError:
            pass
    return _bound(LOOPBACK, 0)


def require_free(variable: str, host: str, port: int) -> None:
    """Raises StartError, naming the variable to change and the holder where the system tells."""
    try:
        _bound(host, port)
    except OSError as error:
        raise StartError(ExitCode.PORT_TAKEN, _complaint(variable, host, port, error)) from None


def _bound(host: str, port: int) -> int:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the servers do, so that connections of the last run that linger in TIME_WAIT don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)
        return int(probe.getsockname()[1])


def _complaint(variable: str, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{variable}: port {port} on {host} is taken{_holder(port)}; stop that process or set another {variable}"
    return f"{variable}: can't listen on {host}:{port} ({error.strerror or error}); set another {variable} or address"


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.pid and connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,):
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return ""
