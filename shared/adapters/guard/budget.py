"""One budget of HTTP calls for the whole fleet: a moving window in Redis, shared per (exchange, account)."""

import time
from collections.abc import Callable, Mapping

from limits.storage import MemoryStorage, MovingWindowSupport, RedisStorage
from redis import Redis
from redis.exceptions import RedisError

from shared.adapters.guard.lanes import Lane
from shared.domain.errors import NotAsked, Throttled

# Processes stamp calls with their own clocks, and a call arrives later than it was stamped: a window of 100 was
# seen to hold 102 to 106. Ten per cent stay unused.
HEADROOM = 0.9
# Part of the budget a lane may fill: what is kept from data is there for orders, the last tenth for exits alone.
SHARES = {Lane.DATA: 0.8, Lane.LOOK_UP: 0.85, Lane.ENTRY: 0.9, Lane.EXIT: 1.0}
# Seconds a call may wait for its turn; a signed order must not grow old.
PATIENCE_S = {Lane.DATA: 5.0, Lane.LOOK_UP: 1.0, Lane.ENTRY: 1.0, Lane.EXIT: 2.0}
# Without Redis nobody knows what the others use: each process keeps to this part, for all but entries.
LONE_SHARE = 0.1
# A standby is one of its kind, and at work only where no worker is: watching alone takes a dozen calls a minute.
SOLE_SHARE = 0.5


class Budget:
    """`calls` in any `window_s` seconds, and none at all while the venue has told us to wait.

    Redis away: entries are refused (NotAsked), the rest goes on with a small budget of this process alone.
    """

    def __init__(
        self,
        redis: Redis,
        redis_url: str,
        *,
        exchange: str,
        account: str,
        calls: int,
        window_s: int,
        lone_share: float = LONE_SHARE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = redis
        self._shared = RedisStorage(redis_url, connection_pool=redis.connection_pool, key_prefix="budget")
        self._alone: MemoryStorage | None = None
        self._key = f"{exchange}:{account}"
        self._hold_key = f"budget:{exchange}:hold"  # Bans are by address, whatever the account.
        self._limits = lane_limits(calls * HEADROOM)
        self._lone_limits = lane_limits(calls * HEADROOM * lone_share)
        self._window_s = window_s
        self._sleep = sleep
        self._held_until = 0.0

    def take(self, lane: Lane) -> None:
        """One call's worth. Waits a little for room, then raises Throttled."""
        deadline = time.monotonic() + PATIENCE_S[lane]
        while True:
            wait_s = self._wait_s(lane)
            if wait_s <= 0:
                return
            if time.monotonic() + wait_s > deadline:
                raise Throttled(f"the {lane} share of the call budget is used up", retry_after_s=wait_s)
            self._sleep(wait_s)

    def hold(self, seconds: float) -> None:
        """No call of any process before `seconds` have passed: the venue said so."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)
        until_ms = int((time.time() + seconds) * 1000)
        try:
            # The longest hold wins; the value is read by people only, the time to live does the work.
            if self._redis.pttl(self._hold_key) < seconds * 1000:
                self._redis.set(self._hold_key, until_ms, px=max(1, int(seconds * 1000)))
        except RedisError:
            return  # This process at least waits.

    def _wait_s(self, lane: Lane) -> float:
        """Take a call now (0), or how long to wait before the next try."""
        self._check_hold(self._held_until - time.monotonic())
        try:
            self._check_hold(self._redis.pttl(self._hold_key) / 1000)
            return self._acquire(self._shared, self._limits[lane])
        except RedisError as error:
            if lane is Lane.ENTRY:
                raise NotAsked("the shared call budget is away: no entries") from error
            self._alone = self._alone or MemoryStorage()
            return self._acquire(self._alone, self._lone_limits[lane])

    def _acquire(self, storage: MovingWindowSupport, limit: int) -> float:
        if storage.acquire_entry(self._key, limit, self._window_s):
            return 0.0
        oldest, _ = storage.get_moving_window(self._key, limit, self._window_s)
        return max(0.01, oldest + self._window_s - time.time())

    @staticmethod
    def _check_hold(seconds: float) -> None:
        if seconds > 0:
            raise Throttled("the venue told us to wait", retry_after_s=seconds)


def lane_limits(calls: float) -> Mapping[Lane, int]:
    return {lane: max(1, int(calls * share)) for lane, share in SHARES.items()}
