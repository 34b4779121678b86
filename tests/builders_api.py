"""Rows of a book that a person can reckon with in the head: half a bitcoin, bought at 20,000 for a fee of 10."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.orders import Fill, Order, OrderState, Purpose
from shared.domain.positions import Position
from shared.domain.values import Side
from tests import builders
from tests.fakes import EPOCH

CLIENT_ORDER_ID = "b000000000000000000000001"


def a_position(**changes: Any) -> Position:
    held = builders.a_position(
        id="p1",
        strategy_id="s1",
        opened_at=EPOCH,
        quantity=Decimal("0.500000000000000000"),
        cost=Decimal(10000),
        fees=Decimal(10),
    )
    return replace(held, **changes)


def an_entry(state: OrderState, valid_until: datetime | None = None, **changes: Any) -> Order:
    order = builders.an_order(
        client_order_id=CLIENT_ORDER_ID,
        strategy_id="s1",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Decimal("0.00001000"),
        state=state,
        created_at=EPOCH,
        updated_at=EPOCH + timedelta(seconds=1),
        valid_until=valid_until,
    )
    return replace(order, **changes)


def a_fill(trade_id: str = "1") -> Fill:
    return builders.a_buy(
        "0.5",
        "20000.00",
        "1E-8",
        "BTC",
        account="paper",
        trade_id=trade_id,
        client_order_id=CLIENT_ORDER_ID,
        at=EPOCH,
    )
