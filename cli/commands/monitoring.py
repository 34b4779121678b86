"""status, health."""

from collections.abc import Mapping
from typing import Any

import click

from cli.commands.base import Session, api_command
from cli.commands.output import Column, Fact, Listing, Look, duration, show


@api_command("status", ["orchestrator status", "orchestrator status --json | jq .running"])
def status(session: Session) -> None:
    """What the bot is doing, and with which strategies."""
    body = session.api.get("/bot/status")
    session.answer(body, lambda: show(_state(body), _strategies(body), heading=f"bot {body.get('id') or 'default'}"))


@api_command("health", ["orchestrator health", "orchestrator health --json | jq -r .status"])
def health(session: Session) -> None:
    """Healthy, degraded, unhealthy, paused or stopped, and what that was judged by."""
    body = session.api.get("/bot/health")
    session.answer(body, lambda: _show_health(body))


def _state(body: Mapping[str, Any]) -> list[Fact]:
    facts = [
        Fact("state", body.get("state") or _state_of(body), Look.STATE),
        Fact("exchange", body.get("exchange")),
        Fact("mode", "paper trading" if body.get("paper_trading") else "live trading"),
        Fact("initial balance", body.get("initial_balance"), Look.MONEY),
    ]
    if body.get("pause_reason"):
        facts.insert(1, Fact("because", body["pause_reason"]))
    return facts


def _state_of(body: Mapping[str, Any]) -> str:
    return "paused" if body.get("paused") else "running" if body.get("running") else "stopped"


def _strategies(body: Mapping[str, Any]) -> Listing:
    columns = (Column("Strategy"), Column("Symbol"), Column("TF"), Column("Parameters"))
    rows = [(s["name"], s["symbol"], s["timeframe"], _set(s.get("params") or {})) for s in body["strategies"]]
    first = "no strategies: orchestrator add MACrossoverStrategy BTC/USDT 1h"
    return Listing(columns, rows, empty=first if body.get("exchange") else "never started: orchestrator start")


def _set(params: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items() if value is not None)


def _show_health(body: Mapping[str, Any]) -> None:
    since = body.get("time_since_update_seconds")
    facts = [
        Fact("status", body["status"], Look.STATE),
        Fact("last update", body.get("last_successful_update"), Look.TIME),
        Fact("that long ago", None if since is None else duration(since)),
        Fact("errors in a row", body.get("consecutive_errors")),
        Fact("circuit breaker", body.get("circuit_breaker_state"), Look.STATE),
        *(Fact("because", reason) for reason in body.get("reasons") or ()),
    ]
    counts = sorted((body.get("error_counts") or {}).items(), key=lambda pair: -pair[1])
    columns = (Column("Error in the last hour"), Column("Count", Look.NUMBER))
    show(facts, Listing(columns, counts, empty="no errors in the last hour"), heading="health")
    if body.get("consecutive_errors"):
        click.echo("once its cause is mended: orchestrator reset-errors")
