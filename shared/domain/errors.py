"""Errors, shaped by what the caller must do.

OrchestratorError
├── InvalidField          the caller corrects the named field        422
├── NotFound              the caller names something that exists     404
├── Conflict              the caller looks at the state first        409
├── Unavailable           retry later; nothing was written           503
└── ExchangeError         the venue's answer, translated once, at the border
    ├── Rejected          refused for certain: record it
    ├── Unclear           may have been accepted: look it up, never resend
    ├── OrderUnknown      the venue knows no such order (a query's answer)
    ├── Throttled         proves non-acceptance: wait `retry_after_s`, then try again
    └── ExchangeDown      a read failed: the next tick repeats it
        └── NotAsked      an open breaker of ours, or its store being away, refused to ask
"""

from collections.abc import Sequence


class OrchestratorError(Exception):
    """Root of every error that this system raises on purpose."""


class InvalidField(OrchestratorError):
    """A value the user sent can't work; `field` is its name, `message` says what to send instead."""

    def __init__(self, field: str, message: str, choices: Sequence[str] = ()) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.choices = tuple(choices)


class NotFound(OrchestratorError):
    """What the user named is not there."""


class Conflict(OrchestratorError):
    """The request is well formed and contradicts the state; `choices` narrow it where that helps."""

    def __init__(self, message: str, choices: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.choices = tuple(choices)


class Unavailable(OrchestratorError):
    """A store is away. Nothing was written; the same request works once it is back."""


class ExchangeError(OrchestratorError):
    """An exchange did not do what was asked."""


class Rejected(ExchangeError):
    """The venue refused for certain: no order exists. `reason` is the stored denial code."""

    def __init__(self, message: str, reason: str = "venue_rejected") -> None:
        super().__init__(message)
        self.reason = reason


class Unclear(ExchangeError):
    """Timeout, disconnect, 5xx or an unparsable reply to a submit: it may have been accepted."""


class OrderUnknown(ExchangeError):
    """The venue answered, over a healthy connection, that it knows no such order."""


class Throttled(ExchangeError):
    """A budget, ours or the venue's, refused before anything was accepted."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ExchangeDown(ExchangeError):
    """The venue gave no usable answer."""


class NotAsked(ExchangeDown):
    """We did not ask: it says nothing new of the venue, so it is no further error of it."""
