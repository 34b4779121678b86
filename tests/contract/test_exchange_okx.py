"""OKX's own traps, each met by canned replies over HTTP and the client that workers use."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.adapters.exchange_ccxt import ExchangeCcxt
from shared.adapters.guard import Refused
from shared.domain.candles import Timeframe
from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.orders import Order, OrderReport, OrderState, OrderType, Permit
from shared.domain.values import ZERO
from tests.support import venue_stub as stub
from tests.support.exchanges import an_order, ccxt_exchange, exchange_settings
from tests.support.venue_stub import Answer, VenueStub, okx_ok, okx_order_refused, okx_refused

BTC = "BTC/USDT"
ORDER = "POST /api/v5/trade/order"
LOOK_UP = "GET /api/v5/trade/order"
CANCEL = "POST /api/v5/trade/cancel-order"
FILLS = "GET /api/v5/trade/fills-history"
BALANCE = "GET /api/v5/account/balance"
RECENT = "GET /api/v5/market/candles"
HISTORY = "GET /api/v5/market/history-candles"
TICKERS = "GET /api/v5/market/tickers"
BOOK = "GET /api/v5/market/books"
MINUTE = 60_000


@pytest.fixture
def venue() -> Iterator[VenueStub]:
    with stub.venue_stub() as running:
        yield running


@pytest.fixture
def exchange(venue: VenueStub, redis_url: str) -> ExchangeCcxt:
    return ccxt_exchange(exchange_settings(venue.url, redis_url), "okx")


def accepted(order: Order, **changes: str) -> Answer:
    about = {"clOrdId": order.client_order_id, "ordId": "7", "tag": "", "sCode": "0", "sMsg": "", "ts": "1"}
    return okx_ok({**about, **changes})


def known(order: Order, **changes: str) -> Answer:
    """A market buy of one, filled at 100, as a look-up tells it."""
    plain = {
        "instType": "SPOT",
        "instId": "BTC-USDT",
        "ordId": "7",
        "clOrdId": order.client_order_id,
        "side": "buy",
        "ordType": "market",
        "tgtCcy": "base_ccy",
        "sz": "1",
        "px": "",
        "state": "filled",
        "cancelSource": "",
        "accFillSz": "1",
        "avgPx": "100",
        "fee": "-0.001",
        "feeCcy": "BTC",
        "cTime": "1700000000000",
        "uTime": "1700000000000",
    }
    return okx_ok({**plain, **changes})


def a_fill(number: int, **changes: str) -> dict[str, str]:
    plain = {
        "instType": "SPOT",
        "instId": "BTC-USDT",
        "ordId": "7",
        "tradeId": str(number),
        "billId": str(9_000 + number),
        "fillPx": "100",
        "fillSz": "1",
        "side": "buy",
        "fee": "-0.00000123",
        "feeCcy": "BTC",
        "execType": "T",
        "ts": str(1_700_000_000_000 + number),
    }
    return {**plain, **changes}


def submitted(exchange: ExchangeCcxt, order: Order | None = None) -> OrderReport:
    order = order or an_order()
    return exchange.submit(order, exchange.permit(order))


# --- submitting -------------------------------------------------------------------------------------------------------


def test_the_permit_is_in_the_request(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    order = an_order()
    venue.answer(ORDER, accepted(order))
    permit = exchange.permit(order)
    earlier = Permit(permit.signed_at_ms - 1_234, permit.valid_until_ms - 1_234)
    # When
    exchange.submit(order, earlier)
    # Then
    (sent,) = [asked for asked in venue.asked if asked.call == ORDER]
    signed_at = datetime.fromtimestamp(earlier.signed_at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    headers = {name.lower(): text for name, text in sent.headers.items()}
    assert headers["exptime"] == str(earlier.valid_until_ms)
    assert headers["ok-access-timestamp"] == signed_at.replace("+00:00", "Z")
    assert headers["ok-access-passphrase"] == "demo"


def test_an_order_leaves_as_it_was_recorded(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    market = an_order(quantity=Decimal("0.5"))
    limit = an_order(type=OrderType.LIMIT, quantity=Decimal("0.00001"), price=Decimal("0.10"))
    for order in (market, limit):
        venue.answer(ORDER, accepted(order))
        submitted(exchange, order)
    bought, rests = [asked.params for asked in venue.asked if asked.call == ORDER]
    assert (bought["sz"], bought["tgtCcy"], bought["banAmend"]) == ("0.5", "base_ccy", True)
    assert (bought["clOrdId"], bought["tdMode"]) == (market.client_order_id, "cash")
    assert (Decimal(rests["sz"]), Decimal(rests["px"])) == (limit.quantity, limit.price)
    assert "banAmend" not in rests


def test_only_placing_an_order_ends_with_the_permit(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    venue.answer(ORDER, accepted(order))
    venue.answer(LOOK_UP, known(order))
    submitted(exchange, order)
    ending = [asked.call for asked in venue.asked if "exptime" in {name.lower() for name in asked.headers}]
    assert ending == [ORDER]


def test_what_became_of_an_order_is_asked_within_the_submit(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    order, kept = an_order(), list[OrderReport]()
    venue.answer(ORDER, accepted(order))
    venue.answer(LOOK_UP, known(order))
    venue.answer(FILLS, okx_ok(a_fill(11)))
    # When
    report = exchange.submit(order, exchange.permit(order), kept.append)
    # Then what is known is kept at once, and again when more is
    assert [(each.state, each.filled, each.fills is None) for each in kept] == [
        (OrderState.ACKED, ZERO, True),
        (OrderState.FILLED, Decimal(1), False),
    ]
    assert report == kept[-1]
    assert report.fills is not None
    (fill,) = report.fills
    assert (fill.fee, fill.fee_currency, fill.trade_id) == (Decimal("0.00000123"), "BTC", "11")
    assert (report.exchange_order_id, kept[0].exchange_order_id) == ("7", "7")


@pytest.mark.parametrize(
    "answer",
    [
        Answer("", 503),
        okx_refused("51603", "Order does not exist"),
        okx_refused("50011", "Too Many Requests", 429),
        okx_ok(),
        Answer("garbage"),
    ],
)
def test_an_order_that_is_named_and_not_seen_is_followed_later(
    exchange: ExchangeCcxt, venue: VenueStub, answer: Answer
) -> None:
    order = an_order()
    venue.answer(ORDER, accepted(order))
    venue.answer(LOOK_UP, answer)
    report = submitted(exchange, order)
    assert (report.state, report.filled, report.fills) == (OrderState.ACKED, ZERO, None)
    assert report.exchange_order_id == "7"
    assert venue.count(LOOK_UP) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (okx_order_refused("51008", "Order failed. Insufficient balance."), "insufficient_balance"),
        (okx_order_refused("51008_1000", "Order failed. Insufficient balance."), "insufficient_balance"),
        (okx_order_refused("51020", "Order amount should be greater than the min available amount."), "filter_failure"),
        (okx_order_refused("51001", "Instrument ID doesn't exist."), "unknown_symbol"),
        (okx_order_refused("51000", "Parameter sz error"), "malformed_order"),
        (okx_refused("51000", "Parameter sz error", 400), "malformed_order"),
        (okx_refused("50113", "Invalid signature.", 401), "auth_refused"),
        (okx_refused("50105", "Passphrase incorrect.", 401), "auth_refused"),
        (okx_order_refused("51155", "Restricted by local compliance."), "venue_rejected"),
    ],
)
def test_a_definite_refusal_is_a_rejection(
    exchange: ExchangeCcxt, venue: VenueStub, answer: Answer, reason: str
) -> None:
    venue.answer(ORDER, answer)
    with pytest.raises(Rejected) as rejection:
        submitted(exchange)
    assert rejection.value.reason == reason
    assert (venue.count(ORDER), venue.count(LOOK_UP)) == (1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        okx_order_refused("50036", "The expTime can't be earlier than the current system time."),
        okx_refused("50102", "Timestamp request expired.", 401),
    ],
)
def test_a_signature_that_is_too_late_placed_nothing(exchange: ExchangeCcxt, venue: VenueStub, answer: Answer) -> None:
    venue.answer(ORDER, answer)
    with pytest.raises(Throttled):
        submitted(exchange)
    assert venue.count(ORDER) == 1


def test_a_venue_that_says_wait_accepted_nothing_and_is_left_alone(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    venue.answer(ORDER, okx_refused("50011", "Too Many Requests", 429))
    # When
    with pytest.raises(Throttled) as refusal:
        submitted(exchange)
    # Then
    assert refusal.value.retry_after_s == 2
    asked = len(venue.asked)
    with pytest.raises(Throttled):
        exchange.candles(BTC, Timeframe.M1, 0, 10)
    assert len(venue.asked) == asked


@pytest.mark.parametrize(
    "answer",
    [
        okx_order_refused("51016", "Client order ID already exists."),
        okx_order_refused("50071", "clOrdId already exists"),
        okx_refused("51149", "Order timed out.", 500),
        okx_refused("50004", "API endpoint request timeout.", 400),
        okx_refused("50026", "System error. Try again later.", 500),
        okx_refused("50013", "Systems are busy. Please try again later.", 429),
        okx_order_refused("50037", "Order expired."),
        okx_refused("51008", "Order failed. Insufficient balance.", 500),
        okx_order_refused("59999", "A code of next year."),
        Answer({"code": "1", "msg": "Operation failed.", "data": []}),
        Answer({"code": "2", "msg": "Bulk operation partially succeeded.", "data": []}),
        okx_ok(),
        okx_ok({"clOrdId": "someone-elses", "ordId": "7", "sCode": "0", "sMsg": ""}),
        okx_ok({"clOrdId": "", "ordId": "", "sCode": "0", "sMsg": ""}),
        okx_ok({"ordId": "7"}),
        Answer({}),
        Answer([]),
        Answer("null"),
        Answer("<html>Access denied</html>", 403, {"Content-Type": "text/html"}),
        Answer('{"code": "0", "data": [{"clOr'),
    ],
)
def test_whatever_else_comes_back_is_unclear(exchange: ExchangeCcxt, venue: VenueStub, answer: Answer) -> None:
    venue.answer(ORDER, answer)
    with pytest.raises(Unclear):
        submitted(exchange)
    assert (venue.count(ORDER), venue.count(LOOK_UP)) == (1, 0)


def test_without_a_passphrase_nothing_is_sent(venue: VenueStub, redis_url: str) -> None:
    settings = exchange_settings(venue.url, redis_url, EXCHANGE_API_PASSWORD="")
    with pytest.raises(Rejected, match="not sent"):
        submitted(ccxt_exchange(settings, "okx"))
    assert venue.count(ORDER) == 0


def test_what_is_public_is_asked_without_a_key(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    exchange.markets()
    exchange.now_ms()
    named = {name.lower() for asked in venue.asked for name in asked.headers}
    assert not [name for name in named if name.startswith("ok-access")]
    assert [asked.call for asked in venue.asked] == [stub.OKX_MARKETS, stub.OKX_TIME]


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        okx_refused("51603", "Order does not exist", 500),
        okx_refused("51001", "Instrument ID doesn't exist."),
        okx_refused("51400", "Order cancellation failed."),
        okx_refused("50102", "Timestamp request expired.", 401),
        okx_refused("50113", "Invalid signature.", 401),
        okx_refused("50001", "Service temporarily unavailable.", 503),
        okx_ok(),
        Answer("nothing here", 404),
        Answer({}),
        Answer("garbage"),
    ],
)
def test_an_error_is_no_answer_about_an_order(exchange: ExchangeCcxt, venue: VenueStub, answer: Answer) -> None:
    venue.answer(LOOK_UP, answer)
    with pytest.raises(ExchangeDown):
        exchange.report(an_order())


def test_only_the_venue_itself_knows_of_no_order(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(LOOK_UP, okx_refused("51603", "Order does not exist"))
    with pytest.raises(OrderUnknown):
        exchange.report(an_order())
    assert venue.count(LOOK_UP) == 1


def test_an_answer_about_another_order_is_no_answer(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(LOOK_UP, known(an_order()))
    with pytest.raises(ExchangeDown):
        exchange.report(an_order())


@pytest.mark.parametrize(
    ("state", "source", "expected"),
    [
        ("live", "", OrderState.ACKED),
        ("canceled", "1", OrderState.CANCELED),
        ("canceled", "", OrderState.CANCELED),
        ("canceled", "14", OrderState.EXPIRED),
        ("canceled", "0", OrderState.EXPIRED),
    ],
)
def test_what_the_venue_itself_ended_has_expired(
    exchange: ExchangeCcxt, venue: VenueStub, state: str, source: str, expected: OrderState
) -> None:
    order = an_order()
    venue.answer(LOOK_UP, known(order, state=state, cancelSource=source, accFillSz="0", avgPx="", fee="0"))
    report = exchange.report(order)
    assert (report.state, report.filled, report.fills) == (expected, ZERO, ())


def test_the_average_price_is_that_of_the_fills(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given an average that the venue has rounded
    order = an_order(quantity=Decimal(3))
    venue.answer(LOOK_UP, known(order, sz="3", accFillSz="3", avgPx="100.33"))
    venue.answer(FILLS, okx_ok(a_fill(12, fillPx="101"), a_fill(11, fillSz="2")))
    # When
    report = exchange.report(order)
    # Then
    assert report.average_price == Decimal(301) / 3
    assert [fill.trade_id for fill in report.fills or ()] == ["11", "12"]


def test_fills_are_asked_page_by_page_by_bill(venue: VenueStub, redis_url: str) -> None:
    # Given pages of two, newest first
    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url), "okx", trades_page=2)
    venue.answer(FILLS, okx_ok(a_fill(11), a_fill(10)), okx_ok(a_fill(9)))
    # When
    fills = exchange.fills(an_order(exchange_order_id="7"))
    # Then
    assert [fill.trade_id for fill in fills] == ["9", "10", "11"]
    asked = [each.params for each in venue.asked if each.call == FILLS]
    assert [(each["ordId"], each.get("after")) for each in asked] == [("7", None), ("7", "9010")]


def test_a_fill_that_cannot_be_read_is_no_answer(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    venue.answer(LOOK_UP, known(order))
    for answer in (okx_ok(a_fill(1, fillSz="many")), okx_ok({"tradeId": "1"}), Answer({}), Answer("null")):
        venue.answer(FILLS, answer)
        with pytest.raises(ExchangeDown):
            exchange.report(order)


@pytest.mark.parametrize("body", ["{}", "null", '{"code": "0"}', '{"code": "0", "data": {}}', '{"data": [[]]}'])
def test_an_answer_of_another_shape_is_no_answer(exchange: ExchangeCcxt, venue: VenueStub, body: str) -> None:
    for call in (TICKERS, BALANCE, BOOK, HISTORY):
        venue.answer(call, Answer(body))
    asks = (
        lambda: exchange.tickers([BTC]),
        exchange.balances,
        lambda: exchange.order_book(BTC),
        lambda: exchange.candles(BTC, Timeframe.M1, 0, 10),
    )
    for ask in asks:
        with pytest.raises(ExchangeDown):
            ask()


def test_a_revoked_key_is_not_asked_with_again(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(BALANCE, okx_refused("50111", "Invalid OK-ACCESS-KEY.", 401))
    with pytest.raises(Refused, match="50111"):
        exchange.balances()
    assert venue.count(BALANCE) == 1


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_cancel_is_answered_with_what_became_of_the_order(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order(type=OrderType.LIMIT, price=Decimal(50))
    venue.answer(CANCEL, accepted(order))
    venue.answer(LOOK_UP, known(order, state="canceled", cancelSource="1", accFillSz="0", avgPx=""))
    assert exchange.cancel(order).state is OrderState.CANCELED


def test_a_cancel_that_is_taken_and_not_seen_is_unclear(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    venue.answer(CANCEL, accepted(order))
    venue.answer(LOOK_UP, Answer("", 503))
    with pytest.raises(Unclear):
        exchange.cancel(order)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (okx_order_refused("51400", "Order cancellation failed as the order has been filled, …"), OrderUnknown),
        (okx_order_refused("51410", "Cancellation failed as the order is already in canceling status"), Unclear),
        (okx_order_refused("51412", "Cancellation timed out, please try again later."), Unclear),
        (Answer("", 502), Unclear),
        (okx_refused("50011", "Too Many Requests", 429), Throttled),
    ],
)
def test_a_cancel_claims_no_more_than_it_was_told(
    exchange: ExchangeCcxt, venue: VenueStub, answer: Answer, error: type[Exception]
) -> None:
    venue.answer(CANCEL, answer)
    with pytest.raises(error):
        exchange.cancel(an_order())


# --- candles ----------------------------------------------------------------------------------------------------------


def candle(open_ms: int) -> list[str]:
    return [str(open_ms), "1", "2", "1", "2", "3", "6", "6", "1"]


def test_recent_candles_come_from_one_call_and_old_ones_from_another(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    now = int(time.time() * 1000) // MINUTE * MINUTE
    venue.answer(RECENT, okx_ok(candle(now - 9 * MINUTE)))
    venue.answer(HISTORY, okx_ok(candle(now - 2_000 * MINUTE)))
    # When
    exchange.candles(BTC, Timeframe.M1, now - 9 * MINUTE, 10)
    exchange.candles(BTC, Timeframe.M1, now - 2_000 * MINUTE, 10)
    exchange.candles(BTC, Timeframe.S1, now - 9_000, 9)
    # Then
    assert [asked.call for asked in venue.asked if "candles" in asked.call] == [RECENT, HISTORY, HISTORY]
    assert [asked.params["bar"] for asked in venue.asked if "candles" in asked.call] == ["1m", "1m", "1s"]


def test_which_candles_are_recent_is_told_by_the_venues_clock(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given a machine whose clock is an hour behind
    venue.skew_ms = 3_600_000
    venue.answer(HISTORY, okx_ok())
    venue_now = int(time.time() * 1000) + venue.skew_ms
    # When
    exchange.candles(BTC, Timeframe.M1, (venue_now // MINUTE - 1_435) * MINUTE, 10)
    # Then
    assert (venue.count(HISTORY), venue.count(RECENT)) == (1, 0)


def test_a_long_history_is_read_in_as_many_calls_as_it_needs(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    first = (int(time.time() * 1000) // MINUTE - 3_000) * MINUTE
    opens = [first + n * MINUTE for n in range(250)]
    pages = (opens[:100], opens[100:200], opens[200:])
    venue.answer(HISTORY, *(okx_ok(*(candle(each) for each in reversed(page))) for page in pages))
    # When
    candles = exchange.candles(BTC, Timeframe.M1, first, 250)
    # Then
    assert list(candles.opens_ms) == opens
    asked: list[dict[str, Any]] = [each.params for each in venue.asked if each.call == HISTORY]
    assert [(each["before"], each["limit"]) for each in asked] == [
        (str(first - 1), "100"),
        (str(first + 100 * MINUTE - 1), "100"),
        (str(first + 200 * MINUTE - 1), "50"),
    ]
