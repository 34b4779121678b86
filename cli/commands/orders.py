"""orders, and the way out of quarantine."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from cli.commands.base import Session, api_command, api_group
from cli.commands.client import segment
from cli.commands.output import Column, Listing, Look, duration, show
from cli.commands.portfolio import cursor_option, limit_option, listing

OUTCOMES = ["not_placed", "canceled", "filled"]


@api_group("orders", ["orchestrator orders", "orchestrator orders --live", "orchestrator orders --limit 100 --json"])
@click.option("--live", "is_live", is_flag=True, help="Only those without an end.")
@limit_option
@cursor_option
def orders(session: Session, is_live: bool, limit: int, cursor: str | None) -> None:
    """Orders, newest first, with why each was sent and what became of it."""
    body = session.api.get("/bot/orders", state="live" if is_live else None, limit=limit, cursor=cursor)
    session.answer(body, lambda: show(_orders(body, datetime.now(UTC))))


@api_command(
    "resolve",
    [
        "orchestrator orders resolve ID --outcome not_placed",
        "orchestrator orders resolve ID --outcome filled --quantity 0.5 --average-price 60000",
        "orchestrator orders resolve ID --outcome canceled --note 'canceled there by hand'",
    ],
)
@click.argument("client_order_id", metavar="ID")
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="What the exchange shows of it.")
@click.option("--quantity", metavar="BASE", help="All that was traded of it.")
@click.option("--average-price", metavar="QUOTE", help="The average price of that.")
@click.option("--fee", metavar="AMOUNT", help="All fees of it.")
@click.option("--fee-currency", metavar="CURRENCY", help="What they were taken in.")
@click.option("--exchange-order-id", metavar="ID", help="The exchange's own id.")
@click.option("--note", metavar="TEXT", help="For whoever asks later.")
def resolve(session: Session, client_order_id: str, **said: str | None) -> None:
    """Say what the exchange shows of an order in quarantine.

    What was traded is booked, the bot may buy again, and an exit may be tried again. Repeating it changes nothing.
    """
    body = session.api.post(
        f"/bot/orders/{segment(client_order_id)}/resolve",
        {name: value for name, value in said.items() if value is not None},
    )
    session.answer(body, lambda: _say_settled(body))


orders.add_command(resolve)


def _say_settled(body: Mapping[str, Any]) -> None:
    click.echo(body["message"])
    order = body["order"]
    parts = [str(order.get(name)) for name in ("client_order_id", "symbol", "side", "status")]
    click.echo(", ".join(parts))


def _orders(body: Mapping[str, Any], now: datetime) -> Listing:
    columns = (
        Column("Created (UTC)", Look.TIME),
        Column("Age", spare=5),
        Column("Id", spare=6),
        Column("Symbol"),
        Column("Side", Look.STATE),
        Column("Status", Look.STATE),
        Column("In doubt", spare=4),
        Column("Quantity", Look.NUMBER),
        Column("Filled", Look.NUMBER, spare=3),
        Column("Average", Look.MONEY),
        Column("Fee", Look.NUMBER, spare=2),
        Column("In", spare=2),
        Column("Reason", spare=1),
    )
    fields = (
        "created_at age client_order_id symbol side status doubt quantity filled average_price fee fee_currency reason"
    )
    items = [{**item, "age": _since(item, "created_at", now), "doubt": _doubt(item, now)} for item in body["items"]]
    empty = "no orders yet; `orchestrator strategies` says what each strategy waits for"
    return listing({**body, "items": items}, columns, fields, empty, notes=_what_to_do(items))


def _since(item: Mapping[str, Any], name: str, now: datetime) -> str | None:
    if not item.get(name):
        return None
    return duration(max((now - datetime.fromisoformat(item[name])).total_seconds(), 0.0))


def _doubt(item: Mapping[str, Any], now: datetime) -> str | None:
    """How long nobody has been able to tell what became of it; what has ended is in no doubt."""
    return _since(item, "doubt_since", now)


def _what_to_do(items: list[dict[str, Any]]) -> tuple[str, ...]:
    waiting = [item["client_order_id"] for item in items if item.get("status") == "quarantined"]
    return tuple(f"look at the exchange, then: orchestrator orders resolve {each} --outcome …" for each in waiting)
