"""The two Redis clients on a real server that goes silent, and what they never do twice."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.adapters.redis_clients import AWAY_S, Presence, once, reading
from tests.support.gate import Gate, gate_to
from tests.support.proxy import Proxy, proxy_to

AT_ONCE_S = 0.4


class Hand:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def gate(redis_url: str) -> Iterator[Gate]:
    with gate_to(redis_url) as gate:
        yield gate


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with proxy_to(redis_url) as proxy:
        yield proxy


def took_s(call: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(RedisError):
        call()
    return time.monotonic() - began


@pytest.mark.parametrize("build", [once, reading])
def test_after_one_time_out_a_silent_server_costs_nothing_more(
    gate: Gate, redis_url: str, build: Callable[[str], Redis]
) -> None:
    client = build(gate.url(redis_url))
    client.ping()

    gate.hold()
    first = took_s(client.ping)
    others = [took_s(client.ping) for _ in range(5)]

    assert first < 2, "one time-out, however often a read is tried"
    assert max(others) < AT_ONCE_S
    gate.open()


def test_clients_that_share_the_memory_pay_one_time_out_together(gate: Gate, redis_url: str) -> None:
    presence = Presence()
    reads, writes = reading(gate.url(redis_url), presence), once(gate.url(redis_url), presence)

    gate.hold()
    took_s(writes.ping)

    assert took_s(reads.ping) < AT_ONCE_S
    gate.open()


def test_a_server_that_answers_again_is_found_at_the_first_trial(gate: Gate, redis_url: str) -> None:
    clock = Hand()
    client = once(gate.url(redis_url), Presence(clock))
    client.ping()
    gate.hold()
    took_s(client.ping)

    gate.open()
    clock.now += AWAY_S - 0.1
    with pytest.raises(RedisConnectionError, match="a moment ago"):
        client.ping()
    clock.now += 0.2

    assert client.ping()
    assert client.ping()


def test_without_a_memory_every_call_finds_out_anew(gate: Gate, redis_url: str) -> None:
    client = once(gate.url(redis_url), Presence(away_s=0))
    gate.hold()
    took_s(client.ping)

    gate.open()

    assert client.ping()


def test_one_caller_at_a_time_tries_a_silent_server() -> None:
    clock = Hand()
    presence = Presence(clock)
    presence.timed_out()
    clock.now += AWAY_S

    presence.require()

    with pytest.raises(RedisConnectionError):
        presence.require()
    presence.answered()
    presence.require()


def test_a_refusal_is_an_answer(redis_url: str) -> None:
    clock = Hand()
    presence = Presence(clock)
    client = once(redis_url, presence)
    client.set("text", "x")
    presence.timed_out()
    clock.now += AWAY_S

    with pytest.raises(ResponseError):
        client.incr("text")

    assert client.get("text") == b"x"


@pytest.mark.parametrize("fault", ["reset", "black_hole"])
def test_a_write_whose_answer_is_lost_is_not_sent_again(proxy: Proxy, redis_url: str, fault: str) -> None:
    # Given a client of writes, and a network that loses the answer once the server has the command
    client = once(proxy.url(redis_url))
    client.ping()
    proxy.lose_answer_to(b"INCR", by=fault)

    # When
    with pytest.raises((RedisConnectionError, RedisTimeoutError)):
        client.incr("counted")

    # Then it is there once
    with Redis.from_url(redis_url) as direct:
        assert direct.get("counted") == b"1"


def test_reads_are_tried_again_where_a_connection_breaks(proxy: Proxy, redis_url: str) -> None:
    client = reading(proxy.url(redis_url))
    client.ping()
    proxy.lose_answer_to(b"GET", by="reset")

    assert client.get("nothing") is None
    assert urlsplit(proxy.url(redis_url)).port == proxy.port
