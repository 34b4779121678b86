"""The venue's clock, by a measurement that ages, kept on the monotonic clock: a stepped wall clock moves nothing."""

import time
from collections.abc import Callable

from shared.domain.errors import ExchangeDown, Throttled

FRESH_S = 10.0
# Where the venue can't be asked, an older measurement is as good: a quartz drifts milliseconds in a minute.
USABLE_S = 60.0


class VenueTime:
    """`measure` returns (the venue's ms, the monotonic second that it belongs to)."""

    def __init__(
        self, measure: Callable[[], tuple[float, float]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._measure = measure
        self._monotonic = monotonic
        self._known: tuple[float, float] | None = None
        self._asked_in_vain_at = float("-inf")

    def now_ms(self) -> int:
        """Measured again once it is older than FRESH_S. Raises what `measure` raises, where nothing usable is known."""
        if self._age_s() > FRESH_S and not self._is_excused():
            try:
                self._known = self._measure()
            except (ExchangeDown, Throttled):
                self._asked_in_vain_at = self._monotonic()
                if self._age_s() > USABLE_S:
                    raise
        return self.estimate_ms()

    def estimate_ms(self) -> int:
        """Without asking. Call `now_ms` first."""
        assert self._known is not None
        venue_ms, at = self._known
        return int(venue_ms + (self._monotonic() - at) * 1000)

    def forget(self) -> None:
        """The venue says that our time is wrong."""
        self._known = None

    def _is_excused(self) -> bool:
        """Asked in vain a moment ago, and what is known will do: each order of a tick asks, and a time-out is long."""
        return self._age_s() <= USABLE_S and self._monotonic() - self._asked_in_vain_at <= FRESH_S

    def _age_s(self) -> float:
        return self._monotonic() - self._known[1] if self._known else float("inf")
