"""The servers that other tests stand on."""

import psycopg2
import redis

from cli.supervisor.embedded import Servers
from tests.support.services import emptied_redis, fresh_database


def _tables(url: str) -> set[str]:
    connection = psycopg2.connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in cursor.fetchall()}
    finally:
        connection.close()


def test_two_fresh_databases_share_a_schema_and_no_rows(services: Servers) -> None:
    with fresh_database(services.database_url) as first, fresh_database(services.database_url) as second:
        connection = psycopg2.connect(first)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE only_here (n int)")
        connection.close()

        assert _tables(first) - _tables(second) == {"only_here"}


def test_an_emptied_redis_forgets_every_numbered_database(services: Servers) -> None:
    with redis.Redis.from_url(services.redis_url) as client, redis.Redis.from_url(services.redis_url, db=5) as other:
        client.set("a", 1)
        other.set("b", 2)

        emptied_redis(services.redis_url)

        assert (client.dbsize(), other.dbsize()) == (0, 0)
