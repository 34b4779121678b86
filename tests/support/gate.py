"""A TCP gate before a real server: shut, it is away; held, it takes connections and says nothing; open, it is there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65_536


class Gate:
    """Forwards loopback connections to one address. Every connection that it carries breaks when it shuts."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._is_flowing = threading.Event()
        self.port = 0
        self.open()

    def open(self) -> None:
        self._is_flowing.set()
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def hold(self) -> None:
        """No byte passes from now on, and nobody is told."""
        self._is_flowing.clear()

    def shut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            # A thread in accept() keeps a closed listener alive until it is woken.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            broken, self._open = self._open, set()
        for each in broken:
            _end(each)
        self._is_flowing.set()

    def url(self, url: str) -> str:
        """The same address, through this gate."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}"))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                self._is_flowing.wait()
                sink.sendall(chunk)
        with self._lock:
            self._open -= {source, sink}
        _end(source)
        _end(sink)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def gate_to(url: str) -> Iterator[Gate]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    gate = Gate(parts.hostname, parts.port)
    try:
        yield gate
    finally:
        gate.shut()
