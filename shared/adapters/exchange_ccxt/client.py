"""A ccxt client with our hands on its border: budget, clock, error table, addresses."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ccxt.base.errors import BadResponse
from ccxt.base.exchange import Exchange

from shared.adapters.exchange_ccxt.refusals import Refusal, Rules
from shared.adapters.exchange_ccxt.shapes import Shapes, is_whole
from shared.domain.orders import Permit

_ORIGIN = re.compile(r"^[a-z]+://[^/]+")


@dataclass(frozen=True, slots=True)
class Access:
    """Where a client calls (None: the venue's own addresses), and as whom."""

    base_url: str | None = None
    api_key: str | None = None
    secret: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Hands:
    """What a client calls of ours: `take` before each request, `hold` when told to wait, `exchange_ms` for the time."""

    take: Callable[[], None]
    hold: Callable[[float], None]
    exchange_ms: Callable[[], int]


class GuardedClient(Exchange):
    """Mixed into a venue's ccxt class, before it. One per process, made after the fork, used by one thread at a time.

    `permit` fixes the signed timestamp, and the end, of the requests made while it is set. `sent_at` is the monotonic
    second at which the last request left: set it to None to learn whether bytes left. `refusal` is the last request's,
    if it was refused.
    """

    rules: ClassVar[Rules]
    shapes: ClassVar[Shapes]
    own_options: ClassVar[Mapping[str, Any]]

    def __init__(self, access: Access, hands: Hands, recv_window_ms: int) -> None:
        self._hands = hands
        self.permit: Permit | None = None
        self.sent_at: float | None = None
        self.refusal: Refusal | None = None
        super().__init__(self._config(access, recv_window_ms))
        # Exact everywhere; `Decimal` would lose every fee without a word.
        self.number = str
        # A redirect would carry a signed request, or an order for a second time, to wherever it points.
        self.session.max_redirects = 0
        if access.base_url is not None:
            self.urls: dict[str, Any] = redirected(vars(self)["urls"], access.base_url)

    def _config(self, access: Access, recv_window_ms: int) -> dict[str, Any]:
        return {
            "apiKey": access.api_key,
            "secret": access.secret,
            "password": access.password,
            "enableRateLimit": True,  # For `throttle` to be called at all.
            "timeout": recv_window_ms,
            # Else `load_markets` with keys asks for currencies too, and one refusal of that aborts it.
            "has": {"fetchCurrencies": False},
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                "maxRetriesOnFailure": 0,
                **self.own_options,
            },
        }

    def throttle(self, cost: float | None = None) -> None:
        # ccxt asks here before each request, as long as `enableRateLimit` is on; its own limiter never runs.
        self._hands.take()

    def nonce(self) -> int:
        return self.permit.signed_at_ms if self.permit is not None else self._hands.exchange_ms()

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        self.refusal = None
        self.sent_at = time.monotonic()
        return super().fetch(url, method, headers, body)

    def handle_errors(self, code: int, reason: str, *answer: Any) -> None:
        """ccxt's, with the venue's refusal kept, its wait heeded, and no answer but JSON accepted."""
        url, method, headers, body, response = answer[:5]
        self.refusal = self.rules.refusal(code, headers, response)
        if self.refusal is not None and self.refusal.tells_to_wait:
            self._hands.hold(self.refusal.wait_s)
        super().handle_errors(code, reason, *answer)
        if code < 400 and response is None:
            raise BadResponse(f"{method} {url}: {body[:100]!r} is no JSON")

    def request(self, path: str, api: Any = "public", method: str = "GET", *how: Any, **more: Any) -> Any:
        # ccxt makes "nothing" of an answer of another shape, which would read as no candle, no quote, no trade.
        answer = super().request(path, api, method, *how, **more)
        if not is_whole(self.shapes, f"{method} {path}", answer):
            raise BadResponse(f"{path}: {str(answer)[:100]}")
        return answer


def redirected(urls: Any, base_url: str) -> Any:
    """Every address in `urls`, however deep, moved to `base_url`: one forgotten would get our keys."""
    if isinstance(urls, dict):
        return {name: redirected(part, base_url) for name, part in urls.items()}
    if isinstance(urls, list):
        return [redirected(part, base_url) for part in urls]
    return _ORIGIN.sub(lambda _: base_url, urls) if isinstance(urls, str) else urls
