"""EventBus on a real Redis stream."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from shared.adapters.events_redis import RedisEventBus
from shared.domain.errors import Unavailable
from shared.domain.events import Event, EventType
from tests.builders import NOON


@pytest.fixture
def bus(redis_url: str) -> RedisEventBus:
    return RedisEventBus(redis_url)


def _event(number: int) -> Event:
    at = NOON + timedelta(microseconds=number)
    return Event(EventType.ORDER_FILLED, "bot ä", at, {"price": "100.10", "n": number, "none": None}, number)


def test_events_come_back_in_order_as_they_were(bus: RedisEventBus) -> None:
    events = [_event(number) for number in (1, 2, 3)]

    bus.publish(events)

    assert bus.read(0, 0) == events
    assert bus.read(2, 0) == events[2:]
    assert bus.read(3, 0) == []


def test_a_number_that_is_there_is_skipped(bus: RedisEventBus) -> None:
    bus.publish([_event(1), _event(2)])

    bus.publish([_event(1), _event(2), _event(3)])

    assert [event.number for event in bus.read(0, 0)] == [1, 2, 3]


def test_a_record_restored_behind_its_stream_is_heard_and_what_it_has_lost_is_not(bus: RedisEventBus) -> None:
    # Given a stream that is five events ahead of the backup
    bus.publish([_event(number) for number in range(1, 9)])

    # When other things happen under their numbers
    anew = [replace(_event(number), payload={"after": "the restore"}) for number in (4, 5)]
    bus.publish(anew)
    bus.publish(anew)

    # Then
    assert bus.read(3, 0) == anew


def test_nothing_to_publish_is_no_command(bus: RedisEventBus) -> None:
    bus.publish([])

    assert bus.read(0, 0) == []


def test_a_wiped_stream_goes_on_at_the_current_number(bus: RedisEventBus, redis_url: str) -> None:
    bus.publish([_event(1), _event(2)])
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()

    bus.publish([_event(3)])

    assert [event.number for event in bus.read(2, 0)] == [3]


def test_a_wait_ends_without_events_and_is_never_for_ever(bus: RedisEventBus) -> None:
    began = time.monotonic()

    assert bus.read(0, 50) == []
    assert bus.read(0, 0) == []

    assert 0.04 < time.monotonic() - began < 2


def test_a_stream_keeps_a_bounded_number_of_events(bus: RedisEventBus, redis_url: str) -> None:
    for start in range(1, 12_001, 1000):
        bus.publish([_event(number) for number in range(start, start + 1000)])

    with redis.Redis.from_url(redis_url) as client:
        assert 10_000 <= client.xlen("events") < 10_200


def test_a_server_without_memory_leaves_no_hole(bus: RedisEventBus, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(Unavailable):
                bus.publish([_event(1), _event(2)])
        finally:
            client.config_set("maxmemory", 0)
    assert bus.read(0, 0) == []


def test_a_stream_that_is_away_is_unavailable() -> None:
    bus = RedisEventBus("redis://127.0.0.1:1/0")

    with pytest.raises(Unavailable):
        bus.publish([_event(1)])
    with pytest.raises(Unavailable):
        bus.read(0, 0)
