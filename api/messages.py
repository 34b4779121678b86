"""An event as JSON, and as one message of a stream."""

import json
from typing import Any

from api.formats import iso
from shared.domain.events import Event


def as_json(event: Event) -> dict[str, Any]:
    return {
        "number": event.number,
        "type": event.type.value,
        "bot_id": event.bot_id,
        "at": iso(event.at),
        "payload": dict(event.payload),
    }


def message(event: Event) -> str:
    body = json.dumps(as_json(event), separators=(",", ":"))
    return f"id: {event.number}\nevent: {event.type.value}\ndata: {body}\n\n"
