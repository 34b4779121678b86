"""reconciliation: accounts against their exchanges, and a person's word on a difference."""

from collections.abc import Mapping
from typing import Any

import click

from cli.commands.base import Session, api_command, api_group
from cli.commands.output import Column, Listing, Look, show


@api_group("reconciliation", ["orchestrator reconciliation", "orchestrator reconciliation --json | jq .items"])
def reconciliation(session: Session) -> None:
    """Whether each account's books agree with its exchange, and what differs.

    While they do not, nothing is bought; stops and exits go on.
    """
    body = session.api.get("/reconciliation")
    session.answer(body, lambda: show(*_tables(body["items"])))


@api_command("accept", ["orchestrator reconciliation accept binance live --reason 'paid in 250 USDT'"])
@click.argument("exchange")
@click.argument("account")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is right, for whoever asks later.")
def accept(session: Session, exchange: str, account: str, reason: str) -> None:
    """Accept the present difference, with its reason.

    It becomes part of what the account held to begin with, and entries go again. First see what it is:
    `orchestrator reconciliation`.
    """
    body = session.api.post("/reconciliation/accept", {"exchange": exchange, "account": account, "reason": reason})
    session.answer(body, lambda: click.echo(body["message"]))


reconciliation.add_command(accept)


def _tables(items: list[dict[str, Any]]) -> list[Listing]:
    listings = [_accounts(items)]
    differences = [(*_names(each), *row) for each in items for row in _differences(each)]
    if differences:
        listings.append(_differing(differences))
    orders = [(*_names(each), *_order(order, whose)) for each in items for order, whose in _orders(each)]
    if orders:
        listings.append(_others(orders))
    return listings


def _accounts(items: list[dict[str, Any]]) -> Listing:
    columns = (
        Column("Exchange"),
        Column("Account"),
        Column("Status", Look.STATE),
        Column("Compared (UTC)", Look.TIME),
        Column("Looked at (UTC)", Look.TIME, spare=1),
        Column("Note", spare=2),
    )
    rows = [(*_names(each), each["status"], each["reconciled_at"], each["checked_at"], each["note"]) for each in items]
    return Listing(columns, rows, empty="no account yet; `orchestrator start` begins with one", notes=_to_do(items))


def _to_do(items: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(
        "look at the exchange; once the difference is explained: orchestrator reconciliation accept "
        f"{each['exchange']} {each['account']} --reason …"
        for each in items
        if each["status"] == "drift"
    )


def _differing(rows: list[tuple[Any, ...]]) -> Listing:
    names = (Column("Exchange", spare=2), Column("Account", spare=1), Column("Asset"))
    amounts = (Column("Books", Look.NUMBER), Column("Exchange has", Look.NUMBER), Column("Difference", Look.NUMBER))
    return Listing((*names, *amounts, Column("Seen")), rows, empty="")


def _others(rows: list[tuple[Any, ...]]) -> Listing:
    titles = (Column("Exchange", spare=2), Column("Account", spare=1), Column("Order"), Column("Symbol"))
    rest = (Column("Side", Look.STATE), Column("Quantity", Look.NUMBER), Column("Filled", Look.NUMBER), Column("Whose"))
    return Listing((*titles, *rest), rows, empty="")


def _names(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["exchange"], item["account"]


def _differences(item: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    seen = [(each, "again and again") for each in item["differences"]]
    seen += [(each, "once") for each in item["suspected"]["differences"]]
    return [(each["asset"], each["expected"], each["found"], each["difference"], how) for each, how in seen]


def _orders(item: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """Those of our form that nobody sent, and those of others that rest."""
    lost = [*item["orders"], *item["suspected"]["orders"]]
    return [*((each, "nobody's") for each in lost), *((each, "another's") for each in item["external_orders"])]


def _order(order: Mapping[str, Any], whose: str) -> tuple[Any, ...]:
    name = order["client_order_id"] or order["exchange_order_id"]
    return name, order["symbol"], order["side"], order["quantity"], order["filled"], whose
