"""events: what happened, and what happens."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from cli.commands.base import Session, api_command
from cli.commands.client import Disconnected, StreamEvent
from cli.commands.errors import ExitCode, NotReachable, Unavailable
from cli.commands.output import moment
from shared.domain.backoff import RetryPolicy, backoff_s

RECONNECT = RetryPolicy(initial_s=0.5, max_s=10.0)
# What a reader looks for, in this order; the rest follows as it comes.
FIRST = ["name", "symbol", "side", "state", "quantity", "filled", "price", "average_price", "realised", "fee", "reason"]


@api_command(
    "events",
    [
        "orchestrator events",
        "orchestrator events --follow",
        "orchestrator events --follow --after 120",
        "orchestrator events --follow --json | jq -c 'select(.type == \"OrderFilled\")'",
    ],
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens; reconnects and misses nothing.")
@click.option("--after", type=click.IntRange(min=0), metavar="NUMBER", help="Only events after this number.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="Past events at most.")
def events(session: Session, follow: bool, after: int | None, limit: int) -> None:
    """Orders, fills, positions and control calls, as they were recorded. With --json, one object per line."""
    try:
        if follow:
            _follow(session, after)
        else:
            _past(session, after, limit)
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None


def _past(session: Session, after: int | None, limit: int) -> None:
    items = _history(session, after, limit)
    for item in items:
        _print(session, item)
    if not items and not session.as_json:
        click.echo("no events yet")


def _follow(session: Session, after: int | None) -> None:
    if after is None:
        # From a number on, not from the first event seen: a line that is lost before it would hide what came between.
        newest = _history(session, None, 1)
        after = newest[-1]["number"] if newest else 0
    for event in followed(session, str(after)):
        _print(session, event.data)


def _history(session: Session, after: int | None, limit: int) -> list[Mapping[str, Any]]:
    query = {"last": limit} if after is None else {"after": after, "limit": limit}
    items: list[Mapping[str, Any]] = session.api.get("/events/history", **query)["items"]
    return items


def followed(session: Session, last_id: str) -> Iterator[StreamEvent]:
    """Events without end. A first connection that fails is an error; a later one is tried again."""
    failures, is_connected = 0, False
    while True:
        try:
            for event in session.api.events(last_id):
                failures, is_connected, last_id = 0, True, event.id or last_id
                yield event
        except (Disconnected, NotReachable, Unavailable) as error:
            if not is_connected and not isinstance(error, Disconnected):
                raise
            is_connected, failures = True, failures + 1
            wait = backoff_s(failures, RECONNECT)
            click.echo(f"connection lost ({error}); again in {wait:g} s, after event {last_id}", err=True)
            time.sleep(wait)


def _print(session: Session, item: Mapping[str, Any]) -> None:
    click.echo(json.dumps(item, ensure_ascii=False) if session.as_json else line(item))


def line(item: Mapping[str, Any]) -> str:
    """`    42  2026-11-22 17:11:32  OrderFilled       symbol=BTC/USDT side=buy …`, without ids."""
    payload = item.get("payload") or {}
    names = sorted((name for name in payload if not name.endswith("_id")), key=_rank)
    said = " ".join(f"{name}={_short(payload[name])}" for name in names if payload[name] not in (None, "", [], {}))
    kind = click.style(f"{item.get('type', ''):<16}", bold=True)
    return f"{item.get('number') or '':>6}  {moment(item.get('at'))}  {kind}  {said}".rstrip()


def _rank(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _short(value: object) -> str:
    """A list of things by their symbols; settings that are set; the rest as it is."""
    match value:
        case dict():
            return ",".join(f"{name}:{inner}" for name, inner in value.items() if inner is not None)
        case list():
            return ",".join(str(each.get("symbol", each)) if isinstance(each, dict) else str(each) for each in value)
        case _:
            return str(value)
