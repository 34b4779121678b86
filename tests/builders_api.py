"""A running bot, and rows around it, for tests of what people see."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.bots import Subscription
from shared.domain.candles import Timeframe
from shared.domain.orders import Fill, Order, OrderState, Purpose
from shared.domain.positions import Position, PositionState
from shared.domain.values import OrderType, Side
from tests.fakes import EPOCH


def a_subscription(**changes: Any) -> Subscription:
    plain: dict[str, Any] = {
        "id": "s1",
        "bot_id": "default",
        "name": "RSIStrategy",
        "symbol": "BTC/USDT",
        "timeframe": Timeframe.M1,
        "active_from": EPOCH,
        "created_at": EPOCH,
    }
    return Subscription(**(plain | changes))


def a_position(**changes: Any) -> Position:
    """0.5 BTC bought at 20,000, fee 10."""
    plain: dict[str, Any] = {
        "id": "p1",
        "bot_id": "default",
        "strategy_id": "s1",
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "state": PositionState.OPEN,
        "opened_at": EPOCH,
        "quantity": Decimal("0.500000000000000000"),
        "lots": 1,
        "cost": Decimal(10000),
        "fees": Decimal(10),
    }
    return Position(**(plain | changes))


def an_entry(state: OrderState, valid_until: datetime | None = None, **changes: Any) -> Order:
    plain: dict[str, Any] = {
        "client_order_id": "b000000000000000000000001",
        "bot_id": "default",
        "exchange": "binance",
        "account": "paper",
        "strategy_id": "s1",
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "purpose": Purpose.ENTRY,
        "quantity": Decimal("0.00001000"),
        "state": state,
        "created_at": EPOCH,
        "updated_at": EPOCH + timedelta(seconds=1),
        "valid_until": valid_until,
    }
    return Order(**(plain | changes))


def a_fill(trade_id: str = "1") -> Fill:
    return Fill(
        account="paper",
        symbol="BTC/USDT",
        trade_id=trade_id,
        client_order_id="b000000000000000000000001",
        side=Side.BUY,
        quantity=Decimal("0.5"),
        price=Decimal("20000.00"),
        fee=Decimal("1E-8"),
        fee_currency="BTC",
        at=EPOCH,
    )
