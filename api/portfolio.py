"""A bot's money: its portfolio now, and its positions, orders, fills and equity, newest first."""

from typing import Any

from flask_smorest import Blueprint

from api.context import bot_id, known_bot, name_the_bot, services
from api.inputs import ListArgs, PositionArgs
from api.outputs import EquityPage, FillPage, OrderPage, Portfolio, PositionPage
from api.parser import arguments, faults
from api.rows import position_row
from shared.domain.errors import NotFound
from shared.ports import Page
from shared.services.queries import portfolio as portfolio_of

IS_OPEN = {"open": True, "closed": False, "all": None}

blueprint = Blueprint("portfolio", __name__, description="Positions, orders, fills and equity.")
blueprint.url_value_preprocessor(name_the_bot)


@blueprint.route("")
@blueprint.response(200, Portfolio)
@faults(blueprint, 404, 503)
@blueprint.doc(summary="The portfolio at the newest prices")
def overview() -> Any:
    parts = services()
    found = portfolio_of(known_bot(), parts.queries, parts.state, parts.clock)
    if found is None:
        raise NotFound("the bot has no books yet; start it first")
    return found


@blueprint.route("/positions")
@arguments(blueprint, PositionArgs, location="query")
@blueprint.response(200, PositionPage)
@faults(blueprint, 422, 503)
@blueprint.doc(summary="Positions", description="The open ones unless `state` says otherwise.")
def positions(args: dict[str, Any]) -> dict[str, Any]:
    parts = services()
    bot = parts.bots.bot(bot_id())
    page = parts.queries.positions(bot_id(), IS_OPEN[args["state"]], args["limit"], args["cursor"])
    marks = parts.state.marks(bot.exchange) if bot and page.items else {}
    return {"items": [position_row(each, bot, marks) for each in page.items], "next_cursor": page.next_cursor}


@blueprint.route("/orders")
@arguments(blueprint, ListArgs, location="query")
@blueprint.response(200, OrderPage)
@faults(blueprint, 422, 503)
@blueprint.doc(summary="Orders", description="Each with its state, and the reason for it.")
def orders(args: dict[str, Any]) -> Page[Any]:
    return services().queries.orders(bot_id(), args["limit"], args["cursor"])


@blueprint.route("/fills")
@arguments(blueprint, ListArgs, location="query")
@blueprint.response(200, FillPage)
@faults(blueprint, 422, 503)
@blueprint.doc(summary="Fills", description="Each trade of the venue.")
def fills(args: dict[str, Any]) -> Page[Any]:
    return services().queries.fills(bot_id(), args["limit"], args["cursor"])


@blueprint.route("/equity")
@arguments(blueprint, ListArgs, location="query")
@blueprint.response(200, EquityPage)
@faults(blueprint, 422, 503)
@blueprint.doc(summary="The equity curve")
def equity(args: dict[str, Any]) -> Page[Any]:
    return services().queries.equity(bot_id(), args["limit"], args["cursor"])
