"""Time as the exchange has it: what candles, control calls and health are measured by."""

from datetime import datetime, timedelta

from shared.ports import Clock, StateStore


def exchange_offset(state: StateStore, exchange: str) -> timedelta:
    return timedelta(milliseconds=state.clock_offset_ms(exchange) or 0)


def exchange_now(clock: Clock, state: StateStore, exchange: str) -> datetime:
    """The exchange's time as a worker last measured it; this machine's where none has yet."""
    return clock.now() + exchange_offset(state, exchange)


def measured_exchange_now(clock: Clock, state: StateStore, exchange: str) -> datetime | None:
    """The exchange's time, for what this machine's own is not good enough for; None where nobody has measured it."""
    offset_ms = state.clock_offset_ms(exchange)
    return None if offset_ms is None else clock.now() + timedelta(milliseconds=offset_ms)
