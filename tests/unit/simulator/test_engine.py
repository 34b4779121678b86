"""The engine on a real store, in this process: an order is one effect or none."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from simulator.engine import Engine
from simulator.market_data import Generator
from simulator.orders import NewOrder, OrderType, Side, TimeInForce, Trade
from simulator.prices import Prices
from simulator.store import Store
from simulator.symbols import SYMBOLS

OPENING = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}


class FailingStore(Store):
    """Fails at the third trade, as a full disk would."""

    trades_left = 2

    def add_trade(self, trade: Trade) -> int:
        if not self.trades_left:
            raise OSError("disk full")
        self.trades_left -= 1
        return super().add_trade(trade)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FailingStore]:
    store = FailingStore(tmp_path / "simulator.sqlite3")
    store.register("demo", "demo", OPENING)
    yield store
    store.close()


def _order(qty: str) -> NewOrder:
    return NewOrder(SYMBOLS["BTCUSDT"], Side.SELL, OrderType.MARKET, TimeInForce.GTC, "mine", Decimal(qty), None, None)


def test_an_order_that_fails_in_the_middle_leaves_nothing(store: FailingStore) -> None:
    engine = Engine(store, Prices(Generator(7)))
    with pytest.raises(OSError, match="disk full"):
        engine.place("demo", _order("1"), 0)
    assert (store.orders(), store.trades()) == ([], [])
    assert store.balances("demo") == {asset: (amount, Decimal(0)) for asset, amount in OPENING.items()}


def test_the_same_order_counts_whole_once_nothing_fails(store: FailingStore) -> None:
    store.trades_left = 1_000
    placed = Engine(store, Prices(Generator(7))).place("demo", _order("1"), 0)
    assert len(placed.trades) > 3
    assert store.trades() == list(placed.trades)
    assert store.orders() == [placed.order]
    received = sum(trade.quote_qty - trade.commission for trade in placed.trades)
    assert store.balances("demo") == {"BTC": (Decimal(9), Decimal(0)), "USDT": (1_000_000 + received, Decimal(0))}
