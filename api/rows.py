"""Answers put together from several values. Pure: no store is asked here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from api.formats import finite_values
from shared.domain.bots import Bot, Desired, Subscription
from shared.domain.health import HealthStatus
from shared.domain.positions import Position, PositionState
from shared.domain.reconciling import Drift
from shared.ports import AccountStanding, LastEvaluation
from shared.services.queries import Health
from shared.services.reconciliation import standing_of
from strategies.catalogue import StrategySpec

POSITION_FIELDS = (
    "id",
    "strategy_id",
    "symbol",
    "state",
    "quantity",
    "average_price",
    "cost",
    "realised",
    "fees",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "high_water",
    "lots",
    "opened_at",
    "closed_at",
)


def status_row(bot_id: str, bot: Bot | None, strategies: Sequence[Subscription], is_paper: bool) -> dict[str, Any]:
    row = {
        "id": bot_id,
        "running": False,
        "paused": False,
        "paper_trading": is_paper,
        "exchange": None,
        "active_strategies": len(strategies),
        "strategies": strategies,
        "state": Desired.STOPPED.value,
        "initial_balance": None,
        "quote": None,
        "version": 0,
        "run": 0,
        "paused_by": None,
        "pause_reason": "",
        "trades_from": None,
    }
    if bot is None:
        return row
    return row | {
        "running": bot.desired is not Desired.STOPPED,
        "paused": bot.desired is Desired.PAUSED,
        "exchange": bot.exchange,
        "state": bot.observed,
        "initial_balance": bot.initial_balance,
        "quote": bot.quote,
        "version": bot.version,
        "run": bot.run,
        "paused_by": bot.paused_by,
        "pause_reason": bot.pause_reason,
        "trades_from": bot.trades_from,
    }


def health_row(health: Health) -> dict[str, Any]:
    since = health.since_update_s
    return {
        "status": health.status.value,
        "is_running": health.status is not HealthStatus.STOPPED,
        "is_paused": health.status is HealthStatus.PAUSED,
        "last_successful_update": health.vitals.last_success_at,
        "time_since_update_seconds": None if since is None else round(since, 3),
        "consecutive_errors": health.vitals.consecutive_errors,
        "circuit_breaker_state": health.vitals.breaker.value,
        "error_counts": dict(health.vitals.error_counts),
        "reasons": list(health.reasons),
    }


def position_row(position: Position, bot: Bot | None, marks: Mapping[str, Decimal]) -> dict[str, Any]:
    mark = marks.get(position.symbol) if position.quantity else None
    is_open = position.state is PositionState.OPEN
    return {name: getattr(position, name) for name in POSITION_FIELDS} | {
        "is_watched": is_open and bot is not None and bot.is_watched,
        "mark_price": mark,
        "value": None if mark is None else position.value(mark),
        "unrealised": None if mark is None else position.unrealised(mark),
    }


def account_row(standing: AccountStanding, now: datetime) -> dict[str, Any]:
    row = standing.reconciliation
    return {
        "exchange": row.exchange,
        "account": row.account,
        "status": standing_of(standing, now).value,
        "demanded_at": row.demanded_at,
        "reconciled_at": row.reconciled_at,
        "checked_at": row.checked_at,
        "note": row.why,
        **_drift(row.confirmed),
        "suspected": _drift(row.suspected),
        "external_orders": standing.external_orders,
        "accepted": [{"at": each.at, "reason": each.reason, **_drift(each.drift)} for each in standing.acceptances],
    }


def _drift(drift: Drift) -> dict[str, Any]:
    differences = [
        {"asset": each.asset, "expected": each.expected, "found": each.found, "difference": each.amount}
        for each in drift.differences
    ]
    return {"differences": differences, "orders": drift.strays}


def available_row(spec: StrategySpec) -> dict[str, Any]:
    return asdict(spec) | {"defaults": {each.name: each.default for each in spec.parameters}}


def evaluated_row(last: LastEvaluation) -> dict[str, Any]:
    subscription = last.subscription
    names = ("id", "name", "symbol", "timeframe", "is_active", "params", "active_from", "created_at")
    return {name: getattr(subscription, name) for name in names} | {
        "last_evaluation": _evaluation(last),
        "last_decision": _decision(last),
    }


def _evaluation(last: LastEvaluation) -> dict[str, Any] | None:
    seen = last.evaluation
    if seen is None:
        return None
    return {
        "candle_open": _at(seen.candle_open_ms),
        "candle_close": _at(seen.candle_open_ms + last.subscription.timeframe.ms),
        "signal": seen.action.value,
        "lots": seen.lots,
        "close": seen.close,
        "reason": seen.reason,
        "indicators": finite_values(seen.indicators),
        "evaluated_at": last.evaluated_at,
    }


def _decision(last: LastEvaluation) -> dict[str, Any] | None:
    if last.decision_candle_open_ms is None:
        return None
    return {
        "candle_open": _at(last.decision_candle_open_ms),
        "side": last.decision_side,
        "outcome": last.decision_outcome,
        "client_order_id": last.client_order_id,
    }


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)
