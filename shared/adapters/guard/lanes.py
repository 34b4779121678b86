"""What a call is for (its lane: how much budget it may touch) and what it is sent to (its circuit: which breaker)."""

from enum import StrEnum

from shared.domain.errors import ExchangeDown
from shared.domain.orders import Purpose


class Lane(StrEnum):
    """Who gives way to whom: data first, then entries; what leaves a position may use the whole budget."""

    DATA = "data"
    ENTRY = "entry"
    EXIT = "exit"  # Exits, cancels and the look-up of any order.

    @classmethod
    def of(cls, purpose: Purpose) -> "Lane":
        return cls.EXIT if purpose is Purpose.EXIT else cls.ENTRY


class Circuit(StrEnum):
    DATA = "data"
    PRICE = "price"  # And the time: stops stand on them, and candles that fail are not to close them off.
    PRIVATE = "private"
    ORDER = "order"


class Refused(ExchangeDown):
    """The venue answered, and refused. Trying again changes nothing, and it says nothing of the venue's health."""
