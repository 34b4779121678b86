"""Facts, in the past tense. They leave through the outbox, in the transaction that made them true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventType(StrEnum):
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
    ORDER_FILLED = "OrderFilled"
    POSITION_OPENED = "PositionOpened"
    POSITION_CLOSED = "PositionClosed"
    EQUITY_MARKED = "EquityMarked"
    TRADING_HALTED = "TradingHalted"


@dataclass(frozen=True, slots=True)
class Event:
    """`number` is gapless and rising once the relay has given it, None before. Payload values are JSON."""

    type: EventType
    bot_id: str
    at: datetime
    payload: Mapping[str, object] = field(default_factory=dict)
    number: int | None = None
