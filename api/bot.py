"""The calls that start, stop and look at one bot. Registered once per way of naming it: see `api.app`."""

from typing import Any

from flask_smorest import Blueprint

from api.context import bot_id, controls, name_the_bot, services
from api.inputs import StartBody, StopBody
from api.outputs import Control, Health, Status, Stopped
from api.parser import arguments, faults
from api.rows import health_row, position_row, status_row
from shared.domain.bots import Bot
from shared.services.bots import Changed, account_name
from shared.services.queries import bot_health

blueprint = Blueprint("bot", __name__, description="Start, pause, resume and stop; status and health.")


blueprint.url_value_preprocessor(name_the_bot)


@blueprint.route("/start", methods=["POST"])
@arguments(blueprint, StartBody)
@blueprint.response(200, Control)
@faults(blueprint, 400, 409, 413, 415, 503)
@blueprint.doc(summary="Start trading", description="Repeated with the same values it changes nothing.")
def start(body: dict[str, Any]) -> dict[str, Any]:
    changed = controls().start(bot_id(), body["exchange"], body["initial_balance"])
    return _answer(changed, "The bot is running.", "The bot was running already.")


@blueprint.route("/stop", methods=["POST"])
@arguments(blueprint, StopBody, is_required=False)
@blueprint.response(200, Stopped)
@faults(blueprint, 400, 413, 415, 503)
@blueprint.doc(
    summary="Stop trading",
    description="Once answered, no order that opens or grows a position is sent. Without a body, positions are kept.",
)
def stop(body: dict[str, Any]) -> dict[str, Any]:
    changed = controls().stop(bot_id(), body["positions"])
    bot = changed.bot
    rows = [position_row(each, bot, {}) for each in changed.positions]
    is_selling = bot is not None and bot.is_stopping
    message = _stop_message(len(rows), is_selling)
    answer = _answer(changed, message, message if rows else "The bot was stopped already.")
    return answer | {
        "unwatched_positions": [] if is_selling else rows,
        "selling_positions": rows if is_selling else [],
    }


@blueprint.route("/pause", methods=["POST"])
@blueprint.response(200, Control)
@faults(blueprint, 409, 413, 503)
@blueprint.doc(
    summary="Pause entries",
    description="Once answered, no order that opens or grows a position is sent. Stops and exits go on.",
)
def pause() -> dict[str, Any]:
    changed = controls().pause(bot_id())
    return _answer(changed, "The bot is paused; open positions stay watched.", "The bot was paused already.")


@blueprint.route("/resume", methods=["POST"])
@blueprint.response(200, Control)
@faults(blueprint, 409, 413, 503)
@blueprint.doc(
    summary="Resume", description="It trades from the next candle on, never on one that closed while paused."
)
def resume() -> dict[str, Any]:
    changed = controls().resume(bot_id())
    return _answer(changed, "The bot is running.", "The bot was running already.")


@blueprint.route("/reset-errors", methods=["POST"])
@blueprint.response(200, Control)
@faults(blueprint, 413, 503)
@blueprint.doc(
    summary="Clear error counts and circuit breakers", description="Resumes the bot where the system had paused it."
)
def reset_errors() -> dict[str, Any]:
    changed = controls().reset_errors(bot_id())
    return _answer(changed, "Errors are cleared and the bot is running again.", "Errors are cleared.")


@blueprint.route("/status")
@blueprint.response(200, Status)
@faults(blueprint, 503)
@blueprint.doc(summary="What the bot is and runs")
def status() -> dict[str, Any]:
    return _status(services().bots.bot(bot_id()))


@blueprint.route("/health")
@blueprint.response(200, Health)
@faults(blueprint, 503)
@blueprint.doc(summary="How the bot fares", description="stopped, paused, unhealthy, degraded or healthy, and why.")
def health() -> dict[str, Any]:
    parts = services()
    bot = parts.bots.bot(bot_id())
    return health_row(
        bot_health(bot, parts.queries, parts.reconciliations, parts.state, parts.clock, account_name(parts.settings))
    )


def _status(bot: Bot | None) -> dict[str, Any]:
    strategies = services().bots.strategies(bot.id) if bot else []
    return status_row(bot_id(), bot, strategies, services().settings.paper_trading)


def _answer(changed: Changed, done: str, already: str) -> dict[str, Any]:
    return _status(changed.bot) | {"message": done if changed.is_new else already, "changed": changed.is_new}


def _stop_message(positions: int, is_selling: bool) -> str:
    if not positions:
        return "The bot is stopped."
    if is_selling:
        return f"The bot opens nothing more and sells its positions ({positions}); it is stopped once they are sold."
    return f"The bot is stopped. Positions kept, and no longer watched: {positions}."
