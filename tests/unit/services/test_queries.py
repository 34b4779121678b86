"""Portfolio and health, against hand-computed examples."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.bots import Bot, Desired, PausedBy
from shared.domain.exchanges import LIVE, PAPER
from shared.domain.health import BreakerState, HealthStatus, Vitals
from shared.domain.portfolio import Account
from shared.domain.positions import Position, PositionState
from shared.ports import AccountStanding
from shared.services.queries import bot_health, judged, open_positions, valued
from tests.builders_accounts import a_drift, a_reconciliation
from tests.builders_api import a_position
from tests.fakes import EPOCH, World

BOT = Bot(
    id="default",
    exchange="binance",
    account="paper",
    quote="USDT",
    initial_balance=Decimal(20000),
    desired=Desired.RUNNING,
    trades_from=EPOCH,
    created_at=EPOCH,
    updated_at=EPOCH,
)
# 20,000 paid in, 10,000 spent on half a bitcoin, 10 on fees.
ACCOUNT = Account(
    bot_id="default",
    initial_balance=Decimal(20000),
    cash=Decimal(9990),
    reserved=Decimal(500),
    realised=Decimal(0),
    fees=Decimal(10),
    peak_equity=Decimal(20500),
    day=EPOCH.date(),
    day_start_equity=Decimal(20490),
    equity=Decimal(20490),
)


def test_the_portfolio_adds_up_at_the_newest_mark() -> None:
    found = valued(BOT, ACCOUNT, [a_position()], {"BTC/USDT": Decimal(19000)}, EPOCH)
    assert found.positions_value == 9500
    assert found.equity == 19490
    assert found.unrealised == -500
    assert found.equity == found.initial_balance + found.realised + found.unrealised - found.fees
    assert found.free_cash == 9490
    assert found.peak_equity == 20500
    assert found.drawdown_frac == Decimal(1010) / 20500
    assert found.day_pnl == -1000
    assert found.daily_loss_frac == Decimal(1000) / 20490


def test_a_gain_is_a_new_peak_and_no_loss() -> None:
    found = valued(BOT, ACCOUNT, [a_position()], {"BTC/USDT": Decimal(22000)}, EPOCH)
    assert found.peak_equity == found.equity == 20990
    assert found.drawdown_frac == 0
    assert found.daily_loss_frac == 0
    assert found.day_pnl == 500


def test_dust_counts_in_value_and_is_no_open_position() -> None:
    dust = a_position(state=PositionState.DUST, quantity=Decimal("0.1"), cost=Decimal(2000))
    found = valued(BOT, ACCOUNT, [dust], {"BTC/USDT": Decimal(20000)}, EPOCH)
    assert found.positions_value == 2000
    assert found.positions == 0


def test_without_a_price_no_equity_is_claimed() -> None:
    found = valued(BOT, ACCOUNT, [a_position()], {"ETH/USDT": Decimal(1)}, EPOCH)
    assert found.unpriced == ("BTC/USDT",)
    assert found.equity is None
    assert found.drawdown_frac is None
    assert found.cash == 9990


def test_open_positions_are_read_to_the_last_page() -> None:
    world = World()
    positions = [a_position(id=f"p{number}") for number in range(1100)]
    world.record.positions = list(positions)
    assert open_positions(world.queries, "default") == positions[::-1]


def vitals(**changes: object) -> Vitals:
    return replace(Vitals(last_success_at=EPOCH), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bot", "seen", "after_s", "status", "reason"),
    [
        (BOT, vitals(), 10, HealthStatus.HEALTHY, None),
        (BOT, vitals(consecutive_errors=5), 10, HealthStatus.DEGRADED, "5 consecutive errors"),
        (BOT, vitals(), 300, HealthStatus.UNHEALTHY, "no successful update for 300 s"),
        (BOT, Vitals(), 300, HealthStatus.UNHEALTHY, "no update yet"),
        (BOT, vitals(breaker=BreakerState.OPEN), 10, HealthStatus.DEGRADED, "the circuit breaker is open"),
        (
            replace(BOT, desired=Desired.PAUSED, paused_by=PausedBy.SYSTEM, pause_reason="10 errors"),
            vitals(),
            10,
            HealthStatus.PAUSED,
            "paused by the system: 10 errors",
        ),
        (replace(BOT, desired=Desired.STOPPED), vitals(), 10, HealthStatus.STOPPED, "the bot is stopped"),
        (
            replace(BOT, desired=Desired.STOPPED, is_stopping=True),
            vitals(),
            10,
            HealthStatus.STOPPED,
            "the bot is selling its positions",
        ),
    ],
)
def test_health_comes_with_its_reason(
    bot: Bot, seen: Vitals, after_s: float, status: HealthStatus, reason: str | None
) -> None:
    found = judged(bot, seen, EPOCH + timedelta(seconds=after_s))
    assert found.status is status
    assert found.reasons == (() if reason is None else (reason,))


def test_an_update_is_never_in_the_future() -> None:
    assert judged(BOT, vitals(), EPOCH - timedelta(seconds=2)).since_update_s == 0


def test_a_bot_never_started_is_stopped_and_asks_no_store() -> None:
    world = World()
    world.cache.is_away = True
    assert (
        bot_health(None, world.queries, world.reconciliations, world.state, world.clock, PAPER).status
        is HealthStatus.STOPPED
    )


def test_positions_closed_are_not_open() -> None:
    world = World()
    closed: Position = a_position(state=PositionState.CLOSED)
    world.record.positions = [closed]
    assert open_positions(world.queries, "default") == []


@pytest.mark.parametrize(
    ("row", "status", "reason"),
    [
        (None, HealthStatus.HEALTHY, None),
        ({}, HealthStatus.HEALTHY, None),
        ({"reconciled_at": None}, HealthStatus.HEALTHY, "waiting for reconciliation, entries wait with it"),
        (
            {"reconciled_at": None, "why": "orders in flight: 1"},
            HealthStatus.HEALTHY,
            "waiting for reconciliation, entries wait with it: orders in flight: 1",
        ),
        (
            {"reconciled_at": EPOCH - timedelta(minutes=15)},
            HealthStatus.HEALTHY,
            "waiting for reconciliation, entries wait with it",
        ),
        (
            {"is_clean": False, "confirmed": a_drift()},
            HealthStatus.DEGRADED,
            "the account's books differ from the exchange's, so nothing is bought: USDT",
        ),
    ],
)
def test_health_says_what_holds_entries_back(
    row: dict[str, Any] | None, status: HealthStatus, reason: str | None
) -> None:
    world = World()
    world.state.record_success("binance", "strategy", EPOCH)
    if row is not None:
        times = {"demanded_at": EPOCH - timedelta(hours=1), "reconciled_at": EPOCH}
        standing = AccountStanding(a_reconciliation(**{**times, **row}))
        world.record.standings[standing.reconciliation.key] = standing

    found = bot_health(BOT, world.queries, world.reconciliations, world.state, world.clock, PAPER)

    assert (found.status, found.reasons) == (status, () if reason is None else (reason,))


def test_a_bot_of_another_account_says_that_nothing_of_it_is_watched() -> None:
    world = World()

    found = bot_health(BOT, world.queries, world.reconciliations, world.state, world.clock, LIVE)

    (reason,) = found.reasons
    assert "'paper'" in reason
    assert "live" in reason
