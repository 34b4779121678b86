import itertools
import json

from cli.commands.base import Session
from cli.commands.client import ApiClient, parsed_events
from cli.commands.events import events, followed, line
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi


def _message(number: int) -> str:
    return f"id: {number}\nevent: OrderFilled\ndata: {json.dumps({'number': number, 'type': 'OrderFilled'})}\n\n"


def test_heartbeats_and_unfinished_events_are_dropped() -> None:
    stream = ": heartbeat\n\n" + _message(7) + ": heartbeat\n\nid: 8\ndata: {}"

    found = list(parsed_events(stream.splitlines(keepends=True)))

    assert [(event.id, event.type, event.data["number"]) for event in found] == [("7", "OrderFilled", 7)]


def test_data_over_several_lines_is_one_value() -> None:
    found = list(parsed_events(['data: {"a":', "data: 1}", ""]))

    assert found[0].data == {"a": 1}


def test_a_lost_stream_resumes_after_the_last_event(api: FakeApi) -> None:
    api.answer("GET /api/v1/events", _message(1) + _message(2), _message(3))

    session = Session(ApiClient(api.url), as_json=False)
    found = list(itertools.islice(followed(session, "0"), 3))

    assert [event.id for event in found] == ["1", "2", "3"]
    assert [asked.headers.get("last-event-id") for asked in api.asked] == ["0", "2"]


def test_following_without_an_api_fails_at_once(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/events/history", {"items": [], "next_cursor": None})
    api.answer("GET /api/v1/events", {"code": 503, "message": "too many streams"}, status=503)

    result = run(events, "--follow")

    assert result.exit_code == 4
    assert "too many streams" in result.stderr


def test_following_begins_after_the_newest_event(api: FakeApi, run: Run) -> None:
    api.answer("GET /api/v1/events/history", {"items": [{"number": 41}], "next_cursor": "41"})
    api.answer("GET /api/v1/events", {"code": 503, "message": "too many streams"}, status=503)

    run(events, "--follow")

    assert api.asked[0].path.endswith("?last=1")
    assert api.asked[1].headers["last-event-id"] == "41"


def test_the_past_is_printed_one_event_a_line(api: FakeApi, run: Run) -> None:
    item = {"number": 4, "type": "BotStarted", "bot_id": "default", "at": "2026-11-22T17:11:32+00:00"}
    api.answer("GET /api/v1/events/history", {"items": [{**item, "payload": {"state": "running"}}]})

    assert run(events).stdout == "     4  2026-11-22 17:11:32  BotStarted        state=running\n"
    assert json.loads(run(events, "--json").stdout)["number"] == 4


def test_a_line_keeps_only_what_says_something() -> None:
    shown = line({"type": "OrderFilled", "at": "2026-11-22T17:11:32+00:00", "payload": {"price": "1.5", "reason": ""}})

    assert shown.endswith("price=1.5")
