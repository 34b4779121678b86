"""What differs from venue to venue, as far as the exchange adapter must know."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.adapters.exchange_ccxt.client import GuardedClient
from shared.domain.candles import Timeframe
from shared.domain.orders import Order, Placement

Raw = Mapping[str, Any]
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CandlePage:
    since_ms: int
    limit: int
    params: Params


@dataclass(frozen=True, slots=True)
class Profile:
    """One venue.

    `placing` are the parameters of an order beside symbol, side, size and price. `answers_in_full`: placing and
    cancelling are answered with the order's state; elsewhere with its ids alone, so that it is asked for afterwards.
    `status` is an order's, in ccxt's words. `candle_pages` cuts a span into the calls that get it, and may ask the
    venue's time. `trades_of` names an order's trades by its id at the venue, `after` all that follow those of a page.
    `trades_since` asks for the account's from a moment on, or for those that follow a page of them; `open_page` and
    `open_after` do so for what rests, where one answer may not hold all of it.
    """

    client: type[GuardedClient]
    placement: Placement
    placing: Callable[[Order], Params]
    answers_in_full: bool
    status: Callable[[Raw], str | None]
    candle_pages: Callable[[Timeframe, int, int, Callable[[], int]], Iterator[CandlePage]]
    trades_page: int
    trades_of: Callable[[str], Params]
    after: Callable[[Sequence[Raw]], Params]
    trades_since: Callable[[int, Sequence[Raw]], Params]
    open_page: int | None
    open_after: Callable[[Sequence[Raw]], Params]
