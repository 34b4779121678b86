"""What may go wrong, and how often."""

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of one transmission of an order, or of a cancel."""

    OK = "ok"
    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    LATE = "late arrival"
    ERROR_AFTER = "5xx after acceptance"
    ERROR_BEFORE = "5xx before"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    THROTTLED = "429"
    REJECTED = "definite rejection"


FATES = tuple(Fate)
# Half of all transmissions go wrong in one way or another.
FATE_WEIGHTS = (50, 7, 11, 12, 6, 4, 2, 2, 3, 3)
# The bytes of these reach the venue.
ARRIVING = frozenset(
    {Fate.OK, Fate.REPLY_LOST, Fate.LATE, Fate.ERROR_AFTER, Fate.GARBAGE, Fate.TRUNCATED, Fate.REJECTED}
)


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities: per port call, per read of the venue, per tick. `risky` calls are those on an order's way."""

    crash: float = 0.001
    crash_risky: float = 0.02
    pause: float = 0.0005
    pause_risky: float = 0.012
    slow: float = 0.01
    commit_reply_lost: float = 0.006
    read_failed: float = 0.05
    read_throttled: float = 0.02
    stale_read: float = 0.06
    lagging_trades: float = 0.15
    repeated_trades: float = 0.15
    tick_lost: float = 0.06
    tick_doubled: float = 0.25
    message_lost: float = 0.05
    api_crash: float = 0.01
    fates: tuple[int, ...] = FATE_WEIGHTS

    @property
    def is_any(self) -> bool:
        return self.crash > 0


NONE = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (1, *(0 for _ in FATES[1:])))
STANDARD = Faults()
