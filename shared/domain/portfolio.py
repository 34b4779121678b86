"""Cash, equity and drawdown of one bot, marked at prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext

from shared.domain.positions import Position
from shared.domain.values import EXACT, ZERO


@dataclass(frozen=True, slots=True)
class Account:
    """What a bot has, in quote. `cash` is the ledger's sum; `reserved` is held for orders that live.

    `realised` and `fees` are summed over every position the bot ever had. `peak_equity` starts at the initial
    balance; `day_start_equity` is equity at 00:00 UTC of `day`.
    """

    bot_id: str
    initial_balance: Decimal
    cash: Decimal
    reserved: Decimal
    realised: Decimal
    fees: Decimal
    peak_equity: Decimal
    day: date
    day_start_equity: Decimal
    equity: Decimal

    @property
    def free_cash(self) -> Decimal:
        return self.cash - self.reserved

    @property
    def drawdown_frac(self) -> Decimal:
        return (self.peak_equity - self.equity) / self.peak_equity if self.peak_equity > 0 else ZERO

    @property
    def daily_loss_frac(self) -> Decimal:
        return (self.day_start_equity - self.equity) / self.day_start_equity if self.day_start_equity > 0 else ZERO


@dataclass(frozen=True, slots=True)
class EquityMark:
    """One point of a bot's equity curve: initial + realised + unrealised − fees = equity = cash + value."""

    bot_id: str
    at: datetime
    equity: Decimal
    cash: Decimal
    positions_value: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    peak_equity: Decimal
    drawdown_frac: Decimal
    day_start_equity: Decimal


def equity_mark(account: Account, held: Iterable[Position], marks: Mapping[str, Decimal], at: datetime) -> EquityMark:
    """The bot's equity at `marks` (symbol → price). `held`: its positions with a quantity, dust included.

    Raises KeyError where something is held on a symbol without a mark: no equity is better than a wrong one.
    """
    positions = list(held)
    with localcontext(EXACT):
        value = sum((p.value(marks[p.symbol]) for p in positions), ZERO)
        unrealised = sum((p.unrealised(marks[p.symbol]) for p in positions), ZERO)
        equity = account.cash + value
    peak = max(account.peak_equity, equity)
    return EquityMark(
        bot_id=account.bot_id,
        at=at,
        equity=equity,
        cash=account.cash,
        positions_value=value,
        realised=account.realised,
        unrealised=unrealised,
        fees=account.fees,
        peak_equity=peak,
        drawdown_frac=(peak - equity) / peak if peak > 0 else ZERO,
        day_start_equity=account.day_start_equity if account.day == at.date() else equity,
    )
