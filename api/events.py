"""GET /api/v1/events: what happens, as it happens; GET /api/v1/events/history: what happened."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Response, current_app, request
from flask_smorest import Blueprint

from api.context import event_hub, services
from api.inputs import HistoryArgs, StreamArgs
from api.messages import as_json
from api.outputs import EventPage
from api.parser import arguments, faults
from api.stream import PAGE, messages, replay
from shared.domain.errors import InvalidField

EVENT_STREAM = "text/event-stream"
SEND_TIMEOUT_S = 30
NUMBER_DIGITS = 18

blueprint = Blueprint("events", __name__, description="Facts, numbered without gaps, in the order they happened.")


@blueprint.route("")
@arguments(blueprint, StreamArgs, location="query")
@faults(blueprint, 422, 503)
@blueprint.doc(
    summary="Follow events as a stream",
    description="Server-sent events. Each message's id is the event's number: send it as Last-Event-ID (or "
    "last_event_id) to resume without a gap. A comment comes when nothing else does.",
    parameters=[
        {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}},
    ],
    responses={"200": {"description": "The stream", "content": {EVENT_STREAM: {"schema": {"type": "string"}}}}},
)
def follow(args: dict[str, Any]) -> Response:
    after, bot_id = _resume_from(args), args["bot"]
    if request.method == "HEAD":
        return Response(mimetype=EVENT_STREAM)
    outbox = services().outbox
    subscription, newest = event_hub().subscribe(bot_id)
    try:
        # An id from before the record was renewed would hide everything to come.
        start = newest if after is None else min(after, newest)
        first = outbox.history(start, PAGE, bot_id) if start < newest else []
    except BaseException:
        subscription.close()
        raise
    _bound_sends()
    body = messages(replay(outbox, first, bot_id), subscription, start, current_app.config["STREAM_HEARTBEAT_S"])
    response = Response(_as_bytes(body), mimetype=EVENT_STREAM)
    # Not the generator's own `finally`: that never runs where the client leaves before the first byte.
    response.call_on_close(subscription.close)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


@blueprint.route("/history")
@arguments(blueprint, HistoryArgs, location="query")
@blueprint.response(200, EventPage)
@faults(blueprint, 422, 503)
@blueprint.doc(summary="Read past events", description="Oldest first; pass next_cursor as `after` for the next page.")
def history(args: dict[str, Any]) -> dict[str, Any]:
    outbox, limit = services().outbox, args["last"] or args["limit"]
    after = args["after"] if args["cursor"] is None else args["cursor"]
    if args["last"]:
        after = max(outbox.last_number() - args["last"], 0)
    found = outbox.history(after, limit, args["bot"])
    is_full = len(found) == limit
    return {
        "items": [as_json(event) for event in found],
        "next_cursor": str(found[-1].number) if is_full else None,
    }


def _resume_from(args: dict[str, Any]) -> int | None:
    sent = request.headers.get("Last-Event-ID", "") or args["last_event_id"]
    if not sent:
        return None
    if sent.isascii() and sent.isdigit() and len(sent) <= NUMBER_DIGITS:
        return int(sent)
    raise InvalidField("last_event_id", "must be the number of an event, as its message's id gave it")


def _bound_sends() -> None:
    """A client that stops reading may hold its thread for so long, and no longer."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        with suppress(OSError):
            connection.settimeout(SEND_TIMEOUT_S)


def _as_bytes(texts: Iterator[str]) -> Iterator[bytes]:
    return (text.encode() for text in texts)
