"""How accounts stand, and a person's word on a difference. What that does is tested on the real record."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.domain.orders import OrderState
from shared.domain.reconciling import Difference, Drift
from shared.ports import AccountStanding
from tests.builders_accounts import a_reconciliation, a_venue_order
from tests.fakes import EPOCH, World

PATH = "/api/v1/reconciliation"
ACCEPT = f"{PATH}/accept"
BODY = {"exchange": "binance", "account": "paper", "reason": "paid in"}
DRIFT = Drift((Difference("USDT", Decimal("1000.50"), Decimal(1250)),), (a_venue_order(client_order_id="b2"),))


def put(world: World, **changes: Any) -> AccountStanding:
    times = {"demanded_at": EPOCH - timedelta(hours=1), "reconciled_at": EPOCH}
    resting = a_venue_order(state=OrderState.ACKED, price=Decimal(90))
    standing = AccountStanding(a_reconciliation(**{**times, **changes}), (resting,))
    world.record.standings[standing.reconciliation.key] = standing
    return standing


def test_an_account_that_differs_says_by_how_much_and_what_is_foreign(world: World, client: FlaskClient) -> None:
    put(world, is_clean=False, confirmed=DRIFT)

    (row,) = client.get(PATH).json["items"]

    assert (row["exchange"], row["account"], row["status"]) == ("binance", "paper", "drift")
    assert row["differences"] == [
        {"asset": "USDT", "expected": "1000.5", "found": "1250", "difference": "249.5"},
    ]
    assert [each["client_order_id"] for each in row["orders"]] == ["b2"]
    (foreign,) = row["external_orders"]
    assert (foreign["client_order_id"], foreign["status"], foreign["price"]) == ("web_1", "acked", "90")
    assert row["reconciled_at"] == "2026-03-02T12:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "clean"),
        ({"demanded_at": EPOCH + timedelta(seconds=1)}, "waiting"),
        ({"reconciled_at": None}, "waiting"),
        ({"reconciled_at": EPOCH - timedelta(minutes=16)}, "waiting"),
        ({"is_clean": False, "confirmed": DRIFT, "demanded_at": EPOCH + timedelta(seconds=1)}, "drift"),
    ],
)
def test_an_account_is_clean_waits_or_drifts(
    world: World, client: FlaskClient, changes: dict[str, Any], status: str
) -> None:
    put(world, **changes)

    assert client.get(PATH).json["items"][0]["status"] == status


def test_without_any_account_the_list_is_empty(client: FlaskClient) -> None:
    assert client.get(PATH).json == {"items": []}


def test_an_accepted_difference_is_kept_with_its_reason(world: World, client: FlaskClient) -> None:
    put(world, is_clean=False, confirmed=DRIFT, looked_at=EPOCH)

    answer = client.post(ACCEPT, json=BODY)

    assert (answer.status_code, answer.json["account"]["status"]) == (200, "clean")
    (accepted,) = answer.json["account"]["accepted"]
    assert (accepted["reason"], accepted["differences"][0]["difference"]) == ("paid in", "249.5")


def test_where_nothing_differs_there_is_nothing_to_accept(world: World, client: FlaskClient) -> None:
    put(world)

    assert client.post(ACCEPT, json=BODY).status_code == 409


def test_an_account_that_no_bot_has_is_404(client: FlaskClient) -> None:
    assert client.post(ACCEPT, json=BODY).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": None}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"exchange": "nowhere"}, "exchange"),
        ({"account": 7}, "account"),
        ({"amount": "250"}, "amount"),
    ],
)
def test_what_can_not_be_accepted_is_422_by_its_field(
    world: World, client: FlaskClient, changes: dict[str, Any], field: str
) -> None:
    put(world, is_clean=False, confirmed=DRIFT)
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not None}

    answer = client.post(ACCEPT, json=body)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_a_foreign_page_accepts_nothing(world: World, client: FlaskClient) -> None:
    put(world, is_clean=False, confirmed=DRIFT)

    answer = client.post(ACCEPT, json=BODY, headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
    assert client.get(PATH).json["items"][0]["status"] == "drift"


def test_without_the_record_neither_is_answered(world: World, client: FlaskClient) -> None:
    put(world, is_clean=False, confirmed=DRIFT)
    world.record.is_away = True

    assert client.get(PATH).status_code == 503
    assert client.post(ACCEPT, json=BODY).status_code == 503
