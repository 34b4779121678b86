"""Facts, in the past tense. They leave through the outbox, in the transaction that made them true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventType(StrEnum):
    """A transition of an order is one event. OrderQuarantined is one, in OrderChanged's place: somebody has to look.
    OrderSettled is none: it says what a person found, and what that makes of the order follows as OrderChanged."""

    BOT_STARTED = "BotStarted"
    BOT_PAUSED = "BotPaused"
    BOT_RESUMED = "BotResumed"
    BOT_STOPPED = "BotStopped"
    BOT_FLATTENED = "BotFlattened"
    STRATEGY_ADDED = "StrategyAdded"
    STRATEGY_REMOVED = "StrategyRemoved"
    SIGNAL_DENIED = "SignalDenied"
    ORDER_PLANNED = "OrderPlanned"
    ORDER_CHANGED = "OrderChanged"
    ORDER_QUARANTINED = "OrderQuarantined"
    ORDER_SETTLED = "OrderSettled"
    ORDER_FILLED = "OrderFilled"
    POSITION_OPENED = "PositionOpened"
    POSITION_CLOSED = "PositionClosed"
    EQUITY_MARKED = "EquityMarked"
    TRADING_HALTED = "TradingHalted"
    ACCOUNT_RECONCILED = "AccountReconciled"
    ACCOUNT_DRIFTED = "AccountDrifted"
    DRIFT_ACCEPTED = "DriftAccepted"
    ORDER_ADOPTED = "OrderAdopted"
    EXTERNAL_ORDER_SEEN = "ExternalOrderSeen"


@dataclass(frozen=True, slots=True)
class Event:
    """`number` is gapless and rising once the relay has given it, None before. Payload values are JSON."""

    type: EventType
    bot_id: str
    at: datetime
    payload: Mapping[str, object] = field(default_factory=dict)
    number: int | None = None
