"""What a venue's refusal means: pure, by the venue's own code. What is not on a list here is in doubt.

Codes and messages: Binance, "Error codes for Binance" of its spot REST documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.adapters.guard import Refused
from shared.domain.errors import (
    ExchangeDown,
    ExchangeError,
    OrderUnknown,
    Rejected,
    Throttled,
    Unclear,
)

# Where the venue names no time, a minute: the window of its limits.
DEFAULT_RETRY_AFTER_S = 60.0

WAIT_STATUS = frozenset({418, 429})
TOO_MANY = frozenset({-1003, -1015})
STALE_TIMESTAMP = frozenset({-1021, -5028})
UNKNOWN_ORDER = {-2013: "", -2011: "Unknown order sent."}

# Refused before, or by, the matching engine: no order came of it. All that proves it, and nothing else.
DEFINITE: Mapping[int, str] = {
    -1002: "auth_refused",
    -1010: "venue_rejected",
    -1013: "filter_failure",
    -1014: "venue_rejected",
    -1020: "venue_rejected",
    -1021: "timestamp_refused",
    -5028: "timestamp_refused",
    -1022: "auth_refused",
    **dict.fromkeys(range(-1108, -1099), "malformed_order"),
    **dict.fromkeys(range(-1118, -1110), "malformed_order"),
    -1121: "unknown_symbol",
    -1128: "malformed_order",
    -1130: "malformed_order",
    -1131: "malformed_order",
    -2010: "venue_rejected",
    -2014: "auth_refused",
    -2015: "auth_refused",
}
# −2010 is a class of its own messages.
REJECTIONS = {
    "Account has insufficient balance for requested action.": "insufficient_balance",
    "Market is closed.": "market_closed",
}
# Also −2010, yet it says that one with this id is open: ours, accepted before.
DUPLICATE = "Duplicate order sent."


@dataclass(frozen=True, slots=True)
class Refusal:
    """The venue's answer where it was not what was asked for. `code` is None where the body was not the venue's."""

    http_status: int
    code: int | None
    message: str
    retry_after_s: float | None

    @property
    def tells_to_wait(self) -> bool:
        return self.http_status in WAIT_STATUS or self.code in TOO_MANY

    @property
    def wait_s(self) -> float:
        return self.retry_after_s if self.retry_after_s is not None else DEFAULT_RETRY_AFTER_S

    @property
    def is_stale_timestamp(self) -> bool:
        return self.code in STALE_TIMESTAMP


def refusal(http_status: int, headers: Mapping[str, str], answer: object) -> Refusal | None:
    """From a response; None where it refuses nothing."""
    code, message = None, ""
    if isinstance(answer, dict):
        code, message = _whole(answer.get("code")), str(answer.get("msg", ""))
    if http_status < 400 and (code is None or code >= 0):
        return None
    return Refusal(http_status, code, message, _seconds(headers.get("Retry-After")))


def submit_error(error: Exception, found: Refusal | None, was_sent: bool) -> ExchangeError:
    """What a failed submit proves. Only 4xx answers with the venue's own code prove anything."""
    if isinstance(error, ExchangeError):
        return error
    text = _text(error, found)
    if not was_sent:
        return Rejected(f"not sent: {text}", reason="unsendable")
    if found is None or found.code is None or not 400 <= found.http_status < 500:
        return Unclear(text)
    if found.code in TOO_MANY:
        return Throttled(text, retry_after_s=found.wait_s)
    if found.code not in DEFINITE or found.message == DUPLICATE:
        return Unclear(text)
    return Rejected(text, reason=REJECTIONS.get(found.message, DEFINITE[found.code]))


def cancel_error(error: Exception, found: Refusal | None) -> ExchangeError:
    answer = read_error(error, found, was_sent=True, is_operational=True)
    return answer if isinstance(answer, OrderUnknown | Throttled) else Unclear(str(answer))


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
    if found.code in UNKNOWN_ORDER and UNKNOWN_ORDER[found.code] in ("", found.message):
        return OrderUnknown(text)
    # A revoked key, an unknown symbol: another try will not help. ccxt takes −2015 for a ban, which it would wait out.
    if found.code in DEFINITE or (found.code is not None and not is_operational):
        return Refused(text)
    return ExchangeDown(text)


def _text(error: Exception, found: Refusal | None) -> str:
    if found is None or found.code is None:
        return f"{type(error).__name__}: {error}"[:300]
    return f"{found.code} {found.message}"[:300]


def _whole(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None  # A date: the default is long enough.
