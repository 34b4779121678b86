"""Orders of which nobody can tell the end: never sent again, left to a person in time, settled by proof."""

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from api.app import create_app
from shared.domain.errors import ExchangeDown, OrderUnknown, Throttled, Unclear
from shared.domain.orders import OrderState
from tests.fakes_exchange import FakeExchange
from tests.support.difficult_venues import MarketToLimit, NoQuery, NoWindow, at
from tests.support.trading_desk import CROSS_UP, Desk
from worker.cycles.positions import position_cycle
from worker.cycles.resolving import resolve_cycle
from worker.cycles.upkeep import markets_cycle

S = OrderState
AWAY = ExchangeDown("no answer")
LOST = Unclear("the request was lost")
ORDERS = "/api/v1/bot/orders"


def silent_for(desk: Desk, seconds: int, step_s: int = 30) -> None:
    """The venue answers no look-up for so long."""
    for _ in range(0, seconds, step_s):
        desk.venue.fail("report", AWAY)
        resolve_cycle(desk.worker)
        desk.venue.advance(step_s)
    desk.venue.fail("report", AWAY)
    resolve_cycle(desk.worker)


def client_of(desk: Desk) -> FlaskClient:
    """The API over the same stores; a worker has read the markets."""
    markets_cycle(desk.worker)
    return create_app(desk.worker.services).test_client()


def quarantined_entry(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross(stop_loss_pct=5)
    desk.venue.advance(11)
    silent_for(desk, 900)
    assert desk.orders()[0].state is S.QUARANTINED


def event_types(desk: Desk) -> list[object]:
    return [kind for (kind,) in desk.sql("SELECT type FROM outbox ORDER BY id")]


def test_an_order_is_asked_for_for_a_quarter_of_an_hour_and_then_left_to_a_person(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross()
    desk.venue.advance(11)

    silent_for(desk, 870)
    assert desk.orders()[0].state is S.UNKNOWN
    desk.venue.advance(30)
    silent_for(desk, 0)

    assert desk.orders()[0].state is S.QUARANTINED
    assert event_types(desk).count("OrderQuarantined") == 1
    assert len(desk.venue.placements) == 1


def test_an_order_in_quarantine_settles_itself_once_the_venue_answers_again(desk: Desk) -> None:
    quarantined_entry(desk)

    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is S.FILLED
    assert desk.position().quantity > 0
    assert len(desk.venue.placements) == 1


def test_nothing_is_bought_while_an_order_is_in_quarantine_and_stops_go_on(desk: Desk) -> None:
    desk.start()
    desk.subscribe(symbol="ETH/USDT", stop_loss_pct=5)
    desk.show(CROSS_UP, "ETH/USDT")
    desk.tick()
    quarantined_entry(desk)
    desk.venue.set_price("ETH/USDT", "100")

    position_cycle(desk.worker)
    desk.show(CROSS_UP, "ETH/USDT")
    desk.tick()

    newest = desk.orders()[0]
    assert (newest.symbol, newest.reason, newest.state) == ("ETH/USDT", "stop_loss", S.FILLED)
    denials = desk.sql("SELECT denial FROM decisions WHERE symbol = 'ETH/USDT' AND denial IS NOT NULL")
    assert denials == [("order_quarantined",)]


def test_an_order_that_the_venue_forgets_is_not_sent_again(desk: Desk) -> None:
    # Given an exit that the venue has acknowledged
    at(desk, MarketToLimit).enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "104")
    desk.venue.fill_next("0")
    position_cycle(desk.worker)
    assert desk.orders()[0].state is S.ACKED

    for _ in range(32):
        desk.venue.fail("report", OrderUnknown("no such order"))
        desk.venue.advance(30)
        resolve_cycle(desk.worker)
    position_cycle(desk.worker)

    assert desk.orders()[0].state is S.QUARANTINED
    assert len(desk.venue.placements) == 2


@pytest.mark.parametrize("venue", [NoWindow, NoQuery])
def test_a_venue_that_can_not_prove_absence_gets_an_order_once(desk: Desk, venue: type[FakeExchange]) -> None:
    at(desk, venue).venue.fail("submit", LOST)
    desk.cross()

    for _ in range(40):
        desk.venue.advance(30)
        resolve_cycle(desk.worker)

    assert desk.orders()[0].state is S.QUARANTINED
    assert desk.venue.calls["submit"] == 1
    assert desk.venue.calls["report"] == (0 if venue is NoQuery else desk.venue.calls["report"])


def test_an_order_of_a_delisted_symbol_is_not_tried_over_and_over(desk: Desk) -> None:
    desk.venue.fail("permit", Throttled("no budget"))
    desk.cross()
    desk.venue.delist("BTC/USDT")
    before = event_types(desk)

    for _ in range(6):
        desk.venue.advance(5)
        resolve_cycle(desk.worker)

    assert (desk.orders()[0].state, desk.orders()[0].attempt) == (S.PLANNED, 0)
    assert event_types(desk) == before
    desk.venue.advance(60)
    resolve_cycle(desk.worker)
    assert desk.orders()[0].state is S.EXPIRED


def test_a_lost_order_of_a_delisted_symbol_is_left_to_a_person(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross()
    desk.venue.delist("BTC/USDT")

    for _ in range(40):
        desk.venue.advance(30)
        resolve_cycle(desk.worker)

    (order,) = desk.orders()
    assert order.state is S.QUARANTINED
    assert event_types(desk)[-1] == "OrderQuarantined"
    said = {"outcome": "filled", "quantity": str(order.quantity), "average_price": "110"}
    answer = client_of(desk).post(f"{ORDERS}/{order.client_order_id}/resolve", json=said)
    assert (answer.status_code, desk.position().quantity) == (200, order.quantity)


# Settled by a person, as a person does it


def test_a_person_settles_what_the_venue_will_not_tell(desk: Desk) -> None:
    quarantined_entry(desk)
    client = client_of(desk)
    (row,) = client.get(f"{ORDERS}?state=live").json["items"]
    assert (row["status"], row["attempt"], row["doubt_since"] is not None) == ("quarantined", 1, True)
    assert "the reply was lost" in row["failure"]
    health = client.get("/api/v1/bot/health").json
    assert any(row["client_order_id"] in reason for reason in health["reasons"])

    said = {"outcome": "filled", "quantity": row["quantity"], "average_price": 110, "note": "in the order history"}
    path = f"{ORDERS}/{row['client_order_id']}/resolve"
    answer, again = client.post(path, json=said), client.post(path, json=said)

    assert (answer.status_code, answer.json["order"]["status"]) == (200, "filled")
    assert (again.status_code, again.json) == (200, answer.json)
    assert desk.position().quantity == desk.orders()[0].quantity
    assert client.get(f"{ORDERS}?state=live").json["items"] == []
    assert client.get("/api/v1/bot/health").json["reasons"] == []
    assert client.get(f"{ORDERS}/{row['client_order_id']}").json == answer.json["order"]


def test_an_exit_that_was_never_placed_is_sent_once_a_person_has_said_so(desk: Desk) -> None:
    desk.enter(stop_loss_pct=5)
    desk.venue.set_price("BTC/USDT", "104")
    desk.venue.fail("submit", LOST)
    position_cycle(desk.worker)
    desk.venue.advance(11)
    silent_for(desk, 900)
    order = desk.orders()[0]
    client = client_of(desk)

    answer = client.post(f"{ORDERS}/{order.client_order_id}/resolve", json={"outcome": "not_placed"})
    resolve_cycle(desk.worker)

    assert (answer.status_code, answer.json["order"]["status"]) == (200, "planned")
    assert desk.orders()[0].state is S.FILLED
    assert len(desk.venue.placements) == 2


def test_what_can_not_be_settled_is_refused_with_what_to_do(desk: Desk) -> None:
    desk.venue.lose_reply()
    desk.cross()
    client = client_of(desk)
    path = f"{ORDERS}/{desk.orders()[0].client_order_id}/resolve"

    early = client.post(path, json={"outcome": "canceled"})
    unknown = client.post(f"{ORDERS}/b1/resolve", json={"outcome": "canceled"})
    desk.venue.advance(11)
    silent_for(desk, 900)
    wrong = client.post(path, json={"outcome": "filled", "quantity": "0.1", "average_price": "110"})

    assert (early.status_code, "it is being looked up" in early.json["message"]) == (409, True)
    assert unknown.status_code == 404
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["quantity"])


# Whatever it answers

ANSWERS = st.sampled_from(["answer", "away", "not here", "wait", "watch"])


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    venue=st.sampled_from([FakeExchange, NoWindow, NoQuery]),
    is_exit=st.booleans(),
    is_accepted=st.booleans(),
    answers=st.lists(ANSWERS, min_size=1, max_size=12),
)
def test_whatever_a_venue_answers_an_order_takes_effect_once_at_most(
    desk: Desk, venue: type[FakeExchange], is_exit: bool, is_accepted: bool, answers: list[str]
) -> None:
    empty(desk)
    at(desk, venue)
    if is_exit:
        desk.enter(stop_loss_pct=5)
        desk.venue.set_price("BTC/USDT", "104")
    _lose(desk, is_accepted)
    position_cycle(desk.worker) if is_exit else desk.cross(stop_loss_pct=5)
    sent = desk.venue.calls["submit"]

    for answer in _possible(answers, desk, is_accepted):
        _meet(desk, answer)

    placed = desk.venue.placements
    assert len(placed) == len(set(placed))
    if not desk.venue.placement.can_prove_absence:
        assert desk.venue.calls["submit"] == sent


def empty(desk: Desk) -> None:
    """As before its first start; one record serves every example."""
    tables = "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN "
    ((names,),) = desk.sql(f"{tables} ('alembic_version', 'roster_version')")
    with desk.worker.services.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names}"))
    desk.redis.flushall()


def _lose(desk: Desk, is_accepted: bool) -> None:
    if is_accepted:
        desk.venue.lose_reply()
    else:
        desk.venue.fail("submit", LOST)


def _possible(answers: list[str], desk: Desk, is_accepted: bool) -> list[str]:
    """A venue whose "no such order" is proof lags once at most, when it has the order."""
    if not (is_accepted and desk.venue.placement.can_prove_absence):
        return answers
    lagged = answers.index("not here") if "not here" in answers else len(answers)
    return [answer for at, answer in enumerate(answers) if answer != "not here" or at == lagged]


def _meet(desk: Desk, answer: str) -> None:
    match answer:
        case "away":
            desk.venue.fail("report", AWAY)
        case "not here":
            desk.venue.fail("report", OrderUnknown("not here"))
        case "wait":
            desk.venue.advance(600)
        case "watch":
            position_cycle(desk.worker)
    desk.venue.advance(11)
    resolve_cycle(desk.worker)
