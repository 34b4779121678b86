"""Bot lifecycle: desired state is the user's, observed state is the system's; one table, one `applied`.

    start  stopped → running     pause  running → paused     resume  paused → running     stop  any → stopped

A call repeated changes nothing and is no error. What contradicts the state is a Conflict that says what to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.candles import Timeframe
from shared.domain.errors import Conflict
from shared.domain.positions import Protection
from shared.domain.values import ZERO

Params = Mapping[str, float | str | None]

DEFAULT_BOT = "default"


class Desired(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class PausedBy(StrEnum):
    USER = "user"
    SYSTEM = "system"


class OnStop(StrEnum):
    """What becomes of open positions: kept, and no longer watched, or sold."""

    KEEP = "keep"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class Bot:
    """`run` counts starts and is part of every decision's key. `version` rises with each change.

    A candle that closed at or before `trades_from` (exchange time) is never traded: set by start and resume.
    `is_stopping`: a flatten is under way; cleared once the bot is flat.
    """

    id: str
    exchange: str
    account: str
    quote: str
    initial_balance: Decimal
    desired: Desired
    trades_from: datetime
    created_at: datetime
    updated_at: datetime
    run: int = 1
    version: int = 1
    is_stopping: bool = False
    paused_by: PausedBy | None = None
    pause_reason: str = ""

    @property
    def may_enter(self) -> bool:
        return self.desired is Desired.RUNNING

    @property
    def is_watched(self) -> bool:
        """Its positions are held against their stops."""
        return self.desired is not Desired.STOPPED or self.is_stopping

    @property
    def observed(self) -> str:
        return "stopping" if self.is_stopping else self.desired.value


@dataclass(frozen=True, slots=True)
class Subscription:
    """One strategy of one bot on one market. (name, symbol, timeframe) is unique in a bot.

    `params` are validated and complete; `group` is a hash of what its signals depend on (name and parameters without
    the stops): subscriptions of one market and group share one evaluation. A candle that closed at or before
    `active_from` is never traded.
    """

    id: str
    bot_id: str
    name: str
    symbol: str
    timeframe: Timeframe
    active_from: datetime
    created_at: datetime
    params: Params = field(default_factory=dict)
    group: str = ""
    removed_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.removed_at is None

    @property
    def protection(self) -> Protection:
        return Protection(
            _fraction(self.params.get("stop_loss_pct")),
            _fraction(self.params.get("take_profit_pct")),
            _fraction(self.params.get("trailing_stop_pct")),
        )


def _fraction(pct: float | str | None) -> Decimal | None:
    return None if pct is None else Decimal(str(pct)) / 100


def started(  # noqa: PLR0913  # keyword-only: each is named where it is called
    bot: Bot | None,
    *,
    bot_id: str,
    exchange: str,
    account: str,
    quote: str,
    initial_balance: Decimal,
    now: datetime,
) -> Bot:
    """The bot after `start`; `now` is exchange time. A stopped bot keeps its books and runs on."""
    if bot is None:
        return Bot(bot_id, exchange, account, quote, initial_balance, Desired.RUNNING, now, now, now)
    if bot.is_stopping:
        raise Conflict("the bot is still selling its positions; start it once its status says stopped")
    if bot.desired is Desired.PAUSED:
        raise Conflict("the bot is paused; resume it, or stop it first")
    if bot.desired is Desired.RUNNING:
        if (bot.exchange, bot.initial_balance) != (exchange, initial_balance):
            raise Conflict("the bot is running with other parameters; stop it first")
        return bot
    return _changed(
        bot,
        now,
        exchange=exchange,
        account=account,
        quote=quote,
        initial_balance=initial_balance,
        desired=Desired.RUNNING,
        run=bot.run + 1,
        trades_from=now,
        paused_by=None,
        pause_reason="",
    )


def paused(bot: Bot, by: PausedBy, reason: str, now: datetime) -> Bot:
    """After `pause`. A user's pause takes over one of the system's; never the other way round."""
    if bot.desired is Desired.STOPPED:
        raise Conflict("the bot is not running; start it first")
    if bot.desired is Desired.PAUSED and (bot.paused_by is PausedBy.USER or by is PausedBy.SYSTEM):
        return bot
    return _changed(bot, now, desired=Desired.PAUSED, paused_by=by, pause_reason=reason)


def resumed(bot: Bot, now: datetime) -> Bot:
    """After `resume`: trades from the next candle, never on one that closed while paused. `now` is exchange time."""
    if bot.desired is Desired.STOPPED:
        raise Conflict("the bot is not running; start it first")
    if bot.desired is Desired.RUNNING:
        return bot
    return _changed(bot, now, desired=Desired.RUNNING, paused_by=None, pause_reason="", trades_from=now)


def stopped(bot: Bot, positions: OnStop | None, holds: bool, now: datetime) -> Bot:
    """After `stop`; `holds` says whether it has open positions. Flatten works in every state.

    `positions` None is a plain stop: it keeps them, and does not call off a flatten that is under way.
    """
    is_stopping = holds and (positions is OnStop.FLATTEN or (positions is None and bot.is_stopping))
    if bot.desired is Desired.STOPPED and is_stopping == bot.is_stopping:
        return bot
    return _changed(bot, now, desired=Desired.STOPPED, is_stopping=is_stopping, paused_by=None, pause_reason="")


def flattened(bot: Bot, now: datetime) -> Bot:
    """Once the last position of a stopping bot is confirmed sold."""
    return _changed(bot, now, is_stopping=False) if bot.is_stopping else bot


def capital_change(before: Bot | None, after: Bot) -> Decimal:
    """Quote paid in (or out, negative) by a start: a new initial balance moves the difference, profits stay."""
    return after.initial_balance - (before.initial_balance if before else ZERO)


def _changed(bot: Bot, now: datetime, **fields: object) -> Bot:
    return replace(bot, version=bot.version + 1, updated_at=now, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, order=True)
class MarketKey:
    """One series of candles, shared by every subscription on it."""

    exchange: str
    symbol: str
    timeframe: Timeframe


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A subscription that is evaluated: its bot runs, or is paused (its exits go on)."""

    market: MarketKey
    run: int
    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is to be evaluated. `version` rises in the transaction of every change that could alter it."""

    version: int
    entries: tuple[RosterEntry, ...] = ()

    def by_market(self) -> dict[MarketKey, list[RosterEntry]]:
        markets: dict[MarketKey, list[RosterEntry]] = {}
        for entry in self.entries:
            markets.setdefault(entry.market, []).append(entry)
        return markets
