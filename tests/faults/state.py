"""The working copy in Redis as one process has it."""

from tests.fakes_redis import MemoryStateStore
from tests.faults.process import Process


class SimStateStore(MemoryStateStore):
    """An offset is kept against Redis's clock, and told to each process by that of its own machine."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.world.cache, process.world.database_clock)
        self._ahead_ms = round(process.skew_s * 1000)

    def clock_offset_ms(self, exchange: str) -> int | None:
        ahead_of_redis_ms = super().clock_offset_ms(exchange)
        return None if ahead_of_redis_ms is None else ahead_of_redis_ms - self._ahead_ms

    def put_clock_offset_ms(self, exchange: str, offset_ms: int) -> None:
        super().put_clock_offset_ms(exchange, offset_ms + self._ahead_ms)
