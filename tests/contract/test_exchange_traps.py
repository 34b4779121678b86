"""ccxt's and the venue's traps, each met by canned replies over HTTP and the client that workers use."""

import inspect
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from ccxt import binance, okx

from shared.adapters.exchange_ccxt import ExchangeCcxt
from shared.adapters.exchange_ccxt.binance import GuardedBinance
from shared.adapters.exchange_ccxt.client import Access, GuardedClient, Hands
from shared.adapters.exchange_ccxt.okx import GuardedOkx
from shared.adapters.guard import Refused
from shared.domain.candles import Timeframe
from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unclear
from shared.domain.orders import OrderReport, OrderState, OrderType, Permit
from shared.domain.values import ZERO
from tests.support import venue_stub as stub
from tests.support.exchanges import an_order, ccxt_exchange, exchange_settings
from tests.support.venue_stub import Answer, VenueStub, placed, refused

BTC = "BTC/USDT"


@pytest.fixture
def venue() -> Iterator[VenueStub]:
    with stub.venue_stub() as running:
        yield running


@pytest.fixture
def exchange(venue: VenueStub, redis_url: str) -> ExchangeCcxt:
    return ccxt_exchange(exchange_settings(venue.url, redis_url))


def submitted(exchange: ExchangeCcxt, **changes: Any) -> OrderReport:
    order = an_order(**changes)
    return exchange.submit(order, exchange.permit(order))


def unguarded(
    base_url: str | None,
    kind: type[GuardedClient] = GuardedBinance,
    *,
    recv_window_ms: int = 5_000,
    take: Callable[[], None] = lambda: None,
    exchange_ms: Callable[[], int] = lambda: 1,
) -> Any:
    access = Access(base_url, api_key="k", secret="s", password="p")
    return kind(access, Hands(take, lambda seconds: None, exchange_ms), recv_window_ms)


each_client = pytest.mark.parametrize(
    ("kind", "host"), [(GuardedBinance, "api.binance.com"), (GuardedOkx, "{hostname}")], ids=["binance", "okx"]
)


# --- the client -------------------------------------------------------------------------------------------------------


@each_client
def test_no_real_host_remains_where_it_is_redirected(kind: type[GuardedClient], host: str) -> None:
    # Given / When
    client = unguarded("http://127.0.0.1:8900", kind)
    # Then
    hosts = set(re.findall(r"[a-z]+://([^/'\"]+)", str(client.urls)))
    assert hosts == {"127.0.0.1:8900"}
    assert host in str(unguarded(None, kind).urls)
    assert client.sign("public/time", ["public"])["url"].startswith("http://127.0.0.1:8900/")


@each_client
def test_ccxt_never_resends_by_itself(kind: type[GuardedClient], host: str) -> None:
    client = unguarded(None, kind)
    paths = ("order", "time", "trade/order", "public/time")
    retries = [client.handle_option_integer_and_params({}, path, "maxRetriesOnFailure", 0)[0] for path in paths]
    assert retries == [0] * len(paths)
    assert client.options["maxRetriesOnFailure"] == 0
    adapter = client.session.get_adapter("https://api.binance.com")
    assert adapter.max_retries.total == 0


@each_client
def test_the_http_timeout_fits_in_the_window_of_the_signature(kind: type[GuardedClient], host: str) -> None:
    assert unguarded(None, kind, recv_window_ms=1_200).timeout == 1_200


def test_binance_is_told_the_window() -> None:
    assert unguarded(None, recv_window_ms=1_200).options["recvWindow"] == 1_200


def test_loading_markets_asks_for_nothing_but_spot(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    exchange.markets()
    exchange.markets()
    assert [asked.call for asked in venue.asked] == [stub.MARKETS]


def test_markets_are_read_again_after_an_hour_and_kept_while_the_venue_is_away(
    venue: VenueStub, redis_url: str
) -> None:
    # Given
    later_s = 0.0
    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url), monotonic=lambda: time.monotonic() + later_s)
    first = exchange.markets()
    # When
    later_s = 3_599
    exchange.markets()
    assert venue.count(stub.MARKETS) == 1
    later_s = 3_601
    venue.answer(stub.MARKETS, Answer("", 503))
    kept = exchange.markets()
    # Then
    assert kept is first
    assert exchange.markets() is first
    assert venue.count(stub.MARKETS) == 1 + 3
    venue.answer(stub.MARKETS, Answer({"symbols": [stub.BTCUSDT]}))
    later_s = 3_700
    assert exchange.markets() is not first


def test_no_market_at_all_is_no_answer(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.MARKETS, Answer({"symbols": []}))
    with pytest.raises(ExchangeDown):
        exchange.markets()


def test_an_error_table_is_used_wherever_the_venue_is() -> None:
    # On localhost plain ccxt finds no spot table, and an overload (−1008) looks like our own mistake.
    redirected = unguarded("http://127.0.0.1:1")
    table = redirected.get_exceptions_by_url("http://127.0.0.1:1/api/v3/order", "exact")
    assert table == binance().get_exceptions_by_url("https://api.binance.com/api/v3/order", "exact")
    assert table


def test_ccxt_still_takes_the_hooks_we_use() -> None:
    """An upgrade that renames one would switch it off without a word."""
    common = ("throttle", "nonce", "fetch", "handle_errors", "request")
    for client, theirs, own in ((GuardedBinance, binance, "get_exceptions_by_url"), (GuardedOkx, okx, "sign")):
        for hook in (*common, own):
            assert getattr(client, hook) is not getattr(theirs, hook)
            assert callable(getattr(theirs, hook))
        assert "self.throttle(cost)" in inspect.getsource(theirs.fetch2)


# --- submitting -------------------------------------------------------------------------------------------------------


def test_a_submit_is_signed_at_the_permits_time(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    order = an_order()
    venue.answer(stub.ORDER, Answer(placed(order.client_order_id)))
    permit = exchange.permit(order)
    earlier = Permit(permit.signed_at_ms - 1_234, permit.valid_until_ms - 1_234)
    # When
    exchange.submit(order, earlier)
    # Then
    sent = venue.asked[-1].params
    assert sent["timestamp"] == str(earlier.signed_at_ms)
    assert sent["recvWindow"] == "5000"
    assert sent["newClientOrderId"] == order.client_order_id


def test_a_fee_survives_exactly(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    venue.answer(stub.ORDER, Answer(placed(order.client_order_id)))
    report = exchange.submit(order, exchange.permit(order))
    assert report.fills is not None
    (fill,) = report.fills
    assert (fill.fee, fill.fee_currency, fill.trade_id) == (Decimal("0.00000123"), "BNB", "11")


def test_quantity_and_price_leave_as_they_were_recorded(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order(type=OrderType.LIMIT, quantity=Decimal("0.00001"), price=Decimal("0.10"))
    answer = placed(order.client_order_id, status="NEW", executedQty="0", cummulativeQuoteQty="0", fills=[])
    venue.answer(stub.ORDER, Answer(answer))
    assert exchange.submit(order, exchange.permit(order)).state is OrderState.ACKED
    sent = venue.asked[-1].params
    assert (Decimal(sent["quantity"]), Decimal(sent["price"])) == (order.quantity, order.price)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refused(-2010, "Account has insufficient balance for requested action."), "insufficient_balance"),
        (refused(-2010, "Market is closed."), "market_closed"),
        (refused(-2010, "This action is disabled on this account."), "venue_rejected"),
        (refused(-1013, "Filter failure: LOT_SIZE"), "filter_failure"),
        (refused(-1022, "Signature for this request is not valid."), "auth_refused"),
        (refused(-2015, "Invalid API-key, IP, or permissions for action.", 401), "auth_refused"),
        (refused(-1121, "Invalid symbol."), "unknown_symbol"),
    ],
)
def test_a_definite_refusal_is_a_rejection(
    exchange: ExchangeCcxt, venue: VenueStub, answer: Answer, reason: str
) -> None:
    venue.answer(stub.ORDER, answer)
    with pytest.raises(Rejected) as rejection:
        submitted(exchange)
    assert rejection.value.reason == reason
    assert venue.count(stub.ORDER) == 1


@pytest.mark.parametrize(
    "answer",
    [
        refused(-2010, "Duplicate order sent."),
        refused(-1007, "Timeout waiting for response from backend server. Send status unknown.", 408),
        refused(-1006, "An unexpected response was received from the message bus.", 400),
        refused(-1000, "An unknown error occurred while processing the request."),
        refused(-1008, "Server is currently overloaded with other requests.", 503),
        refused(-2010, "Account has insufficient balance for requested action.", 500),
        refused(-9999, "A code of next year."),
        Answer("<html>Forbidden</html>", 403, {"Content-Type": "text/html"}),
        Answer("<html>Too Many Requests</html>", 429, {"Content-Type": "text/html"}),
        Answer("<html>Bad Gateway</html>", 502, {"Content-Type": "text/html"}),
        Answer("", 200),
        Answer({}, 200),
        Answer([], 200),
        Answer("null", 200),
        Answer("OK", 200, {"Content-Type": "text/plain"}),
        Answer('{"orderId": 7, "clientOr', 200),
        Answer({"symbol": "BTCUSDT", "orderId": 7, "transactTime": 1}, 200),
        Answer(placed("someone-elses")),
        Answer(placed("x", status="SOMETHING_NEW")),
    ],
)
def test_whatever_else_comes_back_is_unclear(exchange: ExchangeCcxt, venue: VenueStub, answer: Answer) -> None:
    venue.answer(stub.ORDER, answer)
    with pytest.raises(Unclear):
        submitted(exchange)
    assert venue.count(stub.ORDER) == 1


@pytest.mark.parametrize("code", [-1021, -5028])
def test_a_stale_signature_placed_nothing_and_may_be_tried_again(
    exchange: ExchangeCcxt, venue: VenueStub, code: int
) -> None:
    venue.answer(stub.ORDER, refused(code, "Timestamp for this request is outside of the recvWindow."))
    with pytest.raises(Throttled):
        submitted(exchange)
    assert venue.count(stub.ORDER) == 1


@pytest.mark.parametrize(
    ("answer", "retry_after_s"),
    [
        (refused(-1003, "Too much request weight used.", 429, Retry_After="7"), 7.0),
        (refused(-1003, "Way too much request weight used; IP banned.", 418, Retry_After="120"), 120.0),
        (refused(-1015, "Too many new orders.", 400), 60.0),
    ],
)
def test_a_venue_that_says_wait_accepted_nothing(
    exchange: ExchangeCcxt, venue: VenueStub, answer: Answer, retry_after_s: float
) -> None:
    # Given
    venue.answer(stub.ORDER, answer)
    # When
    with pytest.raises(Throttled) as refusal:
        submitted(exchange)
    # Then
    assert refusal.value.retry_after_s == retry_after_s
    asked = len(venue.asked)
    with pytest.raises(Throttled):
        exchange.candles(BTC, Timeframe.M1, 0, 10)
    assert len(venue.asked) == asked


def test_a_redirect_is_not_followed(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.ORDER, Answer("", 307, {"Location": f"{venue.url}/elsewhere"}))
    with pytest.raises(Unclear):
        submitted(exchange)
    assert venue.count("POST /elsewhere") == 0


def test_what_cannot_be_sent_was_not_sent(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    with pytest.raises(Rejected) as off_the_grid:
        submitted(exchange, quantity=Decimal("1.000001"))
    with pytest.raises(Rejected):
        submitted(exchange, quantity=Decimal("0.000001"))
    assert off_the_grid.value.reason == "filter_failure"
    assert venue.count(stub.ORDER) == 0


def test_a_vanished_venue_is_unclear(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    permit = exchange.permit(order)
    venue.shutdown()
    venue.server_close()
    with pytest.raises(Unclear):
        exchange.submit(order, permit)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_revoked_key_does_not_look_transient(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given a key that has worked
    good = Answer({"balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}]})
    venue.answer(stub.ACCOUNT, good, refused(-2015, "Invalid API-key, IP, or permissions for action.", 401))
    assert exchange.balances()["BTC"].locked == Decimal("0.5")
    # When / Then: neither retried, nor waited out
    with pytest.raises(Refused, match="-2015"):
        exchange.balances()
    assert venue.count(stub.ACCOUNT) == 2


@pytest.mark.parametrize(
    "answer",
    [
        refused(-1000, "An unknown error occurred while processing the request.", 500),
        refused(-1008, "Server is currently overloaded with other requests.", 503),
        refused(-1021, "Timestamp for this request is outside of the recvWindow."),
        refused(-2015, "Invalid API-key, IP, or permissions for action.", 401),
        refused(-2011, "Order was not canceled due to cancel restrictions."),
        Answer("nothing here", 404),
        Answer({}, 200),
        Answer("null", 200),
        Answer("garbage", 200),
        Answer(placed("someone-elses")),
    ],
)
def test_an_error_is_no_answer_about_an_order(exchange: ExchangeCcxt, venue: VenueStub, answer: Answer) -> None:
    venue.answer(stub.LOOK_UP, answer)
    with pytest.raises(ExchangeDown):
        exchange.report(an_order())


def test_only_the_venue_itself_knows_of_no_order(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.LOOK_UP, refused(-2013, "Order does not exist."))
    with pytest.raises(OrderUnknown):
        exchange.report(an_order())
    assert venue.count(stub.LOOK_UP) == 1


def test_a_cancel_that_may_have_happened_is_unclear(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.CANCEL, Answer("", 502))
    with pytest.raises(Unclear):
        exchange.cancel(an_order())
    venue.answer(stub.CANCEL, refused(-2011, "Order was not canceled due to cancel restrictions."))
    with pytest.raises(Unclear):
        exchange.cancel(an_order())
    venue.answer(stub.CANCEL, refused(-2011, "Unknown order sent."))
    with pytest.raises(OrderUnknown):
        exchange.cancel(an_order())


def test_a_cancel_that_could_not_be_sent_says_so(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.TIME, Answer("", 503))
    with pytest.raises(Throttled, match="not sent"):
        exchange.cancel(an_order())
    assert venue.count(stub.CANCEL) == 0


def test_a_look_up_fetches_the_fills_page_by_page(venue: VenueStub, redis_url: str) -> None:
    # Given an order with more trades than a page holds
    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url), trades_page=2)
    order = an_order()
    venue.answer(stub.LOOK_UP, Answer(placed(order.client_order_id, fills=[], executedQty="0.3")))
    venue.answer(stub.TRADES, Answer([_trade(9), _trade(10)]), Answer([_trade(11)]))
    # When
    report = exchange.report(order)
    # Then
    assert report.fills is not None
    assert [fill.trade_id for fill in report.fills] == ["9", "10", "11"]
    assert [asked.params.get("fromId") for asked in venue.asked if asked.call == stub.TRADES] == [None, "11"]


def test_a_page_that_comes_back_unchanged_is_the_last(venue: VenueStub, redis_url: str) -> None:
    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url), trades_page=2)
    venue.answer(stub.TRADES, Answer([_trade(9), _trade(10)]))
    fills = exchange.fills(an_order(exchange_order_id="7"))
    assert [fill.trade_id for fill in fills] == ["9", "10"]
    assert venue.count(stub.TRADES) == 2


def _trade(number: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": 7,
        "price": "100",
        "qty": "0.1",
        "commission": "0.0001",
        "commissionAsset": "BTC",
        "time": 1_700_000_000_000,
        "isBuyer": True,
        "isMaker": False,
    }


@pytest.mark.parametrize(
    "body",
    [
        "garbage",
        "{}",
        "[[1, 2",
        '[["x"]]',
        '[[1700000000000, "NaN", "1", "1", "1", "1"]]',
        '[[null, "1", "1", "1", "1", "1"]]',
    ],
)
def test_candles_that_cannot_be_read_are_no_candles(exchange: ExchangeCcxt, venue: VenueStub, body: str) -> None:
    venue.answer(stub.KLINES, Answer(body))
    with pytest.raises(ExchangeDown):
        exchange.candles(BTC, Timeframe.M1, 0, 10)
    assert venue.count(stub.KLINES) == 3


def test_an_unknown_symbol_is_no_sign_of_a_venue_in_trouble(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    venue.answer(stub.KLINES, Answer([]))
    # When the breaker would open at five
    for _ in range(6):
        with pytest.raises(Refused):
            exchange.candles("NO/SUCH", Timeframe.M1, 0, 10)
    # Then
    assert [asked.call for asked in venue.asked] == [stub.MARKETS]
    assert len(exchange.candles(BTC, Timeframe.M1, 0, 10)) == 0


def test_a_symbol_delisted_since_makes_the_markets_be_read_again(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.TICKERS, refused(-1121, "Invalid symbol."), Answer([_ticker()]))
    with pytest.raises(Refused):
        exchange.tickers([BTC])
    assert set(exchange.tickers([BTC])) == {BTC}
    assert venue.count(stub.MARKETS) == 2


def test_a_read_is_tried_again_and_then_answers(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    row = [60_000, "1", "2", "1", "2", "3", 119_999, "0", 1, "0", "0", "0"]
    venue.answer(stub.KLINES, Answer("", 503), Answer("", 500), Answer([row]))
    assert exchange.candles(BTC, Timeframe.M1, 0, 10).rows() == [(60_000, 1, 2, 1, 2, 3)]


def test_all_tickers_come_in_one_call_for_the_symbols_asked(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.TICKERS, Answer([_ticker(bidPrice="99.5")]))
    ticker = exchange.tickers([BTC, "NO/SUCH"])[BTC]
    assert (ticker.bid, ticker.ask, ticker.last) == (Decimal("99.5"), Decimal(101), Decimal(100))
    assert venue.asked[-1].params["symbols"] == '["BTCUSDT"]'


def test_a_symbol_without_buyers_is_not_quoted(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.TICKERS, Answer([_ticker(bidPrice="0.00")]))
    assert exchange.tickers([BTC]) == {}


def test_a_symbol_that_nobody_offers_is_quoted_for_those_who_hold_it(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.answer(stub.TICKERS, Answer([_ticker(askPrice="0.00")]))
    ticker = exchange.tickers([BTC])[BTC]
    assert (ticker.bid, ticker.ask, ticker.last) == (Decimal(99), Decimal(0), Decimal(100))


def _ticker(**changes: str) -> dict[str, Any]:
    plain = {
        "symbol": "BTCUSDT",
        "lastPrice": "100",
        "bidPrice": "99",
        "askPrice": "101",
        "closeTime": 1_700_000_000_000,
    }
    return {**plain, **changes}


@pytest.mark.parametrize("body", ["{}", "null", "[[]]", '"text"', '{"bids": []}', '[{"price": 1}]'])
def test_an_answer_of_another_shape_is_no_answer(exchange: ExchangeCcxt, venue: VenueStub, body: str) -> None:
    for call in (stub.TICKERS, stub.ACCOUNT, stub.BOOK):
        venue.answer(call, Answer(body))
    for ask in (lambda: exchange.tickers([BTC]), exchange.balances, lambda: exchange.order_book(BTC)):
        with pytest.raises(ExchangeDown):
            ask()


def test_a_fill_that_cannot_be_read_is_no_answer(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    venue.answer(stub.LOOK_UP, Answer(placed(order.client_order_id, fills=[])))
    for body in ({}, [{**_trade(1), "qty": "many"}], [{**_trade(1), "id": None}]):
        venue.answer(stub.TRADES, Answer(body))
        with pytest.raises(ExchangeDown):
            exchange.report(order)


# --- time -------------------------------------------------------------------------------------------------------------


def test_the_venues_clock_is_kept_for_seconds(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    venue.skew_ms = 30_000
    first = exchange.now_ms()
    assert abs(first - time.time() * 1000 - 30_000) < 500
    assert exchange.now_ms() >= first
    assert venue.count(stub.TIME) == 1


def test_a_refused_timestamp_asks_the_clock_again(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    # Given
    exchange.permit(an_order())
    venue.skew_ms = -60_000
    venue.answer(stub.ORDER, refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time."))
    with pytest.raises(Throttled):
        submitted(exchange)
    # When
    permit = exchange.permit(an_order())
    # Then
    assert abs(permit.signed_at_ms - (time.time() * 1000 - 60_000)) < 500


def test_every_request_takes_from_the_budget(venue: VenueStub, redis_url: str) -> None:
    # Given
    taken: list[str] = []
    client = unguarded(venue.url, take=lambda: taken.append("call"), exchange_ms=lambda: int(time.time() * 1000))
    venue.answer(stub.ACCOUNT, Answer({"balances": []}))
    # When
    calls: list[Callable[[], Any]] = [client.load_markets, client.fetch_time, client.fetch_balance]
    for call in calls:
        call()
    # Then
    assert len(taken) == len(venue.asked) == 3


def test_an_order_takes_its_budget_with_the_permit_alone(venue: VenueStub, redis_url: str) -> None:
    # Given a budget of 10 (9 with headroom), of which entries may use 8
    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url, RATE_LIMIT_CALLS="10"))
    exchange.markets()
    exchange.now_ms()
    venue.answer(stub.ORDER, refused(-1013, "Filter failure: NOTIONAL"))
    # When
    for _ in range(8 - 2):
        with pytest.raises(Rejected):
            submitted(exchange)
    # Then
    with pytest.raises(Throttled):
        submitted(exchange)


def test_orders_that_are_asked_for_over_and_over_leave_prices_their_calls(venue: VenueStub, redis_url: str) -> None:
    # Given a budget of 20 (18 with headroom), and orders that the venue says nothing new of
    exchange = ccxt_exchange(exchange_settings(venue.url, redis_url, RATE_LIMIT_CALLS="20"))
    venue.answer(stub.LOOK_UP, refused(-2013, "Order does not exist."))
    venue.answer(stub.TICKERS, Answer([_ticker()]))
    # When they have had all that there is for them
    for _ in range(20):
        with suppress(OrderUnknown, Throttled):
            exchange.report(an_order())
    # Then
    assert set(exchange.tickers([BTC])) == {BTC}


def test_a_resting_order_in_a_state_that_nobody_knows_does_not_end_the_look_at_its_account(
    exchange: ExchangeCcxt, venue: VenueStub
) -> None:
    # Given a person's order that waits for another one of its list, and one beside it
    resting = {"executedQty": "0.00000", "cummulativeQuoteQty": "0.00", "type": "LIMIT", "price": "90.00"}
    waiting = placed("web_1", orderId=8, status="PENDING_NEW", time=1_700_000_000_000, **resting)
    venue.answer(stub.OPEN_ORDERS, Answer([waiting, placed("web_2", status="NEW", time=1_700_000_000_000, **resting)]))
    # When
    listed = exchange.open_orders()
    # Then
    assert [(each.client_order_id, each.state) for each in listed] == [
        ("web_1", OrderState.ACKED),
        ("web_2", OrderState.ACKED),
    ]


def test_a_report_of_nothing_filled_needs_no_trades(exchange: ExchangeCcxt, venue: VenueStub) -> None:
    order = an_order()
    answer = placed(order.client_order_id, status="NEW", executedQty="0", cummulativeQuoteQty="0", fills=[])
    venue.answer(stub.LOOK_UP, Answer(answer))
    report = exchange.report(order)
    assert (report.filled, report.fills, report.average_price) == (ZERO, (), None)
    assert venue.count(stub.TRADES) == 0
