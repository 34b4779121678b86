"""portfolio, positions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import click

from cli.commands.base import Session, api_command
from cli.commands.output import Column, Fact, Listing, Look, show, sparkline

CURVE_POINTS = 60
UNWATCHED = "the bot is stopped: nobody holds its open positions against their stops"

limit_option = click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="Rows at most.")
cursor_option = click.option("--cursor", metavar="CURSOR", help="Go on where an earlier page ended.")


@api_command("portfolio", ["orchestrator portfolio", "orchestrator portfolio --json | jq -r .equity"])
def portfolio(session: Session) -> None:
    """Cash, holdings, profit and drawdown, marked at the last prices."""
    body = session.api.get("/portfolio")
    if session.as_json:
        session.answer(body, lambda: None)
        return
    curve = session.api.get("/portfolio/equity", limit=CURVE_POINTS)["items"]
    show(_accounts(body, [Decimal(str(mark["equity"])) for mark in reversed(curve)]), heading="portfolio")


@api_command("positions", ["orchestrator positions", "orchestrator positions --all", "orchestrator positions --json"])
@click.option("--all", "is_all", is_flag=True, help="Closed ones too.")
@limit_option
@cursor_option
def positions(session: Session, is_all: bool, limit: int, cursor: str | None) -> None:
    """Open positions with their stops and profit."""
    body = session.api.get("/portfolio/positions", state="all" if is_all else None, limit=limit, cursor=cursor)
    session.answer(body, lambda: show(_positions(body, _names(session))))


def _accounts(body: Mapping[str, Any], curve: Sequence[Decimal]) -> list[Fact]:
    facts = [
        Fact("equity", body.get("equity"), Look.MONEY),
        Fact("initial balance", body.get("initial_balance"), Look.MONEY),
        Fact("realised", body.get("realised"), Look.CHANGE),
        Fact("unrealised", body.get("unrealised"), Look.CHANGE),
        Fact("fees", body.get("fees"), Look.MONEY),
        Fact("cash", body.get("cash"), Look.MONEY),
        Fact("held for orders", body.get("reserved"), Look.MONEY),
        Fact("in positions", body.get("positions_value"), Look.MONEY),
        Fact("drawdown %", body.get("drawdown_pct"), Look.NUMBER),
        Fact("lost today %", body.get("daily_loss_pct"), Look.NUMBER),
    ]
    return [*facts, Fact("curve", sparkline(curve))] if len(curve) > 1 else facts


def _names(session: Session) -> dict[str, str]:
    """Of the active strategies, by id."""
    strategies = session.api.get("/bot/status")["strategies"]
    return {each["id"]: f"{each['name']} {each['timeframe']}" for each in strategies if "id" in each}


def _positions(body: Mapping[str, Any], names: Mapping[str, str]) -> Listing:
    columns = (
        Column("Symbol"),
        Column("Strategy", spare=3),
        Column("State", Look.STATE),
        Column("Quantity", Look.NUMBER),
        Column("Average", Look.MONEY),
        Column("Mark", Look.MONEY, spare=2),
        Column("Unrealised", Look.CHANGE),
        Column("Realised", Look.CHANGE, spare=4),
        Column("Stop", Look.MONEY),
        Column("Target", Look.MONEY, spare=5),
        Column("Opened (UTC)", Look.TIME, spare=1),
    )
    items = [{**item, "strategy": names.get(item.get("strategy_id"), "removed")} for item in body["items"]]
    fields = (
        "symbol strategy state quantity average_price mark_price unrealised realised stop_loss take_profit opened_at"
    )
    shown = listing({**body, "items": items}, columns, fields, "no open positions; `--all` shows closed ones")
    if any(item.get("state") == "open" and item.get("is_watched") is False for item in items):
        return replace(shown, notes=(*shown.notes, UNWATCHED))
    return shown


def listing(
    body: Mapping[str, Any], columns: Sequence[Column], fields: str, empty: str, notes: Sequence[str] = ()
) -> Listing:
    """A page of the API: `fields` name what its columns show of each item."""
    rows = [tuple(item.get(name) for name in fields.split()) for item in body["items"]]
    more = (f"more: --cursor {body['next_cursor']}",) if body.get("next_cursor") else ()
    return Listing(columns, rows, empty=empty, notes=(*notes, *more))
