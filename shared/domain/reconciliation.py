"""How an account stands: what each conclusion, each demand and a person's word make of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.events import Event, EventType
from shared.domain.orders import Order
from shared.domain.reconciling import (
    DRIFT_EVERY,
    EVERY,
    NO_DRIFT,
    RETRY,
    AccountKey,
    Books,
    Conclusion,
    Drift,
    Verdict,
)
from shared.domain.values import plain
from shared.domain.venue import VenueOrder

AGAIN: dict[Verdict, timedelta] = {Verdict.CLEAN: EVERY, Verdict.DRIFT: DRIFT_EVERY, Verdict.INCONCLUSIVE: RETRY}
# A look whose worker has died is taken up by another after it.
CLAIM = timedelta(seconds=30)
# Of an account, not of a bot.
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Moments are the database's clock, but for `looked_at` and `explained_until`, which are the venue's.

    Entries wait until `reconciled_at` is not before `demanded_at`, and are refused while `is_clean` is False.
    `due_at`: when it is looked at next. `checked_at`: when the last look began that came to a conclusion.
    """

    exchange: str
    account: str
    demanded_at: datetime
    due_at: datetime
    reconciled_at: datetime | None = None
    is_clean: bool = True
    checked_at: datetime | None = None
    looked_at: datetime | None = None
    explained_until: datetime | None = None
    version: int = 0
    why: str = ""
    suspected: Drift = NO_DRIFT
    confirmed: Drift = NO_DRIFT

    @property
    def key(self) -> AccountKey:
        return AccountKey(self.exchange, self.account)

    @property
    def is_waiting(self) -> bool:
        return self.reconciled_at is None or self.reconciled_at < self.demanded_at


def after_look(row: Reconciliation, books: Books, conclusion: Conclusion, now: datetime) -> Reconciliation:
    """`row` after a look that began when `books` were read. A demand that came since stays open, and due."""
    is_demanded_since = row.demanded_at > books.read_at
    row = replace(
        row,
        version=row.version + 1,
        checked_at=books.read_at,
        looked_at=conclusion.looked_at or row.looked_at,
        why=conclusion.why,
        due_at=now if is_demanded_since else now + AGAIN[conclusion.verdict],
        suspected=NO_DRIFT,
    )
    match conclusion.verdict:
        case Verdict.CLEAN:
            until = conclusion.explained_until
            settled = replace(row, is_clean=True, confirmed=NO_DRIFT, explained_until=until)
            return replace(settled, reconciled_at=books.read_at)
        case Verdict.DRIFT:
            return replace(row, is_clean=False, confirmed=conclusion.drift, reconciled_at=books.read_at)
        case Verdict.INCONCLUSIVE:
            return replace(row, suspected=conclusion.drift)


def accepted(row: Reconciliation, now: datetime) -> Reconciliation:
    """`row` once its drift is part of the opening, with all that the last look saw; the next one shows if it still is.

    A look that is under way now is not concluded: it was compared with the old opening.
    """
    return replace(
        row,
        version=row.version + 1,
        is_clean=True,
        confirmed=NO_DRIFT,
        suspected=NO_DRIFT,
        why="",
        explained_until=row.looked_at,
        due_at=now,
    )


def told(before: Reconciliation, after: Reconciliation, at: datetime) -> list[Event]:
    """What a look has changed: nothing is said twice."""
    if not after.is_clean and (before.is_clean or before.confirmed != after.confirmed):
        return [_event(EventType.ACCOUNT_DRIFTED, after.key, at, drift_told(after.confirmed))]
    is_settled = after.is_clean and not after.is_waiting
    if is_settled and (before.is_waiting or not before.is_clean):
        return [_event(EventType.ACCOUNT_RECONCILED, after.key, at, {})]
    return []


def drift_accepted(key: AccountKey, drift: Drift, reason: str, at: datetime) -> Event:
    return _event(EventType.DRIFT_ACCEPTED, key, at, {"reason": reason, **drift_told(drift)})


def external_order_seen(key: AccountKey, order: VenueOrder, at: datetime) -> Event:
    return _event(EventType.EXTERNAL_ORDER_SEEN, key, at, venue_order_told(order))


def order_adopted(order: Order, at: datetime) -> Event:
    payload = {
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "strategy_id": order.strategy_id,
        "position_id": order.position_id,
        "symbol": order.symbol,
        "side": order.side,
        "purpose": order.purpose,
        "state": order.state,
        "quantity": plain(order.quantity),
        "placed_at": order.created_at.isoformat(),
    }
    return Event(EventType.ORDER_ADOPTED, order.bot_id, at, payload)


def drift_told(drift: Drift) -> dict[str, object]:
    """As JSON."""
    differences = [
        {
            "asset": each.asset,
            "expected": plain(each.expected),
            "found": plain(each.found),
            "difference": plain(each.amount),
        }
        for each in drift.differences
    ]
    return {"differences": differences, "orders": [venue_order_told(each) for each in drift.strays]}


def venue_order_told(order: VenueOrder) -> dict[str, object]:
    return {
        "exchange_order_id": order.exchange_order_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "quantity": plain(order.quantity),
        "price": plain(order.price),
        "filled": plain(order.filled),
        "state": order.state,
        "at": order.at.isoformat(),
    }


def _event(kind: EventType, key: AccountKey, at: datetime, payload: Mapping[str, object]) -> Event:
    return Event(kind, NOBODY, at, {"exchange": key.exchange, "account": key.account, **payload})
