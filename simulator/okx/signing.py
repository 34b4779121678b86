"""Who signed a request, and whether it still counts: key, passphrase, HMAC and timestamp as OKX checks them."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from simulator.okx.errors import OkxError

MAX_AGE_MS = 30_000
HEADERS = {"OK-ACCESS-KEY": "50103", "OK-ACCESS-PASSPHRASE": "50104", "OK-ACCESS-SIGN": "50106",
           "OK-ACCESS-TIMESTAMP": "50107"}  # fmt: skip


def signature(secret: str, timestamp: str, method: str, path_and_query: str, body: str) -> str:
    payload = f"{timestamp}{method}{path_and_query}{body}"
    return base64.b64encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()).decode()


def authenticated(
    headers: Mapping[str, str],
    signed: tuple[str, str, str],
    secret_of: Callable[[str], str | None],
    passphrase_of: Callable[[str], str | None],
) -> str:
    """The account; `signed` is method, path with query, and body. Raises 5010x and 5011x; the time is checked apart."""
    for name, code in HEADERS.items():
        if not headers.get(name):
            raise OkxError(code, f'Request header "{name}" cannot be empty.', 401)
    key, secret = headers["OK-ACCESS-KEY"], secret_of(headers["OK-ACCESS-KEY"])
    if secret is None:
        raise OkxError("50111", "Invalid OK-ACCESS-KEY.", 401)
    if passphrase_of(key) != headers["OK-ACCESS-PASSPHRASE"]:
        raise OkxError("50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', 401)
    if not hmac.compare_digest(signature(secret, headers["OK-ACCESS-TIMESTAMP"], *signed), headers["OK-ACCESS-SIGN"]):
        raise OkxError("50113", "Invalid signature.", 401)
    return key


def check_timestamp(timestamp: str, now_ms: int) -> None:
    """Raises 50102 where it is more than 30 s from the venue's clock, 50112 where it is no time."""
    try:
        signed_at = datetime.fromisoformat(timestamp)
    except ValueError as error:
        raise OkxError("50112", "Invalid OK-ACCESS-TIMESTAMP.", 401) from error
    signed_at = signed_at if signed_at.tzinfo else signed_at.replace(tzinfo=UTC)
    if abs(now_ms - signed_at.timestamp() * 1000) > MAX_AGE_MS:
        raise OkxError("50102", "Timestamp request expired.", 401)
