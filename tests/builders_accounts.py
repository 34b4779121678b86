"""Accounts and what a venue lists of them: a test names only what it is about."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.domain.orders import OrderState
from shared.domain.reconciliation import Reconciliation
from shared.domain.reconciling import Books, Difference, Drift, Look, Revision
from shared.domain.values import Side
from shared.domain.venue import VenueOrder, VenueTrade
from tests.builders import HOUR, NOON

FOREIGN = "web_1"


def a_venue_order(**changes: Any) -> VenueOrder:
    """One BTC bought by hand."""
    plain = VenueOrder(
        exchange_order_id="7",
        client_order_id=FOREIGN,
        symbol="BTC/USDT",
        side=Side.BUY,
        type="market",
        quantity=Decimal(1),
        price=None,
        filled=Decimal(1),
        state=OrderState.FILLED,
        at=NOON,
    )
    return replace(plain, **changes)


def a_venue_trade(**changes: Any) -> VenueTrade:
    """At 100 USDT, for a fee of 0.1."""
    plain = VenueTrade(
        symbol="BTC/USDT",
        trade_id="1",
        exchange_order_id="7",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        fee=Decimal("0.1"),
        fee_currency="USDT",
        at=NOON,
    )
    return replace(plain, **changes)


def some_books(**changes: Any) -> Books:
    """An account that began with 1000 USDT and no BTC, and has traded nothing."""
    plain = Books(
        read_at=NOON,
        revision=Revision(),
        explained_until=NOON - HOUR,
        openings={"USDT": Decimal(1000), "BTC": Decimal(0)},
        symbols=frozenset({"BTC/USDT"}),
    )
    return replace(plain, **changes)


def a_look(at: datetime = NOON, **changes: Any) -> Look:
    return replace(Look(at=at, balances={"USDT": Decimal(1000)}), **changes)


def a_drift(amount: str = "250", asset: str = "USDT") -> Drift:
    return Drift((Difference(asset, Decimal(1000), Decimal(1000) + Decimal(amount)),))


def a_reconciliation(**changes: Any) -> Reconciliation:
    """Clean since noon."""
    plain = Reconciliation("binance", "paper", NOON - HOUR, NOON + HOUR, reconciled_at=NOON, checked_at=NOON)
    return replace(plain, **changes)
