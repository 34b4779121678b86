"""The simulator as a Flask application."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from simulator import gate
from simulator.accounts import open_accounts
from simulator.context import Venue
from simulator.control import control
from simulator.dialects import DIALECTS, spoken
from simulator.engine import Engine
from simulator.errors import ControlError, Refused
from simulator.faults import Faults
from simulator.market_data import Generator
from simulator.prices import Prices
from simulator.store import Store

LOG = logging.getLogger("simulator")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Only OKX asks for a `passphrase`; where none is given, it is the secret."""

    secret: str
    passphrase: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """`accounts` are keys and what they sign with; each opens with the usual balances unless the folder knows it."""

    data_dir: Path
    seed: int = 7
    accounts: Mapping[str, Credentials] = field(default_factory=lambda: {"demo": Credentials("demo")})


def build_venue(config: Config) -> Venue:
    store = Store(config.data_dir / "simulator.sqlite3")
    for key, given in config.accounts.items():
        open_accounts(store, key, given.secret, given.passphrase)
    prices = Prices(Generator(config.seed))
    for overlay in store.overlays():
        prices.overlays[overlay.symbol] = (*prices.overlays.get(overlay.symbol, ()), overlay)
    return Venue(Engine(store, prices), Faults(config.seed))


class _Json(DefaultJSONProvider):
    sort_keys = False
    compact = True


def create_app(venue: Venue) -> Flask:
    app = Flask("simulator")
    app.json = _Json(app)
    app.extensions["simulator"] = venue
    for blueprint in (*(each for dialect in DIALECTS for each in dialect.blueprints), control):
        app.register_blueprint(blueprint)
    for own in (own for dialect in DIALECTS for own in dialect.worded if own is not Refused):
        app.register_error_handler(own, _worded)
    app.register_error_handler(Refused, _worded)
    app.register_error_handler(ControlError, _control_refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)
    gate.install(app, venue)
    return app


def _worded(error: Exception) -> Response:
    return spoken(request.path).worded[type(error)](error)


def _control_refused(error: ControlError) -> tuple[Response, int]:
    return jsonify({"error": {"field": error.field, "message": error.message}}), 400


def _http_error(error: HTTPException) -> Response:
    return spoken(request.path).unknown(error.code or 500, error.description or error.name)


def _failed(error: Exception) -> Response:
    LOG.error("request_failed", exc_info=error)
    return spoken(request.path).failed()
