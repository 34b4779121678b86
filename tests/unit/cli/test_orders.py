"""orders, and orders resolve."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.commands.orders import orders
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi

LIST = "GET /api/v1/bot/orders"
ID = "b26kwn74crip3j2xbyvtqbkzge"


def ago(**ago: int) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def an_order(**changes: object) -> dict[str, object]:
    plain = {"client_order_id": ID, "created_at": ago(hours=3), "symbol": "BTC/USDT", "side": "buy", "status": "filled"}
    return {**plain, **changes}


def test_an_order_in_quarantine_shows_its_age_its_doubt_and_what_to_do(api: FakeApi, run: Run) -> None:
    lost = an_order(status="quarantined", doubt_since=ago(minutes=20))
    api.answer(LIST, {"items": [lost, an_order(client_order_id="b1")], "next_cursor": None})

    header, first, second, *notes = run(orders).stdout.rstrip().splitlines()

    assert header.split()[:4] == ["CREATED", "(UTC)", "AGE", "ID"]
    assert first.split()[1:3] == ["3", "h"]
    assert f"{ID}  BTC/USDT  buy   quarantined  20 min" in first
    assert "filled       -" in second
    assert notes == [f"look at the exchange, then: orchestrator orders resolve {ID} --outcome …"]


def test_live_orders_alone_can_be_asked_for(api: FakeApi, run: Run) -> None:
    api.answer(LIST, {"items": [], "next_cursor": None})

    run(orders, "--live")

    assert "state=live" in api.asked[0].path


def test_what_was_found_is_sent_and_what_became_of_it_is_said(api: FakeApi, run: Run) -> None:
    path = f"/api/v1/bot/orders/{ID}/resolve"
    message = "The order is filled, 0.5 of 0.5 filled."
    api.answer(f"POST {path}", {"message": message, "order": an_order()})

    said = ["--outcome", "filled", "--quantity", "0.5", "--average-price", "60000", "--note", "in the history"]
    result = run(orders, "resolve", ID, *said)

    assert result.exit_code == 0, result.output
    assert [(each.method, each.path) for each in api.asked] == [("POST", path)]  # The list is not asked for.
    assert api.asked[0].body == {
        "outcome": "filled",
        "quantity": "0.5",
        "average_price": "60000",
        "note": "in the history",
    }
    assert result.stdout.splitlines() == [message, f"{ID}, BTC/USDT, buy, filled"]


def test_a_refusal_says_what_to_do_instead(api: FakeApi, run: Run) -> None:
    refusal = {"code": 409, "message": "the order is unknown: it is being looked up", "errors": {}, "hint": "wait"}
    api.answer(f"POST /api/v1/bot/orders/{ID}/resolve", refusal, status=409)

    result = run(orders, "resolve", ID, "--outcome", "canceled")

    assert result.exit_code == 1
    assert "it is being looked up" in result.stderr


@pytest.mark.parametrize("arguments", [[ID], [ID, "--outcome", "lost"], ["--outcome", "canceled"]])
def test_an_outcome_and_an_order_have_to_be_named(run: Run, arguments: list[str]) -> None:
    assert run(orders, "resolve", *arguments).exit_code == 2


def test_resolve_explains_itself(run: Run) -> None:
    shown = run(orders, "resolve", "--help").stdout

    for words in ("orchestrator orders resolve ID --outcome", "not_placed", "Exit codes:"):
        assert words in shown
