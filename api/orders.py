"""A bot's orders, and the way out of quarantine: what a person found out about one."""

from typing import Any

from flask_smorest import Blueprint

from api.context import bot_id, name_the_bot, services, settling
from api.inputs import FindingBody, OrderArgs
from api.outputs import Order, OrderPage, OrderSettled
from api.parser import arguments, faults
from shared.domain.findings import Finding
from shared.domain.orders import Order as OrderOfRecord
from shared.domain.orders import OrderState
from shared.domain.values import plain
from shared.ports import Page
from shared.services.orders import known_order

blueprint = Blueprint("orders", __name__, description="Orders, one by one; those in quarantine are settled here.")
blueprint.url_value_preprocessor(name_the_bot)


@blueprint.route("/orders")
@arguments(blueprint, OrderArgs, location="query")
@blueprint.response(200, OrderPage)
@faults(blueprint, 422, 503)
@blueprint.doc(summary="Orders", description="`state=live` leaves out those that have ended.")
def orders(args: dict[str, Any]) -> Page[Any]:
    return services().queries.orders(bot_id(), args["limit"], args["cursor"], args["state"] == "live")


@blueprint.route("/orders/<client_order_id>")
@blueprint.response(200, Order)
@faults(blueprint, 404, 503)
@blueprint.doc(summary="One order")
def order(client_order_id: str) -> OrderOfRecord:
    return known_order(services().queries, bot_id(), client_order_id)


@blueprint.route("/orders/<client_order_id>/resolve", methods=["POST"])
@arguments(blueprint, FindingBody)
@blueprint.response(200, OrderSettled)
@faults(blueprint, 400, 404, 409, 413, 415, 503)
@blueprint.doc(
    summary="Settle an order in quarantine",
    description="Say what the venue shows of it. Amounts are sums over the whole order. Repeated, it changes nothing.",
)
def resolve(body: dict[str, Any], client_order_id: str) -> dict[str, Any]:
    settled = settling().settle(bot_id(), client_order_id, Finding(**body))
    return {"message": _message(settled), "order": settled}


def _message(order: OrderOfRecord) -> str:
    if order.state is OrderState.PLANNED:
        return "The order was not placed; it is planned again, and sent within seconds."
    if order.state is OrderState.EXPIRED:
        return f"The order was not placed; it is not sent again: {order.reason}."
    return f"The order is {order.state}, {plain(order.filled)} of {plain(order.quantity)} filled."
