"""Queries and MarketStore on Postgres: pages, last evaluations, markets."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.errors import InvalidField
from shared.domain.orders import OrderState
from shared.domain.risk import Denial
from shared.domain.signals import Action, Evaluation
from tests.builders import NOON, a_decision, a_market, a_market_key, a_subscription
from tests.support.record import LATER, Record


@pytest.fixture
def started(record: Record) -> Record:
    record.start()
    record.subscribe()
    return record


def test_what_is_not_there_is_none_or_empty(record: Record) -> None:
    assert record.queries.account("default") is None
    assert record.queries.holdings("default") is None
    assert record.queries.orders("default", 10, None).items == []
    assert record.queries.last_evaluations("default") == []


def test_pages_run_from_newest_to_oldest_without_gap_or_repeat(started: Record) -> None:
    wanted = [started.bought(hours=hour)[0].client_order_id for hour in range(5)]
    started.start(id="another")

    seen: list[str] = []
    cursor = None
    while True:
        page = started.queries.orders("default", 2, cursor)
        seen += [order.client_order_id for order in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        assert len(page.items) == 2

    assert seen == wanted[::-1]


def test_live_orders_are_those_without_an_end_page_by_page(started: Record) -> None:
    started.bought()
    planned, unknown, lost = (started.enter(hours=hour) for hour in (1, 2, 3))
    unknown = started.journal.record_failure(started.send(unknown), OrderState.UNKNOWN, "timeout", LATER)
    lost = started.journal.quarantine(started.send(lost), LATER)

    first = started.queries.orders("default", 2, None, is_live=True)
    second = started.queries.orders("default", 2, first.next_cursor, is_live=True)

    assert [order.client_order_id for order in (*first.items, *second.items)] == [
        each.client_order_id for each in (lost, unknown, planned)
    ]
    assert second.next_cursor is None


def test_an_order_is_found_by_its_id_among_its_bots_own(started: Record) -> None:
    order = started.journal.record_failure(started.send(started.enter()), OrderState.UNKNOWN, "timeout", LATER)

    assert started.queries.order("default", order.client_order_id) == order
    assert order.failure == "timeout"
    assert started.queries.order("another", order.client_order_id) is None
    assert started.queries.order("default", "b1") is None
    assert started.queries.order("default", f"{order.client_order_id}\x00") is None


def test_rows_written_between_two_pages_do_not_shift_them(started: Record) -> None:
    for hour in range(3):
        started.bought(hours=hour)
    first = started.queries.fills("default", 2, None)
    started.bought(hours=4)

    second = started.queries.fills("default", 2, first.next_cursor)

    assert [fill.trade_id for fill in (*first.items, *second.items)] == ["3", "2", "1"]
    assert second.next_cursor is None


def test_positions_are_chosen_by_being_open(started: Record) -> None:
    _, closed = started.bought()
    exit_order = started.exit(closed)
    assert exit_order is not None
    exit_order = started.send(exit_order)
    started.report(exit_order, started.trade(exit_order, "1", "101"))
    _, still_open = started.bought(hours=1)

    def ids(is_open: bool | None) -> list[str]:
        return [each.id for each in started.queries.positions("default", is_open, 10, None).items]

    assert (ids(True), ids(False), ids(None)) == ([still_open.id], [closed.id], [still_open.id, closed.id])


@pytest.mark.parametrize(
    "cursor", ["", "x", "%%%", "ZmlsbHM6MQ", "b3JkZXJzOi0x", "b3JkZXJzOnh4", "é", "b3JkZXJzOjE6Mg"]
)
def test_a_cursor_of_another_list_or_of_no_list_names_its_field(record: Record, cursor: str) -> None:
    with pytest.raises(InvalidField) as caught:
        record.queries.orders("default", 10, cursor)
    assert caught.value.field == "cursor"


def test_a_fill_comes_back_as_the_venue_told_it(started: Record) -> None:
    order = started.send(started.enter())
    fill = started.trade(order, "1", "100.10", "0.0000001", "BNB")

    started.report(order, fill)

    assert started.queries.fills("default", 10, None).items == [fill]
    stored = started.queries.orders("default", 10, None).items[0]
    assert (str(stored.fee), stored.fee_currency) == ("1E-7", "BNB")


def test_a_strategy_that_never_was_evaluated_says_so(started: Record) -> None:
    (last,) = started.queries.last_evaluations("default")

    assert (last.subscription, last.evaluation, last.decision_outcome) == (a_subscription(), None, None)


def test_a_last_evaluation_tells_what_its_decision_became(started: Record) -> None:
    seen = Evaluation(1000, Action.BUY, 1, 100.0, "crossed", {"fast": 2.0})
    started.journal.record_evaluations(a_market_key(), 1000, {"g1": seen})
    started.journal.decide(replace(a_decision(), candle_open_ms=0), lambda _desk: Denial.PAUSED)
    order = started.enter()

    (last,) = started.queries.last_evaluations("default")

    assert (last.evaluation, last.evaluated_at is None) == (seen, False)
    assert (last.decision_side, last.decision_outcome) == ("buy", "planned")
    assert last.client_order_id == order.client_order_id

    started.send(order)
    (last,) = started.queries.last_evaluations("default")
    assert last.decision_outcome == OrderState.SENDING


def test_a_denied_decision_tells_its_reason(started: Record) -> None:
    started.journal.decide(a_decision(), lambda _desk: Denial.INSUFFICIENT_CASH)

    (last,) = started.queries.last_evaluations("default")

    assert (last.decision_outcome, last.client_order_id) == ("insufficient_cash", None)
    assert last.decision_candle_open_ms == a_decision().candle_open_ms


def test_the_evaluation_of_another_market_is_not_shown(started: Record) -> None:
    seen = Evaluation(1000, Action.HOLD, reason="elsewhere")
    started.journal.record_evaluations(a_market_key("ETH/USDT"), 1000, {"g1": seen})

    (last,) = started.queries.last_evaluations("default")
    assert last.evaluation is None


def test_markets_are_what_was_read_last(record: Record) -> None:
    btc, eth = a_market(), a_market(symbol="ETH/USDT", base="ETH")
    record.markets.put("binance", [eth, btc])
    record.markets.put("kraken", [a_market(exchange="kraken")])
    assert record.markets.symbols("binance") == ["BTC/USDT", "ETH/USDT"]

    finer = a_market(lot_step=Decimal("0.00001"), is_active=False)
    record.markets.put("binance", [finer])

    assert record.markets.symbols("binance") == ["BTC/USDT"]
    assert record.markets.market("binance", "BTC/USDT") == finer
    assert record.markets.market("binance", "ETH/USDT") is None
    assert record.markets.symbols("kraken") == ["BTC/USDT"]


def test_no_markets_read_is_no_reason_to_forget_them(record: Record) -> None:
    record.markets.put("binance", [a_market()])

    record.markets.put("binance", [])

    assert record.markets.symbols("binance") == ["BTC/USDT"]


def test_positions_of_the_past_keep_their_time(started: Record) -> None:
    _, position = started.bought()

    assert position.opened_at > NOON
    assert position.opened_at.utcoffset() == NOON.utcoffset()
