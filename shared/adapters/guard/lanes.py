"""What a call is for (its lane: how much budget it may touch) and what it is sent to (its circuit: which breaker)."""

from enum import StrEnum

from shared.domain.errors import ExchangeDown
from shared.domain.orders import Purpose


class Lane(StrEnum):
    """Who gives way to whom: data first, then look-ups, then entries; what leaves a position may use all of it.

    Prices and the venue's time go with exits: an order that nobody can tell the end of is asked for every few seconds,
    and a handful of them would use up the calls that stops stand on.
    """

    DATA = "data"
    LOOK_UP = "look_up"  # Of any order, whatever it is for.
    ENTRY = "entry"
    EXIT = "exit"  # And cancels.

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
