"""A TCP proxy before a real server that loses what a network loses: connections, and answers to what was sent.

New connections always work: the fault is in those that exist. (`Gate` is for a server that is away altogether.)
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class Pair:
    """One connection: what the client holds, what the server holds, and whether bytes of it vanish."""

    client: socket.socket
    server: socket.socket
    is_swallowed: threading.Event = field(default_factory=threading.Event)
    is_answer_lost: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._pairs: set[Pair] = set()
        self._trap: tuple[bytes, str] | None = None
        self._sprung = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """The same address, through this proxy."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}"))

    def black_hole(self) -> int:
        """Bytes of every connection that exists vanish both ways, and nobody is told; how many those are."""
        with self._lock:
            for pair in self._pairs:
                pair.is_swallowed.set()
            return len(self._pairs)

    def reset(self) -> int:
        """Every connection that exists is reset; how many those were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def lose_answer_to(self, sent: bytes, by: str = "reset") -> None:
        """The next chunk from a client that holds `sent` reaches the server; its answer is lost, by "reset" or
        "black_hole" of that connection."""
        self._sprung.clear()
        self._trap = (sent, by)

    @property
    def is_sprung(self) -> bool:
        return self._sprung.is_set()

    def close(self) -> None:
        # A thread in accept() keeps a closed listener alive until it is woken.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            pair = Pair(client, server)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._upward, args=(pair,), daemon=True).start()
            threading.Thread(target=self._downward, args=(pair,), daemon=True).start()

    def _upward(self, pair: Pair) -> None:
        with suppress(OSError):
            while chunk := pair.client.recv(CHUNK):
                if self._trap is not None and self._trap[0] in chunk:
                    # Before the server has it: its answer must find the way barred.
                    pair.is_answer_lost.set()
                if not pair.is_swallowed.is_set():
                    pair.server.sendall(chunk)
        self._end(pair)

    def _downward(self, pair: Pair) -> None:
        with suppress(OSError):
            while chunk := pair.server.recv(CHUNK):
                if pair.is_answer_lost.is_set():
                    self._lose(pair)
                elif not pair.is_swallowed.is_set():
                    pair.client.sendall(chunk)
        self._end(pair)

    def _lose(self, pair: Pair) -> None:
        trap, self._trap = self._trap, None
        self._sprung.set()
        if trap is not None and trap[1] == "reset":
            pair.reset()
        else:
            pair.is_swallowed.set()

    def _end(self, pair: Pair) -> None:
        # What vanishes says nothing of its end either: it is closed with the proxy.
        if pair.is_swallowed.is_set():
            return
        with self._lock:
            self._pairs.discard(pair)
        pair.reset()


@contextmanager
def proxy_to(url: str) -> Iterator[Proxy]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port)
    try:
        yield proxy
    finally:
        proxy.close()
