"""start, stop, pause, resume, reset-errors."""

import time
from collections.abc import Mapping
from typing import Any

import click

from cli.commands.base import Session, api_command
from cli.commands.errors import Unavailable
from cli.commands.output import money

WAIT_STEP_S = 0.5


@api_command("start", ["orchestrator start", "orchestrator start --balance 2500.50", "orchestrator start --json"])
@click.option("--exchange", default="binance", show_default=True, help="Where to trade.")
@click.option("--balance", default="10000", show_default=True, metavar="QUOTE", help="What the bot may spend.")
def start(session: Session, exchange: str, balance: str) -> None:
    """Start the bot, or start it again with its books as they were.

    Repeating it changes nothing. Other values than those of a running bot are refused: stop it first.
    """
    body = session.api.post("/bot/start", {"exchange": exchange, "initial_balance": balance})
    session.answer(body, lambda: _say_state(body))


@api_command("pause", ["orchestrator pause"])
def pause(session: Session) -> None:
    """Stop opening positions; stops and exits go on.

    Once this has answered, nothing is sent that opens or grows a position.
    """
    body = session.api.post("/bot/pause")
    session.answer(body, lambda: _say_state(body))


@api_command("resume", ["orchestrator resume"])
def resume(session: Session) -> None:
    """Trade again from the next candle; those that closed while paused are left alone."""
    body = session.api.post("/bot/resume")
    session.answer(body, lambda: _say_state(body))


@api_command("stop", ["orchestrator stop", "orchestrator stop --flatten", "orchestrator stop --flatten --wait 60"])
@click.option("--flatten", is_flag=True, help="Sell every position. Without it they are kept, and no longer watched.")
@click.option("--wait", "wait_s", type=click.IntRange(1, 3600), metavar="SECONDS", help="Wait until all is sold.")
def stop(session: Session, flatten: bool, wait_s: int | None) -> None:
    """Stop the bot; its positions are kept unless --flatten sells them."""
    body = session.api.post("/bot/stop", {"positions": "flatten"} if flatten else {})
    if wait_s and body.get("state") == "stopping":
        body = _stopped_within(session, wait_s)
    session.answer(body, lambda: _say_stopped(body))


@api_command("reset-errors", ["orchestrator reset-errors"])
def reset_errors(session: Session) -> None:
    """Clear error counts and the circuit breaker; resumes a bot that the system itself paused."""
    body = session.api.post("/bot/reset-errors")
    session.answer(body, lambda: _say_state(body))


def _say_state(body: Mapping[str, Any]) -> None:
    if message := body.get("message"):
        click.echo(message)
    mode = "paper trading" if body.get("paper_trading") else "live trading"
    parts = [str(body.get("state", "stopped")), str(body.get("exchange") or "no exchange yet"), mode]
    if body.get("initial_balance") is not None:
        parts.append(f"{money(body['initial_balance'])} to begin with")
    click.echo(", ".join(parts))
    if body.get("running") and not body.get("active_strategies"):
        click.echo("no strategies yet: orchestrator add MACrossoverStrategy BTC/USDT 1h")


def _say_stopped(body: Mapping[str, Any]) -> None:
    _say_state(body)
    positions = body.get("unwatched_positions") or []
    if positions:
        symbols = ", ".join(str(position.get("symbol")) for position in positions)
        click.echo(f"kept and no longer watched: {symbols}; sell them with `orchestrator stop --flatten`")


def _stopped_within(session: Session, wait_s: int) -> Any:
    deadline = time.monotonic() + wait_s
    while (status := session.api.get("/bot/status"))["state"] == "stopping":
        if time.monotonic() > deadline:
            hint = "it goes on selling; `orchestrator positions` shows what is left"
            raise Unavailable(f"not everything is sold after {wait_s} s", hint)
        time.sleep(WAIT_STEP_S)
    return {**status, "message": "Everything is sold."}
