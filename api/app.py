"""The Flask app. `create_app()` reads the settings and connects to nothing: see `api.context.Lazy`."""

import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint

from api import bot, errors, events, orders, portfolio, reconciliation, strategies, system
from api.context import EVENT_HUB, SERVICES, ApiServices, Lazy
from api.outputs import ErrorAnswer
from api.stream import EventHub
from shared.bootstrap import build_services
from shared.settings import load_settings

CONFIG: Mapping[str, Any] = {
    "API_TITLE": "Bot Orchestrator",
    "API_VERSION": "1.0",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "MAX_CONTENT_LENGTH": 64 * 1024,
    "STREAMS_MAX": 60,
    "STREAM_QUEUE": 1000,
    "STREAM_HEARTBEAT_S": 10.0,
    "STREAM_BLOCK_MS": 1000,
    "STREAM_RETRY_S": 1.0,
    "SLEEP": time.sleep,
}
# The validator badge would ask a server on the internet.
SWAGGER_UI = {"app_name": "Bot Orchestrator API", "layout": "BaseLayout", "validatorUrl": None}
BOT = "/api/v1/bot"


class RestApi(Api):
    """flask-smorest's documentation with this project's errors."""

    ERROR_SCHEMA = ErrorAnswer

    def _register_error_handlers(self) -> None:
        errors.install(self._app)


def create_app(services: ApiServices | None = None, config: Mapping[str, Any] | None = None) -> Flask:
    """For a server: `gunicorn "api.app:create_app()"`. Raises SettingsError. A test hands in its services."""
    settings = services.settings if services else load_settings()
    if services is None:
        # Thrown away: it connects to nothing, and a missing address is to stop the start, not the first request.
        build_services(settings)
    app = Flask("api", static_folder=None)
    app.config.from_mapping(CONFIG)
    app.config.from_mapping(config or {})
    # Answers keep the order of their schemas: what matters comes first.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # A trailing slash is no other resource.
    app.url_map.strict_slashes = False
    app.extensions[SERVICES] = Lazy(lambda: services or build_services(settings))
    app.extensions[EVENT_HUB] = Lazy(lambda: _event_hub(app))
    app.before_request(errors.refuse_large_bodies)
    app.before_request(lambda: errors.refuse_foreign_pages(settings.cors_origins))
    _allow_origins(app, settings.cors_origins)
    _register(RestApi(app))
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json", config=SWAGGER_UI))
    return app


def _register(api: Api) -> None:
    """The bot's blueprints name their bot by the path: with `<bot_id>` in the prefix the same ones serve any bot."""
    api.register_blueprint(bot.blueprint, url_prefix=BOT)
    api.register_blueprint(strategies.blueprint, url_prefix=BOT)
    api.register_blueprint(orders.blueprint, url_prefix=BOT)
    api.register_blueprint(portfolio.blueprint, url_prefix="/api/v1/portfolio")
    api.register_blueprint(reconciliation.blueprint, url_prefix="/api/v1/reconciliation")
    api.register_blueprint(events.blueprint, url_prefix="/api/v1/events")
    api.register_blueprint(system.blueprint)


def _event_hub(app: Flask) -> EventHub:
    parts: ApiServices = app.extensions[SERVICES].get()
    return EventHub(
        bus=parts.bus,
        outbox=parts.outbox,
        max_streams=app.config["STREAMS_MAX"],
        queue_size=app.config["STREAM_QUEUE"],
        block_ms=app.config["STREAM_BLOCK_MS"],
        retry_s=app.config["STREAM_RETRY_S"],
    )


def _allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """CORS for the named origins, and for none where the setting is empty. Never `*`, never with credentials."""

    @app.after_request
    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        if not origins:
            return response
        response.headers.add("Vary", "Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type, Last-Event-ID"
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        return response
