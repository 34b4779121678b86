"""What holds for every plan: no entry beyond risk, cap and cash, none without an exit; lots never fewer than held."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.orders import Order, OrderState, Purpose
from shared.domain.planning import Desk, Quote, plan, plan_exit
from shared.domain.positions import ExitReason, Position, PositionState, Protection, folded, settled
from shared.domain.risk import Denial, Limits
from shared.domain.values import ZERO, Side, round_down
from tests.builders import (
    NOON,
    a_bot,
    a_decision,
    a_desk,
    a_fill,
    a_grid,
    a_market,
    a_quote,
    a_subscription,
    an_account,
    no_position,
    some_limits,
)

D = Decimal
NONE = Protection()
CASH = st.integers(10**3, 10**11).map(lambda cents: D(cents).scaleb(-2))
PRICES = st.builds(lambda n, places: D(n).scaleb(-places), st.integers(1, 10**8), st.integers(2, 8))
STOPS = st.none() | st.sampled_from([0.01, 0.5, 2.0, 15.0, 99.0])
LEVELS = st.none() | st.sampled_from([2, 10, 100])


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    stop, levels, cash = draw(STOPS), draw(LEVELS), draw(CASH)
    params = {"stop_loss_pct": stop} if levels is None else {"stop_loss_pct": stop, "grid_levels": levels}
    equity = cash * draw(st.sampled_from([D("0.95"), D(1), D(3)]))
    account = an_account(cash=cash, reserved=cash * draw(st.sampled_from([D(0), D("0.4")])), equity=equity)
    account = replace(account, peak_equity=equity, day_start_equity=equity)
    return a_desk(subscription=a_subscription(params), account=account)


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    step, fee = draw(st.sampled_from(["0.00000001", "0.001", "1"])), draw(st.sampled_from(["0", "0.001", "0.0026"]))
    least = draw(st.sampled_from(["0", "0.01", "5"]))
    market = a_market(lot_step=D(step), min_quantity=D(least), taker_fee_frac=D(fee))
    return Quote(market, draw(PRICES), NOON)


LIMITS = st.builds(
    lambda cap, risk: some_limits(max_position_size=D(cap), risk_frac=D(risk)),
    st.sampled_from(["10", "1000", "1000000000000"]),
    st.sampled_from(["0.001", "0.02", "1"]),
)


@settings(deadline=None, max_examples=300)
@given(desks(), quotes(), LIMITS, st.integers(1, 60))
def test_an_entry_stays_within_risk_cap_and_cash(desk: Desk, quote: Quote, limits: Limits, lots: int) -> None:
    order = plan(a_decision(subscription=desk.subscription, lots=lots), desk, quote, limits)

    if isinstance(order, Denial):
        assert order in {Denial.INSUFFICIENT_CASH, Denial.BELOW_MIN_QUANTITY, Denial.BELOW_MIN_NOTIONAL}
        return
    levels = int(desk.subscription.params.get("grid_levels") or 2) // 2
    share = Fraction(order.lots, levels)
    notional = Fraction(order.quantity) * Fraction(quote.price)
    at_risk = notional * Fraction(desk.subscription.protection.stop_loss_frac or 1)
    assert 0 < order.lots <= levels
    assert order.quantity > 0
    assert order.quantity % (quote.market.lot_step * order.lots) == 0
    assert notional <= Fraction(limits.max_position_size) * share
    assert at_risk <= Fraction(desk.account.equity) * Fraction(limits.risk_frac) * share
    assert notional < order.reserved <= desk.account.free_cash


@settings(deadline=None, max_examples=300)
@given(desks(), quotes(), LIMITS, st.integers(1, 60))
def test_an_entry_leaves_exits_that_the_venue_accepts_at_the_stop(
    desk: Desk, quote: Quote, limits: Limits, lots: int
) -> None:
    # Given an entry that filled, its fee taken in base
    order = plan(a_decision(subscription=desk.subscription, lots=lots), desk, quote, limits)
    if isinstance(order, Denial):
        return
    market, stop = quote.market, desk.subscription.protection.stop_loss_frac or ZERO
    position = _filled(no_position(), order, order.quantity, quote, market.taker_fee_frac)
    at_stop = replace(quote, price=quote.price * (1 - stop))

    # Then all of it, and one lot by itself, can be sold at the stop's price
    assert position.state is PositionState.OPEN
    for part in (None, 1):
        leaving = plan_exit(a_bot(), position, ExitReason.SIGNAL, at_stop, part)
        assert isinstance(leaving, Order), (leaving, part)


@dataclass
class Grid:
    """A grid of 5 lots of 0.4 at a price that stands still, with every exit that was sent."""

    position: Position | None = None
    exits: int = 0
    ids: frozenset[str] = frozenset()

    quote = a_quote("100", min_notional=D("0.1"))

    def step(self, side: Side, lots: int, part: Fraction) -> None:
        desk = a_desk(subscription=a_grid(10), position=self.position)
        order = plan(a_decision(side, subscription=desk.subscription, lots=lots), desk, self.quote, some_limits())
        if not isinstance(order, Order):
            return
        if order.purpose is Purpose.EXIT:
            assert order.client_order_id not in self.ids
            self.exits, self.ids = self.exits + 1, self.ids | {order.client_order_id}
        filled = round_down(order.quantity * part.numerator / part.denominator, self.quote.market.lot_step)
        held = self.position or no_position(id=f"p{self.exits}")
        position = _filled(held, order, filled, self.quote)
        self.position = position if position.state is PositionState.OPEN else None
        self.check(position)

    def check(self, position: Position) -> None:
        if position.state is not PositionState.OPEN:
            assert position.lots == 0
            assert position.quantity * 100 < max(self.quote.market.min_notional, self.quote.market.lot_step * 100)
            return
        # Each exit keeps back less than a step of its share.
        kept_back = self.exits * self.quote.market.lot_step
        assert 1 <= position.lots <= 5
        assert 0 < position.quantity <= position.lots * D("0.4") + kept_back


def _filled(position: Position, order: Order, filled: Decimal, quote: Quote, fee_frac: Decimal = ZERO) -> Position:
    """`position` after `order` has ended, `filled` of it done."""
    if filled:
        fee = str(filled * fee_frac)
        position = folded(position, a_fill(order.side, str(filled), str(quote.price), fee, "BTC"), NONE)
    state = OrderState.FILLED if filled == order.quantity else OrderState.EXPIRED
    ended = replace(order, state=state, filled=filled, average_price=quote.price if filled else None)
    return settled(position, ended, quote.market, NOON)


PARTS = st.just(Fraction(1)) | st.fractions(0, 1)
STEPS = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 6), PARTS), max_size=20)


@settings(deadline=None, max_examples=300)
@given(STEPS)
def test_a_grids_lots_are_never_fewer_than_what_it_holds(steps: list[tuple[Side, int, Fraction]]) -> None:
    grid = Grid()

    for side, lots, part in steps:
        grid.step(side, lots, part)


@settings(deadline=None)
@given(STEPS)
def test_a_grid_can_always_be_left_lot_by_lot(steps: list[tuple[Side, int, Fraction]]) -> None:
    # Given whatever happened before
    grid = Grid()
    for side, lots, part in steps:
        grid.step(side, lots, part)

    # When one lot after the other is sold and filled
    for _ in range(5):
        grid.step(Side.SELL, 1, Fraction(1))

    assert grid.position is None
