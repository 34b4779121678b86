"""Money as a user reads it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from shared.domain.orders import OrderState
from shared.domain.portfolio import equity_mark
from shared.domain.positions import PositionState
from tests.builders_api import a_fill, a_position, an_entry
from tests.fakes import EPOCH, World

PORTFOLIO = "/api/v1/portfolio"


@pytest.fixture
def holding(world: World, running: FlaskClient) -> FlaskClient:
    """Half a bitcoin for 10,000 of 20,000, fee 10, now at 21,000.25."""
    account = world.record.accounts["default"]
    world.record.accounts["default"] = replace(
        account, initial_balance=Decimal(20000), cash=Decimal("9990.00"), fees=Decimal(10), peak_equity=Decimal(20000)
    )
    world.record.positions.append(a_position(stop_loss=Decimal(19000)))
    world.state.put_marks("binance", {"BTC/USDT": Decimal("21000.2500")})
    return running


def test_before_a_start_there_is_no_portfolio(client: FlaskClient) -> None:
    answer = client.get(PORTFOLIO)
    assert answer.status_code == 404
    assert "start it first" in answer.json["message"]


def test_the_portfolio_is_plain_decimal_strings_that_add_up(holding: FlaskClient) -> None:
    seen = holding.get(PORTFOLIO).json
    assert seen["cash"] == "9990"
    assert seen["positions_value"] == "10500.125"
    assert seen["unrealised"] == "500.125"
    assert seen["equity"] == "20490.125"
    assert seen["drawdown_pct"] == "0"
    assert seen["at"] == "2026-03-02T12:00:00+00:00"
    parts = [Decimal(seen[name]) for name in ("initial_balance", "realised", "unrealised")]
    assert sum(parts) - Decimal(seen["fees"]) == Decimal(seen["equity"])


def test_a_holding_without_a_price_shows_null_and_its_symbol(world: World, holding: FlaskClient) -> None:
    world.cache.marks.clear()
    seen = holding.get(PORTFOLIO).json
    assert seen["equity"] is None
    assert seen["unpriced"] == ["BTC/USDT"]


def test_open_positions_are_marked_and_watched(holding: FlaskClient) -> None:
    row = holding.get(f"{PORTFOLIO}/positions").json["items"][0]
    assert row["quantity"] == "0.5"
    assert row["average_price"] == "20000"
    assert row["mark_price"] == "21000.25"
    assert row["unrealised"] == "500.125"
    assert row["stop_loss"] == "19000"
    assert row["is_watched"] is True


@pytest.mark.parametrize(("state", "ids"), [("open", ["p1"]), ("closed", ["p0"]), ("all", ["p0", "p1"])])
def test_positions_are_chosen_by_state(world: World, holding: FlaskClient, state: str, ids: list[str]) -> None:
    world.record.positions.append(a_position(id="p0", state=PositionState.CLOSED, quantity=Decimal(0)))
    rows = holding.get(f"{PORTFOLIO}/positions?state={state}").json["items"]
    assert [row["id"] for row in rows] == ids


def test_an_order_row_has_every_field_and_no_exponent(world: World, running: FlaskClient) -> None:
    world.record.orders.append(an_entry(OrderState.FILLED, filled=Decimal("1E-5"), fee=Decimal("1E-8")))
    row = running.get(f"{PORTFOLIO}/orders").json["items"][0]
    assert row == {
        "client_order_id": "b000000000000000000000001",
        "exchange_order_id": None,
        "strategy_id": "s1",
        "symbol": "BTC/USDT",
        "side": "buy",
        "type": "market",
        "purpose": "entry",
        "status": "filled",
        "reason": "",
        "quantity": "0.00001",
        "price": None,
        "filled": "0.00001",
        "average_price": None,
        "fee": "0.00000001",
        "fee_currency": None,
        "position_id": None,
        "attempt": 0,
        "failure": None,
        "doubt_since": None,
        "created_at": "2026-03-02T12:00:00+00:00",
        "updated_at": "2026-03-02T12:00:01+00:00",
    }


def test_fills_and_equity_are_listed(world: World, holding: FlaskClient) -> None:
    world.record.fills.append(("default", a_fill()))
    account, held = world.record.accounts["default"], world.record.positions
    world.record.equity.append(equity_mark(account, held, {"BTC/USDT": Decimal(19000)}, EPOCH))
    fill = holding.get(f"{PORTFOLIO}/fills").json["items"][0]
    assert (fill["price"], fill["fee"], fill["fee_currency"]) == ("20000", "0.00000001", "BTC")
    mark = holding.get(f"{PORTFOLIO}/equity").json["items"][0]
    assert (mark["equity"], mark["drawdown_pct"]) == ("19490", "2.55")


def test_pages_follow_their_cursor_without_gap_or_repetition(world: World, running: FlaskClient) -> None:
    world.record.fills += [("default", a_fill(str(number))) for number in range(5)]
    seen: list[str] = []
    path = f"{PORTFOLIO}/fills?limit=2"
    while path:
        page = running.get(path).json
        seen += [row["trade_id"] for row in page["items"]]
        cursor = page["next_cursor"]
        path = f"{PORTFOLIO}/fills?limit=2&cursor={cursor}" if cursor else ""
    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"), ("cursor=%21", "cursor"), ("limt=5", "limt")],
)
def test_a_query_that_can_not_work_is_422(running: FlaskClient, query: str, field: str) -> None:
    answer = running.get(f"{PORTFOLIO}/orders?{query}")
    assert answer.status_code == 422
    assert field in answer.json["errors"]
