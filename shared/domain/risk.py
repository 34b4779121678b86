"""Sizes and limits. Fractions in, reasons out; nothing here reads or writes."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.portfolio import Account
from shared.domain.values import ONE, ZERO, Market, round_down


class Denial(StrEnum):
    """Why a signal became no order: stored with the decision, shown to whoever asks why nothing happened."""

    NOT_RUNNING = "not_running"
    PAUSED = "paused"
    STRATEGY_REMOVED = "strategy_removed"
    CLOSED_BEFORE_START = "closed_before_start"
    SIGNAL_EXPIRED = "signal_expired"
    DRAWDOWN_LIMIT = "drawdown_limit"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    ALREADY_IN_POSITION = "already_in_position"
    ORDER_IN_FLIGHT = "order_in_flight"
    NOTHING_TO_SELL = "nothing_to_sell"
    NO_FREE_LEVEL = "no_free_level"
    INSUFFICIENT_CASH = "insufficient_cash"
    BELOW_MIN_QUANTITY = "below_min_quantity"
    BELOW_MIN_NOTIONAL = "below_min_notional"
    MARKET_INACTIVE = "market_inactive"
    EXCHANGE_UNAVAILABLE = "exchange_unavailable"
    ORDER_QUARANTINED = "order_quarantined"
    ACCOUNT_DRIFT = "account_drift"
    OTHER_ACCOUNT = "other_account"


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_position_size` in quote; fractions; and `limit_exit_s`: how long an exit that is in no hurry may rest.

    `slippage_frac` is the headroom kept on market buys.
    """

    max_position_size: Decimal
    risk_frac: Decimal
    max_drawdown_frac: Decimal
    max_daily_loss_frac: Decimal
    slippage_frac: Decimal = Decimal("0.01")
    limit_exit_s: int = 0


def halt(account: Account, limits: Limits) -> Denial | None:
    """The limit that stops entries for the whole bot, if one is reached; exits go on."""
    if account.drawdown_frac >= limits.max_drawdown_frac:
        return Denial.DRAWDOWN_LIMIT
    if account.daily_loss_frac >= limits.max_daily_loss_frac:
        return Denial.DAILY_LOSS_LIMIT
    return None


def position_notional(account: Account, stop_loss_frac: Decimal | None, limits: Limits) -> Decimal:
    """Quote to put into one full position: equity × risk / stop distance, capped by MAX_POSITION_SIZE.

    Without a stop the whole price is at risk: the distance is 1.
    """
    distance = stop_loss_frac if stop_loss_frac is not None else ONE
    return min(account.equity * limits.risk_frac / distance, limits.max_position_size)


def entry_quantity(
    notional: Decimal, price: Decimal, stop_loss_frac: Decimal | None, market: Market
) -> Decimal | Denial:
    """Base to buy with `notional` at `price`, on the venue's grid, or why it can't be.

    The minimum notional is held against the stop's price, since an entry must leave an exit that the venue accepts,
    and against what is left after a fee taken in base.
    """
    quantity = round_down(notional / price, market.lot_step)
    if quantity <= 0 or quantity < market.min_quantity:
        return Denial.BELOW_MIN_QUANTITY
    sellable = round_down(quantity * (ONE - market.taker_fee_frac), market.lot_step)
    if sellable < market.min_quantity:
        return Denial.BELOW_MIN_QUANTITY
    if sellable * price * (ONE - (stop_loss_frac or 0)) < market.min_notional:
        return Denial.BELOW_MIN_NOTIONAL
    return quantity


def affordable(account: Account, market: Market, limits: Limits) -> Decimal:
    """The most quote that a market buy may cost before headroom and fee: the inverse of `cash_needed`."""
    return max(account.free_cash, ZERO) / (ONE + limits.slippage_frac) / (ONE + market.taker_fee_frac)


def cash_needed(quantity: Decimal, price: Decimal, market: Market, limits: Limits) -> Decimal:
    """Quote held back for a market buy: price with headroom for slippage, fee included."""
    return quantity * price * (ONE + limits.slippage_frac) * (ONE + market.taker_fee_frac)
