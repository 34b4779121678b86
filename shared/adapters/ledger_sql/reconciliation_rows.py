"""Reconciliations and foreign orders ↔ rows. A drift is JSON, its numbers as text."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.adapters.ledger_sql.rows import Row, Values, values
from shared.domain.orders import OrderState
from shared.domain.reconciliation import Reconciliation, drift_told
from shared.domain.reconciling import AccountKey, Difference, Drift
from shared.domain.values import Side
from shared.domain.venue import VenueOrder, VenueTrade


def reconciliation_of(row: Row) -> Reconciliation:
    return Reconciliation(
        exchange=row.exchange,
        account=row.account,
        demanded_at=row.demanded_at,
        due_at=row.due_at,
        reconciled_at=row.reconciled_at,
        is_clean=row.is_clean,
        checked_at=row.checked_at,
        looked_at=row.looked_at,
        explained_until=row.explained_until,
        version=row.version,
        why=row.why,
        suspected=drift_of(row.suspected),
        confirmed=drift_of(row.confirmed),
    )


def reconciliation_row(value: Reconciliation) -> Values:
    """Without what a demand may have written meanwhile."""
    row = values(value) | {name: drift_told(getattr(value, name)) for name in ("suspected", "confirmed")}
    return {name: each for name, each in row.items() if name not in {"exchange", "account", "demanded_at"}}


def drift_of(stored: Mapping[str, Any]) -> Drift:
    differences = (
        Difference(each["asset"], Decimal(each["expected"]), Decimal(each["found"]))
        for each in stored.get("differences", ())
    )
    return Drift(tuple(differences), tuple(_venue_order(each) for each in stored.get("orders", ())))


def _venue_order(stored: Mapping[str, Any]) -> VenueOrder:
    price = stored["price"]
    return VenueOrder(
        **{name: stored[name] for name in ("exchange_order_id", "client_order_id", "symbol", "type")},
        side=Side(stored["side"]),
        quantity=Decimal(stored["quantity"]),
        price=None if price is None else Decimal(price),
        filled=Decimal(stored["filled"]),
        state=OrderState(stored["state"]),
        at=datetime.fromisoformat(stored["at"]),
    )


def external_order_row(key: AccountKey, order: VenueOrder, is_open: bool) -> Values:
    return {**asdict(key), **values(order), "is_open": is_open}


def external_order_of(row: Row) -> VenueOrder:
    return VenueOrder(
        exchange_order_id=row.exchange_order_id,
        client_order_id=row.client_order_id,
        symbol=row.symbol,
        side=Side(row.side),
        type=row.type,
        quantity=row.quantity,
        price=row.price,
        filled=row.filled,
        state=OrderState(row.state),
        at=row.at,
    )


def external_trade_row(key: AccountKey, trade: VenueTrade) -> Values:
    return {**asdict(key), **values(trade)}
