"""What a view may ask for: this process's services, built at the first request, and the bot that the path names."""

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from flask import current_app, g

from api.stream import EventHub
from shared.domain.bots import DEFAULT_BOT, Bot
from shared.domain.errors import NotFound
from shared.ports import (
    AccountStandings,
    BotStore,
    Clock,
    EventBus,
    Journal,
    Liveness,
    MarketStore,
    Outbox,
    Queries,
    StateStore,
)
from shared.services.bots import Controls, account_name
from shared.services.orders import Settling
from shared.settings import Settings
from strategies import catalogue

SERVICES = "orchestrator.services"
EVENT_HUB = "orchestrator.event_hub"

T = TypeVar("T")


class ApiServices(Protocol):
    """The part of the services that the API uses: no exchange, no queue."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def bots(self) -> BotStore: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def markets(self) -> MarketStore: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def reconciliations(self) -> AccountStandings: ...
    @property
    def liveness(self) -> Liveness: ...
    @property
    def state(self) -> StateStore: ...
    @property
    def bus(self) -> EventBus: ...


class Lazy(Generic[T]):
    """Builds once, at the first use: a server that loads the app before it forks shares no socket."""

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._built: list[T] = []

    def get(self) -> T:
        with self._lock:
            if not self._built:
                self._built.append(self._build())
            return self._built[0]


def services() -> ApiServices:
    lazy: Lazy[ApiServices] = current_app.extensions[SERVICES]
    return lazy.get()


def event_hub() -> EventHub:
    lazy: Lazy[EventHub] = current_app.extensions[EVENT_HUB]
    return lazy.get()


def controls() -> Controls:
    parts = services()
    return Controls(
        bots=parts.bots,
        journal=parts.journal,
        queries=parts.queries,
        markets=parts.markets,
        state=parts.state,
        clock=parts.clock,
        catalogue=catalogue,
        account=account_name(parts.settings),
        recv_window_ms=parts.settings.recv_window_ms,
        sleep=current_app.config["SLEEP"],
        lacking=parts.settings.lacking,
    )


def settling() -> Settling:
    parts = services()
    return Settling(parts.journal, parts.queries, parts.markets, parts.state, parts.clock)


def name_the_bot(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """For `url_value_preprocessor`: a path without an id is the default bot's."""
    g.bot_id = (values or {}).pop("bot_id", DEFAULT_BOT)


def bot_id() -> str:
    """The bot that the path names."""
    name: str = g.bot_id
    return name


def known_bot() -> Bot:
    bot = services().bots.bot(bot_id())
    if bot is None:
        raise NotFound("the bot has never been started, so it has no books; start it first")
    return bot
