"""Money: whatever fills arrive, in whatever order and however often, the sums agree to the last digit."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters import ledger_sql
from shared.domain.orders import Fill, Order, OrderState
from shared.domain.values import Side
from tests.support.record import Record, check_books, entries_of

PRICES = st.decimals(min_value="0.00000001", max_value="99999.99", places=8).filter(lambda price: price > 0)
QUANTITIES = st.decimals(min_value="0.00000003", max_value="5000", places=8).filter(lambda part: part > 0)
FEES = st.sampled_from(["0", "0.001", "0.00075", "-0.0001"])
CURRENCIES = st.sampled_from(["USDT", "BTC", "BNB"])


@dataclass(frozen=True)
class Part:
    """One trade of an order."""

    quantity: Decimal
    price: Decimal
    fee_frac: Decimal
    currency: str


PARTS = st.lists(st.builds(Part, QUANTITIES, PRICES, FEES.map(Decimal), CURRENCIES), min_size=1, max_size=4)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = ledger_sql.engine(database_url)
    yield engine
    engine.dispose()


def _emptied(engine: sa.Engine) -> Record:
    with engine.begin() as conn:
        tables = "bots, strategies, decisions, orders, findings, fills, ledger, positions, equity, outbox"
        conn.execute(sa.text(f"TRUNCATE {tables}"))
    record = Record(engine)
    record.start(initial_balance=Decimal("1234567.89"))
    record.subscribe(params={"stop_loss_pct": 2.0, "trailing_stop_pct": 1.0})
    return record


def _fills(record: Record, order: Order, parts: list[Part]) -> list[Fill]:
    return [_fill(record, order, part) for part in parts]


def _fill(record: Record, order: Order, part: Part) -> Fill:
    worth = {"BTC": part.quantity, "BNB": Decimal(1)}.get(part.currency, part.quantity * part.price)
    fee = worth * part.fee_frac
    if order.side is Side.SELL and part.currency == "BTC":
        fee = Decimal(0)  # What is sold whole leaves no base to take a fee from.
    return record.trade(order, str(part.quantity), str(part.price), format(fee, "f"), part.currency)


def _entry(record: Record, parts: list[Part], hours: int = 0) -> tuple[Order, list[Fill]]:
    total = sum((part.quantity for part in parts), Decimal(0))
    order = record.send(record.enter(hours, quantity=total, reserved=Decimal(0)))
    return order, _fills(record, order, parts)


def _exit(record: Record, parts: list[Part]) -> tuple[Order, list[Fill]] | None:
    """An exit of all that is held, traded in pieces at the prices of `parts`."""
    watched = record.books.watched_positions("binance")
    order = record.exit(watched[0][1]) if watched else None
    if order is None:
        return None
    sending = record.send(order)
    share = (sending.quantity / len(parts)).quantize(Decimal("0.001"))
    pieces = [share] * (len(parts) - 1) if share > 0 else []
    pieces.append(sending.quantity - sum(pieces, Decimal(0)))
    parts = [Part(piece, part.price, part.fee_frac, part.currency) for piece, part in zip(pieces, parts, strict=False)]
    return sending, _fills(record, sending, [part for part in parts if part.quantity > 0])


HEAVY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)


@HEAVY
@given(rounds=st.lists(st.tuples(PARTS, PARTS), min_size=1, max_size=3), mark=PRICES)
def test_initial_and_profit_less_fees_is_cash_and_what_is_held(
    engine: sa.Engine, rounds: list[tuple[list[Part], list[Part]]], mark: Decimal
) -> None:
    record = _emptied(engine)
    marks = {"BTC/USDT": mark}
    for hours, (bought, sold) in enumerate(rounds):
        entry, fills = _entry(record, bought, hours)
        for count in range(1, len(fills) + 1):
            record.report(entry, *fills[:count], state=OrderState.PARTIALLY_FILLED)
            check_books(record, marks=marks)
        record.report(entry, *fills)
        check_books(record, marks=marks)
        leaving = _exit(record, sold)
        if leaving is not None:
            record.report(leaving[0], *leaving[1])
            check_books(record, marks=marks)


@HEAVY
@given(parts=PARTS, data=st.data())
def test_reports_in_any_order_and_number_end_the_same(
    engine: sa.Engine, parts: list[Part], data: st.DataObject
) -> None:
    record = _emptied(engine)
    entry, fills = _entry(record, parts)
    arrivals = data.draw(st.lists(st.lists(st.sampled_from(fills), max_size=3, unique=True), max_size=5))
    states = st.sampled_from([OrderState.ACKED, OrderState.PARTIALLY_FILLED, OrderState.FILLED])
    total = sum((fill.quantity for fill in fills), Decimal(0))

    for arrival in arrivals:
        record.report(entry, *arrival, state=data.draw(states), filled=total)
        check_books(record)
    record.report(entry, *fills)
    after = _everything(record)
    record.report(entry, *fills[::-1])

    assert _everything(record) == after
    (order,) = entries_of(record)
    assert (order.state, order.filled, order.reserved) == (OrderState.FILLED, total, 0)
    assert record.value("SELECT count(*) FROM fills") == len(fills)
    check_books(record)


def _everything(record: Record) -> list[list[str]]:
    tables = ("bots", "orders", "fills", "ledger", "positions", "outbox")
    return [record.column(f"SELECT row_to_json(t)::text FROM {table} t ORDER BY 1") for table in tables]


def test_a_round_trip_by_hand(engine: sa.Engine) -> None:
    """Bought 1 at 100 (fee 0.001 in base) and 1 at 110 (fee 0.11); 1.5 sold at 120 (fee 0.18), worked out on paper."""
    record = _emptied(engine)
    entry, _ = _entry(record, [Part(Decimal(2), Decimal(100), Decimal(0), "USDT")])
    record.report(entry, record.trade(entry, "1", "100", "0.001", "BTC"), record.trade(entry, "1", "110", "0.11"))
    ((_, position),) = record.books.watched_positions("binance")

    assert (position.quantity, position.cost, position.fees) == (Decimal("1.999"), Decimal("209.9"), Decimal("0.21"))

    leaving = record.exit(position)
    assert leaving is not None
    sending = record.send(leaving)
    record.report(sending, record.trade(sending, "1.5", "120", "0.18"), state=OrderState.CANCELED)

    account = record.queries.account("default")
    assert account is not None
    assert account.cash == Decimal("1234567.89") - 100 - 110 - Decimal("0.11") + 180 - Decimal("0.18")
    # 1.5 / 1.999 of 209.9, rounded at 18 decimals, is what the sold part had cost.
    assert account.realised == 180 - Decimal("157.503751875937968984")
    assert account.fees == Decimal("0.39")
    check_books(record)
