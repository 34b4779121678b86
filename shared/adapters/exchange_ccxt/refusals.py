"""What a venue's refusal means: pure, by the venue's own codes. What is not on a list of its rules is in doubt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.adapters.guard import Refused
from shared.domain.errors import (
    ExchangeDown,
    ExchangeError,
    OrderUnknown,
    Rejected,
    Throttled,
    Unclear,
)

WAIT_STATUS = frozenset({418, 429})


@dataclass(frozen=True, slots=True)
class Rules:
    """How one venue refuses, and which of its codes prove what.

    `told` reads code and message from a body: None where it is not the venue's, or refuses nothing.
    `definite`: refused before, or by, the matching engine, so that no order came of it: all that proves it, with our
    reason, and nothing else. `reasons` narrow those by message. `unproven` are messages that make no proof of their
    code, and `proving` the HTTP statuses with which a code proves anything.
    `unknown_order` and `not_cancellable` are codes (with a message, where the code alone says too little) of a look-up
    and of a cancel that found nothing, with `unknown_status`. `retry_after_s` is the wait where the venue names none.
    """

    told: Callable[[object], tuple[str | None, str]]
    definite: Mapping[str, str]
    too_many: frozenset[str]
    stale_timestamp: frozenset[str]
    unknown_order: Mapping[str, str]
    not_cancellable: Mapping[str, str]
    unknown_status: int
    proving: range
    retry_after_s: float
    reasons: Mapping[str, str] = field(default_factory=dict)
    unproven: frozenset[str] = frozenset()

    def refusal(self, http_status: int, headers: Mapping[str, str], answer: object) -> "Refusal | None":
        """From a response; None where it refuses nothing."""
        code, message = self.told(answer)
        if http_status < 400 and code is None:
            return None
        wait_s = _seconds(headers.get("Retry-After"))
        return Refusal(self, http_status, code, message, self.retry_after_s if wait_s is None else wait_s)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The venue's answer where it was not what was asked for. `code` is None where the body was not the venue's."""

    rules: Rules
    http_status: int
    code: str | None
    message: str
    wait_s: float

    @property
    def tells_to_wait(self) -> bool:
        return self.http_status in WAIT_STATUS or self.code in self.rules.too_many

    @property
    def is_stale_timestamp(self) -> bool:
        return self.code in self.rules.stale_timestamp

    def is_one_of(self, codes: Mapping[str, str]) -> bool:
        is_listed = self.code is not None and codes.get(self.code) in ("", self.message)
        return is_listed and self.http_status == self.rules.unknown_status

    def placing(self) -> ExchangeError:
        """What it proves of an order that was to be placed."""
        text, rules = self.text, self.rules
        if self.code is None or self.http_status not in rules.proving or self.message in rules.unproven:
            return Unclear(text)
        if self.code in rules.too_many:
            return Throttled(text, retry_after_s=self.wait_s)
        if self.is_stale_timestamp:
            return Throttled(text)  # It was not placed, and may well be with another signature.
        if self.code not in rules.definite:
            return Unclear(text)
        return Rejected(text, reason=rules.reasons.get(self.message, rules.definite[self.code]))

    @property
    def text(self) -> str:
        return f"{self.code} {self.message}"[:300]


def submit_error(error: Exception, found: Refusal | None, was_sent: bool) -> ExchangeError:
    """What a failed submit proves. Only an answer with the venue's own code proves anything."""
    if isinstance(error, ExchangeError):
        return error
    if not was_sent:
        return Rejected(f"not sent: {_text(error, found)}", reason="unsendable")
    if found is None or found.code is None:
        return Unclear(_text(error, found))
    return found.placing()


def cancel_error(error: Exception, found: Refusal | None) -> ExchangeError:
    if found is not None and found.is_one_of(found.rules.not_cancellable):
        return OrderUnknown(found.text)
    answer = read_error(error, found, was_sent=True, is_operational=True)
    return answer if isinstance(answer, Throttled) else Unclear(str(answer))


def read_error(error: Exception, found: Refusal | None, was_sent: bool, is_operational: bool) -> ExchangeError:
    """What a failed read means. `is_operational`: the venue or the way to it failed, rather than our request."""
    if isinstance(error, ExchangeError):
        return error
    text = _text(error, found)
    if found is None:
        # Refused by the client itself, an unknown symbol say: that is no sign of a venue in trouble.
        return ExchangeDown(text) if was_sent else Refused(text)
    if found.tells_to_wait:
        return Throttled(text, retry_after_s=found.wait_s)
    if found.is_one_of(found.rules.unknown_order):
        return OrderUnknown(text)
    if found.is_stale_timestamp:
        return Refused(text)
    # A revoked key, an unknown symbol: another try will not help. ccxt takes Binance's −2015 for a ban to wait out.
    if found.code in found.rules.definite or (found.code is not None and not is_operational):
        return Refused(text)
    return ExchangeDown(text)


def _text(error: Exception, found: Refusal | None) -> str:
    if found is None or found.code is None:
        return f"{type(error).__name__}: {error}"[:300]
    return found.text


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None  # A date: the default is long enough.
