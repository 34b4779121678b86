"""The simulator as a Flask application."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, g, jsonify
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException

from simulator import gate
from simulator.context import Venue
from simulator.control import OPENING, control
from simulator.engine import Engine
from simulator.errors import ControlError, VenueError
from simulator.faults import Faults
from simulator.market_data import Generator
from simulator.prices import Prices
from simulator.spot_market import market
from simulator.spot_trading import trading
from simulator.store import Store

LOG = logging.getLogger("simulator")


@dataclass(frozen=True, slots=True)
class Config:
    """`accounts` are keys and their secrets; each opens with the usual balances unless the data folder knows it."""

    data_dir: Path
    seed: int = 7
    accounts: Mapping[str, str] = field(default_factory=lambda: {"demo": "demo"})


def build_venue(config: Config) -> Venue:
    store = Store(config.data_dir / "simulator.sqlite3")
    for key, secret in config.accounts.items():
        store.register(key, secret, OPENING if store.secret(key) is None else None)
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
    for blueprint in (market, trading, control):
        app.register_blueprint(blueprint)
    app.register_error_handler(VenueError, _refused)
    app.register_error_handler(ControlError, _control_refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)
    gate.install(app, venue)
    return app


def _refused(error: VenueError) -> tuple[Response, int]:
    response = jsonify({"code": error.code, "msg": error.msg})
    if "retry_after" in g:
        response.headers["Retry-After"] = f"{g.retry_after:.3f}".rstrip("0").rstrip(".")
    return response, error.status


def _control_refused(error: ControlError) -> tuple[Response, int]:
    return jsonify({"error": {"field": error.field, "message": error.message}}), 400


def _http_error(error: HTTPException) -> tuple[Response, int]:
    return jsonify({"code": -1, "msg": error.description or error.name}), error.code or 500


def _failed(error: Exception) -> tuple[Response, int]:
    LOG.error("request_failed", exc_info=error)
    return jsonify({"code": -1000, "msg": "An unknown error occurred while processing the request."}), 500
