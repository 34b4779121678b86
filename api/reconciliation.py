"""Accounts against their venues: what differs, what is foreign, and a person's word on it."""

from typing import Any

from flask_smorest import Blueprint

from api.context import services
from api.inputs import AcceptBody
from api.outputs import DriftAccepted, Reconciliations
from api.parser import arguments, faults
from api.rows import account_row
from shared.services.reconciliation import accept as accepted

blueprint = Blueprint("reconciliation", __name__, description="An account's books against its exchange's.")


@blueprint.route("")
@blueprint.response(200, Reconciliations)
@faults(blueprint, 503)
@blueprint.doc(
    summary="How each account stands",
    description="`clean`: the books agree. `waiting`: entries wait for the next look. `drift`: entries are refused "
    "until the difference is gone, or accepted. Exits go on in every case.",
)
def standings() -> dict[str, Any]:
    parts = services()
    now = parts.clock.now()
    return {"items": [account_row(each, now) for each in parts.reconciliations.standings()]}


@blueprint.route("/accept", methods=["POST"])
@arguments(blueprint, AcceptBody)
@blueprint.response(200, DriftAccepted)
@faults(blueprint, 400, 404, 409, 413, 415, 503)
@blueprint.doc(
    summary="Accept the present difference",
    description="It becomes part of what the account held to begin with; orders that it names count as foreign. "
    "Entries go again. 409 where nothing differs.",
)
def accept(body: dict[str, Any]) -> dict[str, Any]:
    parts = services()
    account = accepted(parts.reconciliations, body["exchange"], body["account"], body["reason"])
    message = "The difference is accepted; entries go again."
    return {"message": message, "account": account_row(account, parts.clock.now())}
