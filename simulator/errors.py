"""Refusals of the exchange itself, whatever language they are then told in; and those of its control calls."""

from enum import StrEnum


class Reason(StrEnum):
    INSUFFICIENT_BALANCE = "insufficient balance"
    DUPLICATE_CLIENT_ID = "an open order has this client id"
    WOULD_TAKE = "a maker order would take"
    TOO_SMALL = "the amount buys less than one lot"
    NOT_OPEN = "no such order is open"


class Refused(Exception):
    """The exchange won't; each dialect has its own code and words for the reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class ControlError(Exception):
    """A control call that can't work; `field` is the part of the request to correct."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
