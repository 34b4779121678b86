"""The event stream over real connections to a threaded server: resume, order, outages, limits."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.context import EVENT_HUB
from api.events import SEND_TIMEOUT_S
from api.stream import EventHub
from shared.domain.events import EventType
from tests.fakes import World
from tests.support.streams import Stream, served

FILLED = EventType.ORDER_FILLED
FAST = {"STREAM_HEARTBEAT_S": 0.1, "STREAM_BLOCK_MS": 50, "STREAM_RETRY_S": 0.05}


@pytest.fixture
def app(world: World) -> Flask:
    return create_app(world, {**FAST, "STREAMS_MAX": 3, "STREAM_QUEUE": 50})


@pytest.fixture
def hub(app: Flask) -> EventHub:
    found: EventHub = app.extensions[EVENT_HUB].get()
    return found


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    with served(app) as port:
        yield port


def until(is_true: Callable[[], bool], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_what_happens_arrives_as_a_message_with_its_number(world: World, port: int) -> None:
    with Stream(port) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        world.happen(FILLED)
        (message,) = stream.messages(1)
    assert (message.id, message.event) == (1, "OrderFilled")
    assert message.data == {
        "number": 1,
        "type": "OrderFilled",
        "bot_id": "default",
        "at": "2026-03-02T12:00:00+00:00",
        "payload": {},
    }


def test_a_new_client_sees_nothing_of_the_past(world: World, port: int) -> None:
    world.happen(FILLED, FILLED)
    with Stream(port) as stream:
        world.happen(FILLED)
        assert stream.numbers(1) == [3]


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_client_resumes_where_it_was_and_goes_on_live(world: World, port: int, how: str) -> None:
    world.happen(*[FILLED] * 5)
    by_header = how == "header"
    path = "/api/v1/events" if by_header else "/api/v1/events?last_event_id=2"
    with Stream(port, path, {"Last-Event-ID": "2"} if by_header else {}) as stream:
        assert stream.numbers(3) == [3, 4, 5]
        world.happen(FILLED)
        assert stream.numbers(1) == [6]


def test_resuming_across_many_pages_leaves_no_gap(world: World, port: int) -> None:
    world.happen(*[FILLED] * 600)
    world.happen(*[FILLED] * 601)
    world.relay()
    world.relay()
    with Stream(port, headers={"Last-Event-ID": "0"}) as stream:
        assert stream.numbers(1201) == list(range(1, 1202))


def test_events_during_a_resume_come_once_and_in_order(world: World, port: int) -> None:
    world.happen(*[FILLED] * 10)
    with Stream(port, headers={"Last-Event-ID": "0"}) as first:
        for _ in range(20):
            world.happen(FILLED)
        with Stream(port, headers={"Last-Event-ID": "3"}) as second:
            world.happen(FILLED)
            assert first.numbers(31) == list(range(1, 32))
            assert second.numbers(28) == list(range(4, 32))


def test_an_id_from_a_renewed_record_does_not_hide_what_is_to_come(world: World, port: int) -> None:
    world.happen(FILLED)
    with Stream(port, headers={"Last-Event-ID": "999"}) as stream:
        world.happen(FILLED)
        assert stream.numbers(1) == [2]


def test_a_bots_stream_has_only_its_events(world: World, port: int) -> None:
    world.happen(FILLED, bot_id="other")
    world.happen(FILLED)
    with Stream(port, "/api/v1/events?bot=default", {"Last-Event-ID": "0"}) as stream:
        world.happen(FILLED, bot_id="other")
        world.happen(FILLED)
        assert stream.numbers(2) == [2, 4]


def test_a_comment_comes_when_nothing_else_does(port: int) -> None:
    with Stream(port) as stream:
        assert stream.comment().startswith(":")


def test_a_stream_outlives_redis_and_misses_nothing(world: World, port: int) -> None:
    with Stream(port) as stream:
        world.happen(FILLED)
        assert stream.numbers(1) == [1]
        # Given Redis dies with two events on it that the reader has not seen
        with world.cache.lock:
            world.happen(FILLED, FILLED)
            world.cache.flush()
            world.cache.is_away = True
        # Then they come from the history, and the stream stays open
        assert stream.numbers(2) == [2, 3]
        assert stream.comment().startswith(":")
        # And it goes on once Redis is back
        world.cache.is_away = False
        world.happen(FILLED)
        assert stream.numbers(1) == [4]


def test_what_redis_lost_without_a_word_comes_from_the_history(world: World, port: int) -> None:
    with Stream(port) as stream:
        with world.cache.lock:
            world.happen(FILLED, FILLED)
            world.cache.flush()
        assert stream.numbers(2) == [1, 2]


def test_a_gap_in_the_stream_is_filled_from_the_history(world: World, port: int) -> None:
    with Stream(port) as stream:
        with world.cache.lock:
            world.happen(FILLED, FILLED)
            world.cache.flush()
            world.happen(FILLED)
        assert stream.numbers(3) == [1, 2, 3]


def test_a_gap_in_the_middle_of_the_stream_is_filled_from_the_history(world: World, port: int) -> None:
    with Stream(port) as stream:
        # Given a Redis that came back from a copy taken before two events, when a third had been published
        with world.cache.lock:
            world.happen(FILLED)
            copy = list(world.cache.stream)
            world.happen(FILLED, FILLED)
            world.cache.stream[:] = copy
            world.happen(FILLED)
        assert stream.numbers(4) == [1, 2, 3, 4]


def test_a_stream_outlives_postgres(world: World, port: int) -> None:
    with Stream(port) as stream:
        world.record.is_away = True
        assert stream.comment().startswith(":")
        world.record.is_away = False
        world.happen(FILLED)
        assert stream.numbers(1) == [1]


def test_without_postgres_a_new_stream_is_503_and_takes_no_place(world: World, port: int, hub: EventHub) -> None:
    world.record.is_away = True
    with Stream(port) as refused:
        assert refused.status == 503
        assert refused.body()["code"] == 503
    assert hub.streams == 0


def test_the_streams_of_a_process_are_bounded(port: int, hub: EventHub) -> None:
    open_streams = [Stream(port) for _ in range(3)]
    with Stream(port) as refused:
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "3 event streams" in refused.body()["message"]
    for stream in open_streams:
        stream.close()
    # A closed client's place is free again after a heartbeat or two.
    until(lambda: hub.streams == 0)
    with Stream(port) as welcome:
        assert welcome.status == 200


def test_a_client_that_can_not_keep_up_is_dropped_and_resumes(world: World, hub: EventHub) -> None:
    subscription, _ = hub.subscribe()
    world.happen(*[FILLED] * 60)
    until(lambda: subscription.is_closed)
    taken = []
    while (event := subscription.next(0)) is not None:
        taken.append(event.number)
    assert taken == list(range(1, 51))
    assert hub.streams == 0


def test_a_client_gone_before_the_first_byte_leaves_no_place_taken(client: FlaskClient, hub: EventHub) -> None:
    answer = client.get("/api/v1/events", buffered=False)
    answer.close()
    assert hub.streams == 0


def test_a_client_that_stops_reading_is_given_up_after_a_while(client: FlaskClient) -> None:
    near, far = socket.socketpair()
    with near, far:
        answer = client.get("/api/v1/events", buffered=False, environ_overrides={"gunicorn.socket": near})
        assert near.gettimeout() == SEND_TIMEOUT_S
        answer.close()


def test_asking_for_the_headers_opens_no_stream(client: FlaskClient, hub: EventHub) -> None:
    answer = client.head("/api/v1/events")
    assert answer.content_type.startswith("text/event-stream")
    assert answer.get_data() == b""
    assert hub.streams == 0


def test_the_reader_rests_while_nobody_listens_and_starts_again(world: World, port: int, hub: EventHub) -> None:
    with Stream(port):
        pass
    until(lambda: hub.streams == 0)
    world.happen(FILLED)
    with Stream(port) as stream:
        world.happen(FILLED)
        assert stream.numbers(1) == [2]


@pytest.mark.parametrize("sent", ["x", "-1", "1.5", "٣", "9" * 30])
def test_an_id_that_no_event_has_is_422(client: FlaskClient, sent: str) -> None:
    answer = client.get("/api/v1/events", query_string={"last_event_id": sent})
    assert answer.status_code == 422
    assert "last_event_id" in answer.json["errors"]


def test_the_history_is_read_in_pages(world: World, client: FlaskClient) -> None:
    world.happen(*[FILLED] * 5)
    first = client.get("/api/v1/events/history?limit=3").json
    assert [event["number"] for event in first["items"]] == [1, 2, 3]
    rest = client.get(f"/api/v1/events/history?limit=3&after={first['next_cursor']}").json
    assert [event["number"] for event in rest["items"]] == [4, 5]
    assert rest["next_cursor"] is None
    by_cursor = client.get(f"/api/v1/events/history?limit=3&cursor={first['next_cursor']}").json
    assert by_cursor == rest


def test_the_newest_of_the_history_come_oldest_first(world: World, client: FlaskClient) -> None:
    world.happen(*[FILLED] * 5)

    assert [each["number"] for each in client.get("/api/v1/events/history?last=2").json["items"]] == [4, 5]
    assert len(client.get("/api/v1/events/history?last=500").json["items"]) == 5


def test_the_history_of_one_bot(world: World, client: FlaskClient) -> None:
    world.happen(FILLED, bot_id="other")
    world.happen(FILLED)
    items = client.get("/api/v1/events/history?bot=default").json["items"]
    assert [event["number"] for event in items] == [2]


def test_events_not_numbered_yet_are_no_history(world: World, client: FlaskClient) -> None:
    world.record.append(FILLED, "default", world.clock.now())
    assert client.get("/api/v1/events/history").json["items"] == []
