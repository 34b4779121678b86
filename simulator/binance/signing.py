"""Who signed a request, and whether it still counts: key, HMAC and recvWindow as the venue checks them."""

import hashlib
import hmac
import re
from collections.abc import Callable

from simulator.binance import params as read
from simulator.binance.errors import VenueError, missing_parameter
from simulator.binance.params import Params

DEFAULT_RECV_WINDOW_MS = 5_000
MAX_RECV_WINDOW_MS = 60_000
MAX_AHEAD_MS = 1_000
_SIGNATURE = re.compile(r"(?:^|&)signature=[^&]*")


def signature(secret: str, payload: str) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_payload(query: str, body: str) -> str:
    """What the client signed: query and body joined without a separator, less the signature itself."""
    return _SIGNATURE.sub("", query) + _SIGNATURE.sub("", body)


def authenticated(
    key: str | None, query: str, body: str, params: Params, secret_of: Callable[[str], str | None]
) -> str:
    """The account of a signed request; raises -2014, -2015, -1102 or -1022. The timestamp is checked apart."""
    if key is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", key):
        raise VenueError(-2014, "API-key format invalid.", 401)
    for name in ("timestamp", "signature"):
        if not params.get(name):
            raise missing_parameter(name)
    secret = secret_of(key)
    if secret is None:
        raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
    if not hmac.compare_digest(signature(secret, signed_payload(query, body)), params["signature"]):
        raise VenueError(-1022, "Signature for this request is not valid.")
    return key


def check_timestamp(params: Params, now_ms: int) -> None:
    """Raises -1021 outside of `timestamp - 1 s … timestamp + recvWindow`, -1131 for a window that is too long."""
    timestamp = read.long(params, "timestamp")
    window = read.long(params, "recvWindow", DEFAULT_RECV_WINDOW_MS)
    assert timestamp is not None
    assert window is not None
    if window > MAX_RECV_WINDOW_MS:
        raise VenueError(-1131, f"recvWindow must be less than {MAX_RECV_WINDOW_MS}.")
    if timestamp >= now_ms + MAX_AHEAD_MS:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp > window:
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")
