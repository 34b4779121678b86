"""A bot's orders, and what may be said of one in quarantine. What that does is tested on the real record."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.domain.orders import OrderState
from tests.builders_api import CLIENT_ORDER_ID, an_entry
from tests.fakes import EPOCH, World

ORDERS = "/api/v1/bot/orders"
RESOLVE = f"{ORDERS}/{CLIENT_ORDER_ID}/resolve"


def test_only_live_orders_are_listed_where_that_is_asked_for(world: World, running: FlaskClient) -> None:
    quarantined = an_entry(OrderState.QUARANTINED, client_order_id="b2", doubt_since=EPOCH, attempt=1, failure="504")
    world.record.orders += [an_entry(OrderState.FILLED, client_order_id="b1"), quarantined]

    everything = running.get(ORDERS).json["items"]
    (live,) = running.get(f"{ORDERS}?state=live").json["items"]

    assert [row["client_order_id"] for row in everything] == ["b2", "b1"]
    shown = ("client_order_id", "status", "attempt", "failure", "doubt_since")
    assert tuple(live[name] for name in shown) == ("b2", "quarantined", 1, "504", "2026-03-02T12:00:00+00:00")


def test_one_order_is_shown_by_its_id_and_another_bots_is_not(world: World, running: FlaskClient) -> None:
    world.record.orders += [an_entry(OrderState.FILLED), an_entry(OrderState.FILLED, client_order_id="b2", bot_id="x")]

    assert running.get(f"{ORDERS}/{CLIENT_ORDER_ID}").json["status"] == "filled"
    assert running.get(f"{ORDERS}/b2").status_code == 404


def test_a_list_of_no_such_state_is_422(running: FlaskClient) -> None:
    assert list(running.get(f"{ORDERS}?state=lost").json["errors"]) == ["state"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "lost"}, "outcome"),
        ({"outcome": "filled", "quantity": "much"}, "quantity"),
        ({"outcome": "filled", "quantity": True}, "quantity"),
        ({"outcome": "filled", "average_price": [1]}, "average_price"),
        ({"outcome": "filled", "fee_currency": "usdt"}, "fee_currency"),
        ({"outcome": "filled", "fee_currency": "USDT\n"}, "fee_currency"),
        ({"outcome": "canceled", "exchange_order_id": ""}, "exchange_order_id"),
        ({"outcome": "canceled", "note": "x" * 501}, "note"),
        ({"outcome": "canceled", "note": "a\x00b"}, "note"),
        ({"outcome": "canceled", "price": "1"}, "price"),
    ],
)
def test_what_can_not_be_read_is_422_by_its_field(
    world: World, running: FlaskClient, body: dict[str, Any], field: str
) -> None:
    world.record.orders.append(an_entry(OrderState.QUARANTINED))

    answer = running.post(RESOLVE, json=body)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


@pytest.mark.parametrize(
    ("body", "name", "said"),
    [
        ({}, "outcome", "Missing data for required field."),
        ({"outcome": "lost"}, "outcome", "Must be one of: not_placed, canceled, filled."),
        ({"outcom": "filled"}, "outcom", "Unknown field; did you mean outcome?"),
    ],
)
def test_a_wrong_outcome_is_told_under_the_name_that_was_to_be_sent(
    running: FlaskClient, body: dict[str, Any], name: str, said: str
) -> None:
    assert running.post(RESOLVE, json=body).json["errors"][name] == [said]


def test_the_documentation_says_what_each_field_of_a_finding_means(client: FlaskClient) -> None:
    fields = client.get("/openapi.json").json["components"]["schemas"]["FindingBody"]["properties"]

    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_an_order_that_there_is_none_of_is_404_and_says_where_to_look(running: FlaskClient) -> None:
    answer = running.post(RESOLVE, json={"outcome": "canceled"})

    assert answer.status_code == 404
    assert "/api/v1/bot/orders" in answer.json["message"]


def test_an_order_in_quarantine_degrades_health_and_is_named(world: World, running: FlaskClient) -> None:
    world.state.record_success("binance", "position", EPOCH)
    world.record.orders += [
        an_entry(OrderState.QUARANTINED, client_order_id=f"b{number}", doubt_since=EPOCH) for number in range(4)
    ]
    world.record.orders.append(an_entry(OrderState.UNKNOWN, client_order_id="b9"))
    world.clock.advance(62)

    seen = running.get("/api/v1/bot/health").json

    assert seen["status"] == "degraded"
    quarantined, unresolved = seen["reasons"]
    assert quarantined.startswith("4 orders in quarantine")
    assert quarantined.endswith("b0, b1, b2 and 1 more")
    assert unresolved == "1 order without an answer for a minute: b9"
