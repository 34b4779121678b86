"""strategies, add, remove."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cli.commands.base import Session, api_command
from cli.commands.client import segment
from cli.commands.output import NONE, Column, Fact, Listing, Look, show

STOPS = ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct")


@api_command(
    "strategies",
    [
        "orchestrator strategies",
        "orchestrator strategies --available",
        "orchestrator strategies --json | jq .items",
    ],
)
@click.option("--available", is_flag=True, help="The catalogue: what can be added, with parameters and bounds.")
def strategies(session: Session, available: bool) -> None:
    """The active strategies, each with its last evaluation and why nothing was done."""
    if available:
        catalogue = session.api.get("/bot/strategies/available")
        session.answer(catalogue, lambda: _show_catalogue(_items(catalogue)))
        return
    body = session.api.get("/bot/strategies")
    session.answer(body, lambda: show(_active(_items(body))))


@api_command(
    "add",
    [
        "orchestrator add MACrossoverStrategy BTC/USDT 1h",
        "orchestrator add MACrossoverStrategy BTC/USDT 1h -p fast_period=10 -p slow_period=30",
        "orchestrator add RSIStrategy ETH/USDT 4h --stop-loss 2 --take-profit 5",
    ],
)
@click.argument("name")
@click.argument("symbol")
@click.argument("timeframe")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; repeatable.")
@click.option("--stop-loss", "stop_loss_pct", type=float, metavar="PCT", help="Sell this far below the entry.")
@click.option("--take-profit", "take_profit_pct", type=float, metavar="PCT", help="Sell this far above the entry.")
@click.option(
    "--trailing-stop", "trailing_stop_pct", type=float, metavar="PCT", help="Sell this far below the highest."
)
def add(session: Session, name: str, symbol: str, timeframe: str, params: Sequence[str], **stops: float | None) -> None:
    """Add strategy NAME on SYMBOL and TIMEFRAME (1s 1m 5m 15m 1h 4h 1d …).

    `orchestrator strategies --available` lists names and parameters. A stop here is one of the strategy's parameters.
    """
    given = parsed_params([*params, *(f"{name}={value}" for name, value in stops.items() if value is not None)])
    request = {"strategy_name": name, "symbol": symbol, "timeframe": timeframe, "params": given}
    body = session.api.post("/bot/strategy/add", request)
    session.answer(body, lambda: click.echo(f"added {name} on {symbol} {timeframe}; it starts with the next candle"))


@api_command(
    "remove",
    ["orchestrator remove MACrossoverStrategy BTC/USDT", "orchestrator remove RSIStrategy ETH/USDT --timeframe 4h"],
)
@click.argument("name")
@click.argument("symbol")
@click.option("--timeframe", metavar="TF", help="Needed where the strategy runs on several.")
def remove(session: Session, name: str, symbol: str, timeframe: str | None) -> None:
    """Remove strategy NAME on SYMBOL; a position that it holds stays watched."""
    body = session.api.delete(f"/bot/strategy/remove/{segment(name)}/{segment(symbol)}", timeframe=timeframe)
    session.answer(body, lambda: _say_removed(name, symbol, body))


def parsed_params(given: Sequence[str]) -> dict[str, int | float | str]:
    """`["fast_period=10", "ma_type=ema"]` as a mapping, numbers as numbers."""
    params: dict[str, int | float | str] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not (name and equals and text):
            raise click.BadParameter(f"{item!r} is not NAME=VALUE, such as -p fast_period=10", param_hint="--param")
        if name.strip() in params:
            raise click.BadParameter(f"{name.strip()} is given twice", param_hint="--param")
        params[name.strip()] = _number_or_text(text.strip())
    return params


def _number_or_text(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _items(body: Any) -> list[Mapping[str, Any]]:
    return list(body.get("items", body.get("strategies", []))) if isinstance(body, Mapping) else list(body)


def _say_removed(name: str, symbol: str, body: Mapping[str, Any] | None) -> None:
    """The API's sentence, which says too what becomes of an open position."""
    click.echo((body or {}).get("message") or f"removed {name} on {symbol}")


def _active(items: Sequence[Mapping[str, Any]]) -> Listing:
    columns = (
        Column("Strategy"),
        Column("Symbol"),
        Column("TF"),
        Column("Candle (UTC)", Look.TIME, spare=1),
        Column("Signal", Look.STATE),
        Column("Why"),
    )
    rows = [(item["name"], item["symbol"], item["timeframe"], *_last_look(item)) for item in items]
    return Listing(columns, rows, empty="no strategies: orchestrator add MACrossoverStrategy BTC/USDT 1h")


def _last_look(item: Mapping[str, Any]) -> tuple[object, object, object]:
    evaluation = item.get("last_evaluation")
    if not evaluation:
        return None, None, "waiting for the next candle to close"
    decision, reason = item.get("last_decision") or {}, evaluation.get("reason")
    if decision.get("outcome") and decision.get("candle_open") == evaluation.get("candle_open"):
        reason = f"{reason}: {decision['outcome']}"
    return evaluation.get("candle_open"), evaluation.get("signal"), reason


def _show_catalogue(items: Sequence[Mapping[str, Any]]) -> None:
    for item in items:
        facts = [
            Fact("name", item["name"]),
            Fact("", item.get("description")),
            Fact("buys", item.get("buy")),
            Fact("sells", item.get("sell")),
        ]
        own = [parameter for parameter in item.get("parameters", []) if parameter["name"] not in STOPS]
        show(facts, _parameters(own), heading=str(item.get("title") or item["name"]))
        click.echo()
    click.echo(f"Each also takes {', '.join(STOPS)}.")


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> Listing:
    columns = (Column("Parameter"), Column("Default", Look.NUMBER), Column("Allowed"), Column("Meaning"))
    rows = [(p["name"], p.get("default"), _bounds(p), p.get("description")) for p in parameters]
    return Listing(columns, rows, empty="no parameters")


def _bounds(parameter: Mapping[str, Any]) -> str:
    if choices := parameter.get("choices"):
        return " | ".join(str(choice) for choice in choices)
    low, high = parameter.get("minimum"), parameter.get("maximum")
    if low is None and high is None:
        return NONE
    return f"{'' if low is None else low} … {'' if high is None else high}".strip()
