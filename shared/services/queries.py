"""What people look at: a bot's portfolio at the newest marks, and its health with the reasons for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from shared.domain import health
from shared.domain.bots import Bot, PausedBy
from shared.domain.exchanges import account_on
from shared.domain.health import NO_DOUBTS, BreakerState, Doubts, HealthStatus, Vitals
from shared.domain.orders import Order
from shared.domain.portfolio import Account, equity_mark
from shared.domain.positions import Position, PositionState
from shared.domain.reconciling import AccountKey
from shared.domain.values import ZERO
from shared.ports import AccountStanding, AccountStandings, Clock, Page, Queries, StateStore
from shared.services.exchange_time import exchange_now
from shared.services.reconciliation import Standing, account_of, standing_of

PAGE = 500
LISTED = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A bot's money in quote. What depends on a price is None while a held symbol has none (`unpriced`).

    `positions` counts the open ones; dust, below what the venue sells, is in their value all the same.
    """

    bot_id: str
    exchange: str
    quote: str
    initial_balance: Decimal
    cash: Decimal
    reserved: Decimal
    free_cash: Decimal
    realised: Decimal
    fees: Decimal
    peak_equity: Decimal
    day: date
    at: datetime
    positions: int
    unpriced: tuple[str, ...]
    positions_value: Decimal | None = None
    unrealised: Decimal | None = None
    equity: Decimal | None = None
    drawdown_frac: Decimal | None = None
    day_start_equity: Decimal | None = None
    day_pnl: Decimal | None = None
    daily_loss_frac: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """`status` by its precedence; `reasons` are sentences, empty where all is well."""

    status: HealthStatus
    vitals: Vitals
    since_update_s: float | None
    reasons: tuple[str, ...]


def open_positions(queries: Queries, bot_id: str) -> list[Position]:
    """All of them, newest first."""
    return _all(lambda cursor: queries.positions(bot_id, True, PAGE, cursor))


def live_orders(queries: Queries, bot_id: str) -> list[Order]:
    """Every order without an end, oldest first."""
    return _all(lambda cursor: queries.orders(bot_id, PAGE, cursor, is_live=True))[::-1]


def _all(page_after: Callable[[str | None], Page[T]]) -> list[T]:
    found: list[T] = []
    cursor: str | None = None
    while True:
        page = page_after(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def portfolio(bot: Bot, queries: Queries, state: StateStore, clock: Clock) -> Portfolio | None:
    """The bot's books at the newest marks; None where it has none yet."""
    holdings = queries.holdings(bot.id)
    if holdings is None:
        return None
    account, held = holdings
    marks = state.marks(bot.exchange) if held else {}
    return valued(bot, account, held, marks, exchange_now(clock, state, bot.exchange))


def valued(bot: Bot, account: Account, held: list[Position], marks: Mapping[str, Decimal], at: datetime) -> Portfolio:
    """The portfolio at `marks`; `at` is exchange time."""
    books = Portfolio(
        bot_id=bot.id,
        exchange=bot.exchange,
        quote=bot.quote,
        initial_balance=account.initial_balance,
        cash=account.cash,
        reserved=account.reserved,
        free_cash=account.free_cash,
        realised=account.realised,
        fees=account.fees,
        peak_equity=account.peak_equity,
        day=at.date(),
        at=at,
        positions=sum(each.state is PositionState.OPEN for each in held),
        unpriced=tuple(sorted({each.symbol for each in held} - marks.keys())),
    )
    if books.unpriced:
        return books
    mark = equity_mark(account, held, marks, at)
    lost = max(mark.day_start_equity - mark.equity, ZERO)
    return replace(
        books,
        peak_equity=mark.peak_equity,
        positions_value=mark.positions_value,
        unrealised=mark.unrealised,
        equity=mark.equity,
        drawdown_frac=mark.drawdown_frac,
        day_start_equity=mark.day_start_equity,
        day_pnl=mark.equity - mark.day_start_equity,
        daily_loss_frac=lost / mark.day_start_equity if mark.day_start_equity > 0 else ZERO,
    )


def bot_health(
    bot: Bot | None, queries: Queries, accounts: AccountStandings, state: StateStore, clock: Clock, mode: str
) -> Health:
    """A bot that was never started is stopped, and no store is asked. `mode`: PAPER or LIVE, as this system trades."""
    if bot is None:
        return Health(HealthStatus.STOPPED, Vitals(), None, ("the bot has never been started",))
    now = exchange_now(clock, state, bot.exchange)
    if bot.account != account_on(bot.exchange, mode):
        return replace(judged(bot, state.vitals(bot.exchange, now), now), reasons=(_of_another_account(bot, mode),))
    found = health.doubts(live_orders(queries, bot.id), now)
    account = account_of(accounts, AccountKey(bot.exchange, bot.account))
    if account is None:
        return judged(bot, state.vitals(bot.exchange, now), now, found)
    standing = standing_of(account, clock.now())
    found = replace(found, has_drift=standing is Standing.DRIFT)
    judgement = judged(bot, state.vitals(bot.exchange, now), now, found)
    return replace(judgement, reasons=(*judgement.reasons, *_account_reasons(account, standing)))


def _of_another_account(bot: Bot, mode: str) -> str:
    return (
        f"its books belong to the account {bot.account!r}, and this system trades {mode}: nothing of it is watched, "
        "bought or sold until it is started with the settings that it had"
    )


def judged(bot: Bot, vitals: Vitals, now: datetime, found: Doubts = NO_DOUBTS) -> Health:
    # A worker's clock may run a little ahead of ours: an update is never in the future.
    last = vitals.last_success_at
    since = None if last is None else max((now - last).total_seconds(), 0.0)
    status = health.status(bot, vitals, now, found)
    return Health(status, vitals, since, (*_reasons(bot, status, vitals, since), *_doubts(found)))


def _doubts(found: Doubts) -> list[str]:
    reasons: list[str] = []
    if found.quarantined:
        reasons.append(
            f"{_counted(found.quarantined)} in quarantine, so nothing is bought: look at the exchange, "
            f"then `orchestrator orders resolve`: {_listed(found.quarantined)}"
        )
    if found.unresolved:
        reasons.append(f"{_counted(found.unresolved)} without an answer for a minute: {_listed(found.unresolved)}")
    return reasons


def _account_reasons(account: AccountStanding, standing: Standing) -> list[str]:
    row = account.reconciliation
    if standing is Standing.DRIFT:
        named = [*sorted(row.confirmed.assets), *(f"order {each.client_order_id}" for each in row.confirmed.strays)]
        return [f"the account's books differ from the exchange's, so nothing is bought: {_listed(named)}"]
    if standing is Standing.WAITING:
        return ["waiting for reconciliation, entries wait with it" + (f": {row.why}" if row.why else "")]
    return []


def _counted(ids: Sequence[str]) -> str:
    return "1 order" if len(ids) == 1 else f"{len(ids)} orders"


def _listed(ids: Sequence[str]) -> str:
    """The oldest, and how many more."""
    shown = ", ".join(ids[:LISTED])
    return shown if len(ids) <= LISTED else f"{shown} and {len(ids) - LISTED} more"


def _reasons(bot: Bot, status: HealthStatus, vitals: Vitals, since: float | None) -> list[str]:
    reasons: list[str] = []
    if status is HealthStatus.STOPPED:
        reasons.append("the bot is selling its positions" if bot.is_stopping else "the bot is stopped")
    if status is HealthStatus.PAUSED:
        by = "the system" if bot.paused_by is PausedBy.SYSTEM else "the user"
        reasons.append(f"paused by {by}" + (f": {bot.pause_reason}" if bot.pause_reason else ""))
    if status is HealthStatus.UNHEALTHY:
        reasons.append("no update yet" if since is None else f"no successful update for {since:.0f} s")
    if vitals.consecutive_errors >= health.DEGRADED_AFTER:
        reasons.append(f"{vitals.consecutive_errors} consecutive errors")
    if vitals.breaker is not BreakerState.CLOSED:
        reasons.append(f"the circuit breaker is {vitals.breaker}")
    return reasons
