"""ccxt's Binance with our hands on its border: budget, clock, error table, addresses."""

import re
import time
from collections.abc import Callable
from typing import Any

from ccxt import binance
from ccxt.base.errors import BadResponse

from shared.adapters.exchange_ccxt.refusals import Refusal, refusal
from shared.adapters.exchange_ccxt.shapes import is_whole

_ORIGIN = re.compile(r"^[a-z]+://[^/]+")


class GuardedBinance(binance):
    """One per process, made after the fork, used by one thread at a time.

    `signed_at_ms` fixes the timestamp of the next signed request. `sent_at` is the monotonic second at which the last
    request left: set it to None to learn whether bytes left. `refusal` is the last request's, if it was refused.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        secret: str | None,
        base_url: str | None,
        recv_window_ms: int,
        take: Callable[[], None],
        hold: Callable[[float], None],
        exchange_ms: Callable[[], int],
    ) -> None:
        self._take = take
        self._hold = hold
        self._exchange_ms = exchange_ms
        self.signed_at_ms: int | None = None
        self.sent_at: float | None = None
        self.refusal: Refusal | None = None
        super().__init__(_config(api_key, secret, recv_window_ms))
        # Exact everywhere; `Decimal` would lose every fee without a word.
        self.number = str
        # A redirect would carry a signed request, or an order for a second time, to wherever it points.
        self.session.max_redirects = 0
        if base_url is not None:
            self.urls: dict[str, Any] = _redirected(vars(self)["urls"], base_url)

    def throttle(self, cost: float | None = None) -> None:
        # ccxt asks here before each request, as long as `enableRateLimit` is on; its own limiter never runs.
        self._take()

    def nonce(self) -> int:
        return self.signed_at_ms if self.signed_at_ms is not None else self._exchange_ms()

    def get_exceptions_by_url(self, url: str, exactOrBroad: str) -> dict[str, Any]:
        # ccxt chooses the table by host name and finds none for a redirected one; we trade spot only.
        return self.exceptions["spot"].get(exactOrBroad, {})

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self.refusal = None
        self.sent_at = time.monotonic()
        return super().fetch(url, method, headers, body)

    def handle_errors(self, code: int, reason: str, *answer: Any) -> None:
        """ccxt's, with the venue's refusal kept, its wait heeded, and no answer but JSON accepted."""
        url, method, headers, body, response = answer[:5]
        self.refusal = refusal(code, headers, response)
        if self.refusal is not None and self.refusal.tells_to_wait:
            self._hold(self.refusal.wait_s)
        super().handle_errors(code, reason, *answer)
        if code < 400 and response is None:
            raise BadResponse(f"{method} {url}: {body[:100]!r} is no JSON")

    def request(self, path: str, *how: Any, **more: Any) -> Any:
        # ccxt makes "nothing" of an answer of another shape, which would read as no candle, no quote, no trade.
        answer = super().request(path, *how, **more)
        if not is_whole(path, answer):
            raise BadResponse(f"{path}: {str(answer)[:100]}")
        return answer


def _config(api_key: str | None, secret: str | None, recv_window_ms: int) -> dict[str, Any]:
    return {
        "apiKey": api_key,
        "secret": secret,
        "enableRateLimit": True,  # For `throttle` to be called at all.
        "timeout": recv_window_ms,
        # Else `load_markets` with keys asks for currencies, margin pairs and futures, and one 404 aborts it.
        "has": {"fetchCurrencies": False},
        "options": {
            "defaultType": "spot",
            "fetchMargins": False,
            "fetchMarkets": {"types": ["spot"]},
            "recvWindow": recv_window_ms,
            "maxRetriesOnFailure": 0,
        },
    }


def _redirected(urls: Any, base_url: str) -> Any:
    """Every address in `urls`, however deep, moved to `base_url`: one forgotten would get our keys."""
    if isinstance(urls, dict):
        return {name: _redirected(part, base_url) for name, part in urls.items()}
    if isinstance(urls, list):
        return [_redirected(part, base_url) for part in urls]
    return _ORIGIN.sub(lambda _: base_url, urls) if isinstance(urls, str) else urls
