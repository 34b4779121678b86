"""Is it ready? Each probe is one quick look, false on any trouble."""

import http.client
from dataclasses import dataclass, field
from http import HTTPStatus

import psycopg2
import redis

LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class RedisAnswers:
    """False too while an append-only file is being loaded."""

    url: str = field(repr=False)

    def __call__(self) -> bool:
        try:
            client = redis.Redis.from_url(self.url, socket_timeout=LOOK_S, socket_connect_timeout=LOOK_S, retry=None)
            with client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False


@dataclass(frozen=True, slots=True)
class PostgresAnswers:
    url: str = field(repr=False)

    def __call__(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class HttpAnswers:
    """200 to a GET."""

    host: str
    port: int
    path: str

    def __call__(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=LOOK_S)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
