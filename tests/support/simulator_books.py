"""What must hold of a simulator's dump, whatever happened to it."""

from decimal import Decimal
from typing import Any

from simulator.symbols import SYMBOLS


def assert_books_balance(dump: dict[str, Any]) -> None:
    """Opening balances plus every trade and commission are the balances; each order is the sum of its trades."""
    for account, opening in dump["opening_balances"].items():
        expected = {asset: Decimal(amount) for asset, amount in opening.items()}
        for trade in (t for t in dump["trades"] if t["account"] == account):
            sign = 1 if trade["isBuyer"] else -1
            symbol = SYMBOLS[trade["symbol"]]
            for asset, amount in (
                (symbol.base, sign * Decimal(trade["qty"])),
                (symbol.quote, -sign * Decimal(trade["price"]) * Decimal(trade["qty"])),
                (trade["commissionAsset"], -Decimal(trade["commission"])),
            ):
                expected[asset] = expected.get(asset, Decimal(0)) + amount
        found = {a: Decimal(b["free"]) + Decimal(b["locked"]) for a, b in dump["balances"][account].items()}
        assert found == expected
    for order in dump["orders"]:
        fills = [Decimal(t["qty"]) for t in dump["trades"] if t["orderId"] == order["orderId"]]
        assert sum(fills) == Decimal(order["executedQty"])
