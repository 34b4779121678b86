"""Double entry: what moves money, as lines that sum to zero per asset. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from shared.domain.orders import Fill
from shared.domain.values import ZERO, Market, Side

ASSETS, CAPITAL, EXCHANGE, FEES = "assets", "capital", "exchange", "fees"


@dataclass(frozen=True, slots=True)
class Line:
    transaction_id: str
    kind: str
    ledger_account: str
    asset: str
    bot_id: str
    amount: Decimal
    at: datetime


def fill_lines(fill: Fill, market: Market, bot_id: str) -> list[Line]:
    """Base against quote, and the fee in whatever it was taken in."""
    transaction_id = f"fill|{fill.account}|{fill.symbol}|{fill.trade_id}"
    sign = 1 if fill.side is Side.BUY else -1
    moves = [
        ("trade", EXCHANGE, market.base, sign * fill.quantity),
        ("trade", EXCHANGE, market.quote, -sign * fill.quantity * fill.price),
        ("fee", FEES, fill.fee_currency, -fill.fee),
    ]
    return [
        line
        for kind, contra, asset, amount in moves
        if amount
        for line in _pair(Line(transaction_id, kind, ASSETS, asset, bot_id, amount, fill.at), contra)
    ]


def capital_lines(bot_id: str, version: int, quote: str, amount: Decimal, at: datetime) -> list[Line]:
    """Quote paid in by a start, or out of it where `amount` is negative."""
    line = Line(f"capital|{bot_id}|{version}", "capital", ASSETS, quote, bot_id, amount, at)
    return _pair(line, CAPITAL) if amount else []


def assets_change(lines: Iterable[Line], asset: str) -> Decimal:
    return sum((line.amount for line in lines if (line.ledger_account, line.asset) == (ASSETS, asset)), ZERO)


def _pair(line: Line, contra: str) -> list[Line]:
    return [line, replace(line, ledger_account=contra, amount=-line.amount)]
