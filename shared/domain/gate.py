"""What holds a bot's entries back, whatever it wants itself: its account's books, and its own orders in doubt. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.risk import Denial

# Reconciliation runs every five minutes: two may fail.
FRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Gate:
    """`is_reconciled` False lets entries wait; the others refuse them until proof, or a person, settles it."""

    is_reconciled: bool = True
    has_drift: bool = False
    has_quarantined: bool = False

    @property
    def refusal(self) -> Denial | None:
        if self.has_quarantined:
            return Denial.ORDER_QUARANTINED
        return Denial.ACCOUNT_DRIFT if self.has_drift else None


def is_reconciled(demanded_at: datetime | None, reconciled_at: datetime | None, now: datetime) -> bool:
    """Since the last demand (a start of a bot or of a worker), and not long ago. Nothing is held back before one."""
    if demanded_at is None:
        return True
    return reconciled_at is not None and reconciled_at >= demanded_at and reconciled_at > now - FRESH
