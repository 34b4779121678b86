"""The dead man's switch: where no worker executes the ticks that stops stand on, this process does.

Without Redis there is no broker, and so no tick. Whether ticks are executed is asked of Postgres, and the cycles that
run here need nothing of Redis: exits on the local share of the budget, no entries, no events until it is back.

    python -m worker.standby
"""

import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping

import structlog

from shared import logs
from shared.domain.errors import Unavailable
from shared.domain.liveness import SPARE, STANDBY, orphaned
from shared.settings import Settings, load_settings
from worker.boot import Worker, build_worker
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle
from worker.schedule import RESOLVE_INTERVAL_S

log = structlog.get_logger("worker.standby")  # It runs as __main__.

LOOK_EVERY_S = 1.0
SIGN_EVERY_S = 5.0
FORGET_EVERY_S = 3600.0
# At a start the workers come up beside it.
GRACE_S = 10.0
# As a task has: whatever hangs here is ended by the kernel, and the process started again.
HARD_LIMIT_S = 45

Cycle = Callable[[Worker], None]
CYCLES: Mapping[str, Cycle] = {"position": position_cycle, "resolve": resolve_cycle}


class Standby:
    """One look at a time. `cycles` are run in their order, each by the interval of its name."""

    def __init__(
        self, worker: Worker, name: str, intervals: Mapping[str, float], cycles: Mapping[str, Cycle] = CYCLES
    ) -> None:
        self._worker = worker
        self._name = name
        self._intervals = intervals
        self._cycles = cycles
        self._is_needed = False
        self._due = dict.fromkeys(("sign", "forget"), float("-inf"))

    def look(self) -> None:
        """Raises nothing: an outage here is the next look's business."""
        try:
            self._look()
        except Unavailable as error:
            log.warning("store_unavailable", error=str(error))
        except Exception:
            log.exception("standby_failed")

    def _look(self) -> None:
        liveness = self._worker.services.liveness
        if self._is_time("sign", SIGN_EVERY_S):
            liveness.record(self._name, STANDBY, SPARE)
        if self._is_time("forget", FORGET_EVERY_S):
            liveness.forget_old()
        due = orphaned(liveness.ticks(), self._intervals)
        if due:
            self._stand_in()
        elif self._is_needed:
            self._say_back()

    def _stand_in(self) -> None:
        liveness = self._worker.services.liveness
        with liveness.sole_standby() as is_sole:
            # Asked again: another may just have done it.
            for tick in orphaned(liveness.ticks(), self._intervals) if is_sole else ():
                if not self._is_needed:
                    self._is_needed = True
                    log.warning("standby_steps_in", tick=tick)
                self._execute(tick)

    def _execute(self, tick: str) -> None:
        """One kind's trouble is its own: stops are watched where an order can't be looked up, and the reverse."""
        liveness = self._worker.services.liveness
        # Before it, so that a cycle that fails every time is not run every second.
        liveness.record(self._name, STANDBY, tick)
        with structlog.contextvars.bound_contextvars(tick=tick):
            try:
                self._cycles[tick](self._worker)
            except Unavailable:
                raise
            except Exception:
                log.exception("standby_cycle_failed")

    def _say_back(self) -> None:
        """Nothing is due between two turns of ours as well: only a worker's tick relieves us."""
        ticks = [each for each in self._worker.services.liveness.ticks() if each.queue != STANDBY]
        if not orphaned(ticks, self._intervals):
            self._is_needed = False
            log.info("standby_relieved")

    def _is_time(self, what: str, every_s: float) -> bool:
        if time.monotonic() < self._due[what]:
            return False
        self._due[what] = time.monotonic() + every_s
        return True


def standby_name(settings: Settings) -> str:
    """Named as the supervisor names workers."""
    return f"{STANDBY}-{settings.api_port}@{socket.gethostname()}"


def main() -> None:
    settings = load_settings()
    logs.configure(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    intervals = {"position": settings.position_interval_s, "resolve": RESOLVE_INTERVAL_S}
    standby = Standby(build_worker(settings, is_sole=True), standby_name(settings), intervals)
    log.info("standby_ready")
    stop.wait(GRACE_S)
    while not stop.is_set():
        signal.alarm(HARD_LIMIT_S)
        standby.look()
        stop.wait(LOOK_EVERY_S)


if __name__ == "__main__":
    main()
