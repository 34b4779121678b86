"""The strategies that there are, and those that a bot runs. They share the bot's path."""

from collections.abc import Mapping
from typing import Any

from flask_smorest import Blueprint

from api.context import bot_id, controls, name_the_bot, services
from api.inputs import RemoveArgs, StrategyBody
from api.outputs import AvailableStrategyPage, EvaluatedStrategyPage, StrategyAdded, StrategyRemoved
from api.parser import arguments, faults
from api.rows import available_row, evaluated_row, position_row
from strategies import catalogue

blueprint = Blueprint("strategies", __name__, description="What a bot trades by.")
blueprint.url_value_preprocessor(name_the_bot)


@blueprint.route("/strategies/available")
@blueprint.response(200, AvailableStrategyPage)
@blueprint.doc(summary="The strategies that there are", description="With their parameters, defaults and bounds.")
def available() -> dict[str, Any]:
    return {"items": [available_row(spec) for spec in catalogue.available()], "next_cursor": None}


@blueprint.route("/strategies")
@blueprint.response(200, EvaluatedStrategyPage)
@faults(blueprint, 503)
@blueprint.doc(
    summary="The bot's strategies, each with its last evaluation",
    description="The candle, the signal, the indicators, and why nothing was done.",
)
def evaluated() -> dict[str, Any]:
    return {
        "items": [evaluated_row(each) for each in services().queries.last_evaluations(bot_id())],
        "next_cursor": None,
    }


@blueprint.route("/strategy/add", methods=["POST"])
@arguments(blueprint, StrategyBody)
@blueprint.response(201, StrategyAdded)
@faults(blueprint, 400, 409, 413, 415, 503)
@blueprint.doc(summary="Add a strategy", description="It trades from the next candle that closes.")
def add(body: dict[str, Any]) -> dict[str, Any]:
    added = controls().add_strategy(bot_id(), body["strategy_name"], body["symbol"], body["timeframe"], body["params"])
    return {"message": f"{added.name} trades {added.symbol} on {added.timeframe} candles.", "strategy": added}


@blueprint.route("/strategy/remove/<name>/<path:symbol>", methods=["DELETE"])
@arguments(blueprint, RemoveArgs, location="query")
@blueprint.response(200, StrategyRemoved)
@faults(blueprint, 404, 409, 413, 503)
@blueprint.doc(
    summary="Remove a strategy", description="A position that it leaves open stays watched by its stops, if it has any."
)
def remove(args: dict[str, Any], name: str, symbol: str) -> dict[str, Any]:
    removed, position = controls().remove_strategy(bot_id(), name, symbol, args["timeframe"])
    message = f"{removed.name} no longer trades {removed.symbol} on {removed.timeframe} candles."
    if position is None:
        return {"message": message, "strategy": removed, "position": None}
    bot = services().bots.bot(bot_id())
    row = position_row(position, bot, {})
    return {"message": f"{message} {_left_open(row)}", "strategy": removed, "position": row}


def _left_open(position: Mapping[str, Any]) -> str:
    if not position["is_watched"]:
        return "Its open position is kept, and not watched while the bot is stopped."
    if all(position[name] is None for name in ("stop_loss", "take_profit", "trailing_stop")):
        return "Its open position is kept; it has no stops, so only stopping the bot with flatten sells it."
    return "Its open position is kept and stays watched by its stops."
