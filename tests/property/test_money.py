"""What holds for money whatever is traded: sums agree to the last digit."""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.orders import Fill
from shared.domain.portfolio import equity_mark
from shared.domain.positions import Position, Protection, bought, folded, ratcheted
from shared.domain.values import EXACT, Side, round_down, round_up
from tests.builders import NOON, a_buy, a_fill, an_account, no_position

D = Decimal
NONE = Protection()
FEES = st.sampled_from(["0", "0.00075", "0.001", "0.0026"])
# From whole coins to the eighth decimal, from fractions of a cent to a million.
QUANTITIES = st.builds(lambda n, places: D(n).scaleb(-places), st.integers(1, 10**9), st.integers(0, 8))
PRICES = st.builds(lambda n, places: D(n).scaleb(-places), st.integers(1, 10**8), st.integers(2, 8))


@dataclass(frozen=True)
class Trade:
    """A fill to be: a sell is of a part of what is held then."""

    side: Side
    quantity: Decimal
    part: Fraction
    price: Decimal
    fee_frac: Decimal
    fee_currency: str


TRADES = st.lists(
    st.builds(
        Trade,
        st.sampled_from(Side),
        QUANTITIES,
        st.fractions(0, 1) | st.just(Fraction(1)),
        PRICES,
        FEES.map(D),
        st.sampled_from(["USDT", "BTC", "BNB"]),
    ),
    max_size=12,
)


def fills_of(trades: list[Trade]) -> list[Fill]:
    """The trades that can be made, in order: none sells more than is held, its fee in base included."""
    held, fills = Fraction(0), []
    for trade in trades:
        fee_frac = Fraction(trade.fee_frac) if trade.fee_currency == "BTC" else Fraction(0)
        if trade.side is Side.BUY:
            fills.append(_fill(trade, trade.quantity))
            held += Fraction(trade.quantity) * (1 - fee_frac)
            continue
        is_all = trade.part == 1 and not fee_frac
        quantity = _exact(held) if is_all else _whole(held * trade.part / (1 + fee_frac))
        if quantity > 0:
            fills.append(_fill(trade, quantity))
            held -= Fraction(quantity) * (1 + fee_frac)
    return fills


def _whole(quantity: Fraction) -> Decimal:
    """Down to the eighth decimal."""
    return D(int(quantity * 10**8)).scaleb(-8)


def _exact(value: Fraction) -> Decimal:
    """A sum of decimals, as a decimal again."""
    with localcontext(EXACT):
        decimal = D(value.numerator) / D(value.denominator)
    assert Fraction(decimal) == value
    return decimal


def _fill(trade: Trade, quantity: Decimal) -> Fill:
    with localcontext(EXACT):
        worth = {"USDT": quantity * trade.price, "BTC": quantity, "BNB": D(1)}[trade.fee_currency]
        fee = str(worth * trade.fee_frac)
    return a_fill(trade.side, str(quantity), str(trade.price), fee, trade.fee_currency)


@dataclass
class Wallet:
    """Cash and coins as a venue moves them: folded from the fills alone, in fractions."""

    cash: Fraction
    coins: Fraction = Fraction(0)

    def take(self, fill: Fill) -> None:
        sign = 1 if fill.side is Side.BUY else -1
        self.coins += sign * Fraction(fill.quantity)
        self.cash -= sign * Fraction(fill.quantity) * Fraction(fill.price)
        if fill.fee_currency == "BTC":
            self.coins -= Fraction(fill.fee)
        elif fill.fee_currency == "USDT":
            self.cash -= Fraction(fill.fee)


@settings(deadline=None, max_examples=300)
@given(TRADES, PRICES)
def test_what_was_earned_and_paid_is_what_is_there_to_the_last_digit(trades: list[Trade], mark: Decimal) -> None:
    initial = Fraction(10**6)
    position, wallet = no_position(), Wallet(initial)

    for fill in fills_of(trades):
        position = folded(position, fill, NONE)
        wallet.take(fill)

        assert Fraction(position.quantity) == wallet.coins
        unrealised = wallet.coins * Fraction(mark) - Fraction(position.cost)
        earned = Fraction(position.realised) + unrealised - Fraction(position.fees)
        assert initial + earned == wallet.cash + wallet.coins * Fraction(mark)


@settings(deadline=None)
@given(TRADES, PRICES)
def test_a_mark_of_equity_agrees_with_a_wallet_to_the_last_digit(trades: list[Trade], mark: Decimal) -> None:
    position, wallet = no_position(), Wallet(Fraction(10**6))
    for fill in fills_of(trades):
        position = folded(position, fill, NONE)
        wallet.take(fill)
    account = an_account(
        initial_balance=D(10**6), cash=_exact(wallet.cash), realised=position.realised, fees=position.fees
    )

    point = equity_mark(account, [position], {"BTC/USDT": mark}, NOON)

    assert Fraction(point.equity) == wallet.cash + wallet.coins * Fraction(mark)
    gained = Fraction(point.realised) + Fraction(point.unrealised) - Fraction(point.fees)
    assert Fraction(point.equity) == Fraction(account.initial_balance) + gained
    assert point.peak_equity >= point.equity


@settings(deadline=None)
@given(TRADES)
def test_nothing_sold_beyond_what_is_held_leaves_neither_debt_nor_cost(trades: list[Trade]) -> None:
    position = no_position()
    for fill in fills_of(trades):
        position = folded(position, fill, NONE)

        assert position.quantity >= 0
        assert position.cost >= 0
        assert position.quantity > 0 or position.cost == 0


@settings(deadline=None)
@given(TRADES, st.data())
def test_a_fill_told_in_two_parts_is_the_same_position(trades: list[Trade], data: st.DataObject) -> None:
    # Given buys that a venue may report whole or in parts
    whole = parts = no_position()
    for trade in trades:
        fill = _fill(trade, trade.quantity)
        share = data.draw(st.integers(0, 4), label="quarters first") * D("0.25")
        with localcontext(EXACT):
            first = replace(fill, side=Side.BUY, quantity=fill.quantity * share, fee=fill.fee * share)
            second = replace(fill, side=Side.BUY, quantity=fill.quantity * (1 - share), fee=fill.fee * (1 - share))
        whole = bought(whole, replace(fill, side=Side.BUY), NONE)
        for part in (first, second):
            parts = bought(parts, part, NONE) if part.quantity else parts

    assert parts == whole


@settings(deadline=None)
@given(TRADES)
def test_a_replay_of_the_fills_is_the_same_position(trades: list[Trade]) -> None:
    protection = Protection(D("0.02"), D("0.05"), D("0.03"))
    fills = fills_of(trades)

    def replayed() -> Position:
        position = no_position()
        for fill in fills:
            position = folded(position, fill, protection)
        return position

    # The context of whoever folds is not part of the sums.
    with localcontext(prec=12):
        first = replayed()
    second = replayed()

    assert (first.quantity, first.cost, first.realised, first.fees) == (
        second.quantity,
        second.cost,
        second.realised,
        second.fees,
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), PRICES), min_size=1, max_size=20), FEES)
def test_a_trailing_stop_never_falls(moves: list[tuple[bool, Decimal]], frac: str) -> None:
    # Given a position whose price moves, and which is added to at some of the prices
    protection = Protection(trailing_stop_frac=D(frac))
    position = bought(no_position(), a_buy("1", str(moves[0][1])), protection)
    stops = [position.trailing_stop]

    for adds, price in moves:
        position = bought(position, a_buy("1", str(price)), protection) if adds else ratcheted(position, price)
        stops.append(position.trailing_stop)

    assert None not in stops
    assert all(later >= earlier for earlier, later in pairwise(stops) if earlier is not None and later is not None)


@settings(deadline=None)
@given(QUANTITIES, st.sampled_from(["0.00000001", "0.001", "0.25", "1", "7"]))
def test_a_rounded_quantity_is_the_nearest_on_its_grid(quantity: Decimal, step: str) -> None:
    down, up = round_down(quantity, D(step)), round_up(quantity, D(step))

    assert down % D(step) == up % D(step) == 0
    assert down <= quantity <= up
    assert up - down == (0 if down == quantity else D(step))
