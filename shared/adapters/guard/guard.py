"""The guard in front of an exchange: retry(breaker(budget(call))) for reads, a permit and one try for orders."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from shared.adapters.guard.breaker import Breaker
from shared.adapters.guard.breaker_storage import breaker_key
from shared.adapters.guard.budget import LONE_SHARE, SOLE_SHARE, Budget
from shared.adapters.guard.lanes import Circuit, Lane, Refused
from shared.adapters.redis_clients import once
from shared.domain.backoff import RetryPolicy, backoff_s
from shared.domain.errors import ExchangeDown, NotAsked, Unclear
from shared.settings import Settings

T = TypeVar("T")

# The lane of the call under way; None where its budget was taken with the permit.
_lane: ContextVar[Lane | None] = ContextVar("lane", default=Lane.DATA)


class Guard:
    """`take` is called by the client before each HTTP request, `hold` when the venue says to wait.

    Only ExchangeDown (and Unclear, of an order) counts against a breaker, once per logical call; Refused does not.
    """

    def __init__(
        self,
        budget: Budget,
        breakers: Mapping[Circuit, Breaker],
        policy: RetryPolicy,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._budget = budget
        self._breakers = breakers
        self._policy = policy
        self._sleep = sleep
        self._jitter = jitter

    def read(self, circuit: Circuit, lane: Lane, call: Callable[[], T], is_retried: bool = True) -> T:
        """The answer of `call`, tried again while the venue fails. Raises what the last try raised."""
        breaker = self._breakers[circuit]
        try:
            with _in(lane):
                answer = self._retrying(breaker, is_retried)(self._admitted, breaker, call)
        except NotAsked:
            raise
        except ExchangeDown as error:
            if not isinstance(error, Refused):
                breaker.record(has_failed=True)
            raise
        breaker.record(has_failed=False)
        return answer

    def permit(self, lane: Lane) -> None:
        """Breaker and budget for one transmission."""
        self.admit(lane)
        self._budget.take(lane)

    def admit(self, lane: Lane) -> None:
        """An open breaker, or one that the fleet can't be asked about, stops entries alone: exits try every time."""
        if lane is Lane.ENTRY:
            self._breakers[Circuit.ORDER].admit(is_shared_needed=True)

    def transmit(self, call: Callable[[], T], keep: Callable[[T], object] = lambda answer: None) -> T:
        """Once, on the permit's budget. The answer is kept before the breaker's store could delay it."""
        breaker = self._breakers[Circuit.ORDER]
        try:
            with _in(None):
                answer = call()
        except Unclear:
            breaker.record(has_failed=True)
            raise
        keep(answer)
        breaker.record(has_failed=False)
        return answer

    def take(self) -> None:
        lane = _lane.get()
        if lane is not None:
            self._budget.take(lane)

    def hold(self, seconds: float) -> None:
        self._budget.hold(seconds)

    def _admitted(self, breaker: Breaker, call: Callable[[], T]) -> T:
        breaker.admit()
        return call()

    def _retrying(self, breaker: Breaker, is_retried: bool) -> Retrying:
        def is_worth_retrying(error: BaseException) -> bool:
            is_final = isinstance(error, Refused | NotAsked) or breaker.is_on_trial
            return isinstance(error, ExchangeDown) and not is_final

        return Retrying(
            stop=stop_after_attempt(self._policy.attempts if is_retried else 1),
            wait=self._delay_s,
            retry=retry_if_exception(is_worth_retrying),
            sleep=self._sleep,
            reraise=True,
        )

    def _delay_s(self, state: RetryCallState) -> float:
        # Between half and all of it, so that a fleet that failed together does not come back together.
        return backoff_s(state.attempt_number, self._policy) * (0.5 + self._jitter() / 2)


@contextmanager
def _in(lane: Lane | None) -> Iterator[None]:
    before = _lane.set(lane)
    try:
        yield
    finally:
        _lane.reset(before)


def build_guard(settings: Settings, redis_url: str, exchange: str, account: str, is_sole: bool = False) -> Guard:
    """`is_sole`: while Redis is away nobody else of the fleet is at work, so the share may be larger."""
    redis = once(redis_url)
    return Guard(
        Budget(
            redis,
            redis_url,
            exchange=exchange,
            account=account,
            calls=settings.rate_limit_calls,
            window_s=settings.rate_limit_window_s,
            lone_share=SOLE_SHARE if is_sole else LONE_SHARE,
        ),
        {
            circuit: Breaker(redis, breaker_key(exchange, circuit), settings.breaker_failures, settings.breaker_reset_s)
            for circuit in Circuit
        },
        RetryPolicy(settings.retry_attempts, settings.retry_initial_s, settings.retry_max_s, settings.retry_base),
    )
