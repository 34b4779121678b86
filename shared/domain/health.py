"""A bot's health, judged from what ticks recorded and from its orders: five states, by precedence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.bots import Bot, Desired
from shared.domain.orders import IN_FLIGHT, RESTING, Order, OrderState

DEGRADED_AFTER = 5
PAUSE_AFTER = 10
UNHEALTHY_AFTER_S = 300.0
ERROR_WINDOW_S = 3600.0
UNRESOLVED_AFTER = timedelta(minutes=1)


class HealthStatus(StrEnum):
    STOPPED = "stopped"
    PAUSED = "paused"
    UNHEALTHY = "unhealthy"
    DEGRADED = "degraded"
    HEALTHY = "healthy"


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the ticks of one exchange recorded. `error_counts`: kind → count in the last hour.

    `consecutive_errors` are those of the worst source (strategy, position or portfolio ticks, or orders).
    """

    last_success_at: datetime | None = None
    consecutive_errors: int = 0
    error_counts: Mapping[str, int] = field(default_factory=dict)
    breaker: BreakerState = BreakerState.CLOSED


@dataclass(frozen=True, slots=True)
class Doubts:
    """Client ids of a bot's orders that nobody can tell the end of: those that wait for a person, and those that are
    still asked for after longer than a look-up takes. `has_drift`: the books of its account differ from the venue's."""

    quarantined: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    has_drift: bool = False


NO_DOUBTS = Doubts()


def doubts(live: Iterable[Order], now: datetime) -> Doubts:
    """Of a bot's orders without an end, in their order; `now` is the exchange's time, as theirs is."""
    orders = list(live)
    return Doubts(
        tuple(order.client_order_id for order in orders if order.state is OrderState.QUARANTINED),
        tuple(order.client_order_id for order in orders if _is_unresolved(order, now)),
    )


def _is_unresolved(order: Order, now: datetime) -> bool:
    if order.state in IN_FLIGHT:
        return now - order.updated_at >= UNRESOLVED_AFTER
    return order.state in RESTING and order.doubt_since is not None and now - order.doubt_since >= UNRESOLVED_AFTER


def status(bot: Bot | None, vitals: Vitals, now: datetime, found: Doubts = NO_DOUBTS) -> HealthStatus:
    """Stopped, paused, unhealthy, degraded, healthy: the first that holds.

    A bot that has just started has had no update yet: its start counts as one.
    """
    if bot is None or bot.desired is Desired.STOPPED:
        return HealthStatus.STOPPED
    if bot.desired is Desired.PAUSED:
        return HealthStatus.PAUSED
    last = max(vitals.last_success_at or bot.updated_at, bot.updated_at)
    if (now - last).total_seconds() >= UNHEALTHY_AFTER_S:
        return HealthStatus.UNHEALTHY
    if found.quarantined or found.has_drift:
        return HealthStatus.DEGRADED
    # While a breaker holds calls back nothing is asked, and so no error is counted.
    if vitals.consecutive_errors >= DEGRADED_AFTER or vitals.breaker is not BreakerState.CLOSED:
        return HealthStatus.DEGRADED
    return HealthStatus.HEALTHY


def is_due_to_pause(consecutive_errors: int) -> bool:
    return consecutive_errors >= PAUSE_AFTER
