"""What a person found out about a quarantined order, at the venue itself. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from shared.domain.errors import InvalidField
from shared.domain.folding import Traded
from shared.domain.orders import Fill, Order, OrderReport, OrderState
from shared.domain.values import EXACT, ZERO, Market, plain, price_rounded

MAX_AMOUNT = Decimal(10) ** 12
DECIMALS = 18


class Found(StrEnum):
    NOT_PLACED = "not_placed"  # The venue has no such order.
    CANCELED = "canceled"  # It ended there; what it traded until then counts.
    FILLED = "filled"  # All of it was traded.


@dataclass(frozen=True, slots=True)
class Finding:
    """Amounts are the venue's sums over the whole order, whatever of it was recorded before.

    `quantity` None: nothing beyond what is recorded. `fee` None: none beyond it. `note` is for whoever asks later.
    """

    found: Found
    quantity: Decimal | None = None
    average_price: Decimal | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    exchange_order_id: str | None = None
    note: str = ""


def checked(finding: Finding, order: Order) -> Finding:
    """`finding` where it can be true of `order`; else InvalidField names what can't."""
    for name in ("quantity", "average_price", "fee"):
        _check_amount(name, getattr(finding, name))
    if finding.found is Found.NOT_PLACED:
        _check_absence(finding, order)
    else:
        _check_trade(finding, order)
    return finding


def report_of(finding: Finding, order: Order, traded: Traded, market: Market, at: datetime) -> OrderReport:
    """`finding` as if the venue had said it: what is not recorded yet is one fill, under an id of our own."""
    fill = _missing_fill(finding, order, traded, market, at)
    return OrderReport(
        client_order_id=order.client_order_id,
        exchange_order_id=finding.exchange_order_id or order.exchange_order_id or "",
        state=OrderState(finding.found.value),
        filled=traded.quantity if fill is None else traded.quantity + fill.quantity,
        average_price=finding.average_price,
        fills=() if fill is None else (fill,),
    )


def unlisted(order: Order) -> Market:
    """The terms of a symbol that the venue does not list any more: nothing is too small to be held."""
    base, _, quote = order.symbol.partition("/")
    least = Decimal(1).scaleb(-DECIMALS)
    return Market(order.exchange, order.symbol, base, quote, least, least, ZERO, ZERO, ZERO, ZERO, is_active=False)


def trade_id_of(client_order_id: str) -> str:
    """Of the fill that stands for what was found. No venue's id looks like it."""
    return f"manual-{client_order_id}"


def _check_amount(name: str, amount: Decimal | None) -> None:
    if amount is None:
        return
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT:
        raise InvalidField(name, f"must be a number from 0 to {MAX_AMOUNT:f}")
    if -int(amount.normalize().as_tuple().exponent) > DECIMALS:
        raise InvalidField(name, f"must have at most {DECIMALS} decimals")


def _check_absence(finding: Finding, order: Order) -> None:
    if order.exchange_order_id is not None or order.filled > ZERO:
        raise InvalidField("outcome", "the venue has known this order: it was placed; send canceled or filled")
    for name in ("quantity", "average_price", "fee", "fee_currency", "exchange_order_id"):
        if getattr(finding, name) is not None:
            raise InvalidField(name, "leave it out: an order that was not placed has none")


def _check_trade(finding: Finding, order: Order) -> None:
    _check_quantity(finding, order)
    is_more = finding.quantity is not None and finding.quantity > order.filled
    if finding.average_price is None and (is_more or finding.found is Found.FILLED):
        raise InvalidField("average_price", f"needed: the price of one {order.symbol.split('/')[0]}, on average")
    if finding.average_price == ZERO:
        raise InvalidField("average_price", "must be above 0")
    _check_fee(finding, order, is_more)


def _check_quantity(finding: Finding, order: Order) -> None:
    whole, quantity = plain(order.quantity), finding.quantity
    if finding.found is Found.FILLED and quantity != order.quantity:
        less = f"filled means all of it, {whole}; where less was traded, the outcome is canceled"
        raise InvalidField("quantity", less)
    if quantity is None:
        return
    if quantity > order.quantity:
        raise InvalidField("quantity", f"the order was for {whole}")
    if quantity < order.filled:
        raise InvalidField("quantity", f"{plain(order.filled)} of it is recorded already; send the sum")


def _check_fee(finding: Finding, order: Order, is_more: bool) -> None:
    if finding.fee is None:
        return
    if finding.fee_currency is None:
        raise InvalidField("fee_currency", "needed with a fee, such as USDT")
    before = _fee_before(finding, order)
    if finding.fee < before:
        raise InvalidField("fee", f"{plain(before)} of it is recorded already; send the sum")
    if finding.fee > before and not is_more:
        raise InvalidField("fee", "every trade of it is recorded, with its fee; leave it out")


def _fee_before(finding: Finding, order: Order) -> Decimal:
    return order.fee if order.fee_currency == finding.fee_currency else ZERO


def _missing_fill(finding: Finding, order: Order, traded: Traded, market: Market, at: datetime) -> Fill | None:
    if finding.quantity is None or finding.average_price is None or finding.quantity == traded.quantity:
        return None
    with localcontext(EXACT):
        quantity = finding.quantity - traded.quantity
        worth = finding.quantity * finding.average_price - traded.quote
        fee = ZERO if finding.fee is None else finding.fee - _fee_before(finding, order)
        price = price_rounded(worth / quantity)
    if price <= ZERO:
        raise InvalidField("average_price", "what is recorded of the order has cost more than that")
    currency = finding.fee_currency or market.quote
    _check_share(fee, currency, quantity, worth, market)
    return Fill(
        account=order.account,
        symbol=order.symbol,
        trade_id=trade_id_of(order.client_order_id),
        client_order_id=order.client_order_id,
        side=order.side,
        quantity=quantity,
        price=price,
        fee=fee,
        fee_currency=currency,
        at=at,
    )


def _check_share(fee: Decimal, currency: str, quantity: Decimal, worth: Decimal, market: Market) -> None:
    """A fee is a part of what was traded; one in a third currency can't be compared."""
    most = {market.base: quantity, market.quote: worth}.get(currency)
    if most is not None and fee > most:
        raise InvalidField("fee", f"is more than what was traded, {plain(most)} {currency}")
