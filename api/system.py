"""Whether this process lives, whether the system is ready, and where the documentation is."""

from collections.abc import Callable
from typing import Any

from flask import Response, redirect
from flask_smorest import Blueprint
from werkzeug.wrappers import Response as AnyResponse

from api.context import services
from api.errors import answer
from api.outputs import Alive, Ready
from api.parser import faults
from shared.domain.errors import Unavailable
from shared.domain.liveness import living_workers

COMPONENTS = ("beat", "worker")

blueprint = Blueprint("system", __name__, description="Liveness and readiness.")


@blueprint.route("/")
@blueprint.doc(summary="To the documentation", responses={"302": {"description": "See /docs"}})
def index() -> AnyResponse:
    return redirect("/docs")


@blueprint.route("/healthz")
@blueprint.response(200, Alive)
@blueprint.doc(summary="This process answers")
def healthz() -> dict[str, Any]:
    return {"status": "ok"}


@blueprint.route("/readyz")
@blueprint.response(200, Ready)
@faults(blueprint, 503)
@blueprint.doc(
    summary="Everything that trading needs is there",
    description="Redis, Postgres, a beat that publishes, and a worker that executes ticks. The exchange is not asked.",
)
def readyz() -> dict[str, Any] | Response:
    missing = _missing()
    if missing:
        errors = {name: [reason] for name, reason in missing.items()}
        return answer(503, f"Not ready: {', '.join(missing)}.", errors, hint="Look at the log of what is missing.")
    return {"status": "ready", "checks": dict.fromkeys(("postgres", "redis", *COMPONENTS), "ok")}


def _missing() -> dict[str, str]:
    """What is away, and why. What a store that is away would know of the components is not guessed."""
    parts = services()
    workers: list[str] = []
    beats: list[str] = []
    missing = _away("postgres", lambda: workers.extend(living_workers(parts.liveness.ticks())))
    missing |= _away("redis", lambda: beats.extend(parts.state.alive("beat")))
    if "redis" not in missing and not beats:
        missing["beat"] = "no sign of life"
    # Without Redis no tick reaches a worker: that says nothing of it.
    if not missing.keys() & {"redis", "postgres"} and not workers:
        missing["worker"] = "no tick was executed lately"
    return missing


def _away(name: str, ask: Callable[[], object]) -> dict[str, str]:
    try:
        ask()
    except Unavailable as error:
        return {name: str(error) or "no answer"}
    return {}
