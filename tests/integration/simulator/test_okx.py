"""The simulator as OKX: an unmodified ccxt.okx, and requests that no client would send."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ccxt.base import errors

from simulator.okx.signing import signature
from tests.support.simulator import SimulatorHandle, okx_client
from tests.support.simulator_books import assert_books_balance

BTC = "BTC/USDT"
ORDER = "/api/v5/trade/order"
A_SALE = {"instId": "BTC-USDT", "tdMode": "cash", "side": "sell", "ordType": "market", "sz": "0.01"}


@pytest.fixture(scope="session")
def shared_okx(shared_simulator: SimulatorHandle) -> Any:
    exchange = okx_client(shared_simulator)
    exchange.load_markets()
    return exchange


@pytest.fixture
def okx(simulator: SimulatorHandle, shared_okx: Any) -> Any:
    """ccxt.okx as it comes, with markets loaded and Bitcoin at 50,000."""
    simulator.pin("BTCUSDT", "50000")
    return shared_okx


def buy(okx: Any, name: str, amount: str = "0.01", price: str | None = None, **params: Any) -> Any:
    kind = "market" if price is None else "limit"
    return okx.create_order(BTC, kind, "buy", amount, price, {"clientOrderId": name, **params})


def found(okx: Any, name: str) -> Any:
    return okx.fetch_order(None, BTC, {"clientOrderId": name})


# --- market data ------------------------------------------------------------------------------------------------------


def test_the_markets_are_those_of_the_other_dialect(okx: Any, exchange: Any) -> None:
    assert set(okx.markets) == set(exchange.markets)
    for symbol, market in okx.markets.items():
        for step in ("amount", "price"):
            assert Decimal(market["precision"][step]) == Decimal(exchange.markets[symbol]["precision"][step]), symbol


def test_candles_start_where_asked_and_are_those_of_the_other_dialect(okx: Any, exchange: Any) -> None:
    # Given
    first = okx.milliseconds() // 60_000 * 60_000 - 5 * 60_000
    # When
    rows = okx.fetch_ohlcv("ETH/USDT", "1m", first, 3)
    # Then
    assert [row[0] for row in rows] == [first + n * 60_000 for n in range(3)]
    for ours, theirs in zip(rows, exchange.fetch_ohlcv("ETH/USDT", "1m", first, 3), strict=True):
        assert [Decimal(cell) for cell in ours] == [Decimal(cell) for cell in theirs]


def test_the_forming_candle_is_among_the_recent_and_not_in_the_history(okx: Any) -> None:
    recent = okx.public_get_market_candles({"instId": "BTC-USDT", "limit": 2})["data"]
    history = okx.public_get_market_history_candles({"instId": "BTC-USDT", "limit": 2})["data"]
    assert [row[8] for row in recent] == ["0", "1"]
    assert [row[8] for row in history] == ["1", "1"]


def test_recent_candles_end_and_the_history_goes_on(okx: Any) -> None:
    # Given a time before the newest 1440 minutes
    first = okx.milliseconds() // 60_000 * 60_000 - 3_000 * 60_000
    asked = {"instId": "BTC-USDT", "before": first - 1, "after": first + 3 * 60_000}
    # When / Then
    assert okx.public_get_market_candles(asked)["data"] == []
    assert len(okx.public_get_market_history_candles(asked)["data"]) == 3


def test_only_the_history_has_candles_of_one_second(okx: Any) -> None:
    with pytest.raises(errors.BadRequest):
        okx.public_get_market_candles({"instId": "BTC-USDT", "bar": "1s"})
    assert len(okx.public_get_market_history_candles({"instId": "BTC-USDT", "bar": "1s", "limit": 5})["data"]) == 5


def test_quotes_agree_with_each_other(okx: Any) -> None:
    ticker, book = okx.fetch_tickers([BTC])[BTC], okx.fetch_order_book(BTC, 2)
    bid, ask = (Decimal(str(book[side][0][0])) for side in ("bids", "asks"))
    assert Decimal(ticker["bid"]) == bid < Decimal(ticker["last"]) < ask == Decimal(ticker["ask"])
    assert len(book["bids"]) == len(book["asks"]) == 2


# --- orders -----------------------------------------------------------------------------------------------------------


def test_placing_answers_with_ids_alone_and_the_order_is_asked_for(okx: Any, simulator: SimulatorHandle) -> None:
    # When
    placed = buy(okx, "plain1")
    order = found(okx, "plain1")
    # Then
    assert (placed["clientOrderId"], placed["status"]) == ("plain1", None)
    assert (order["id"], order["status"], order["filled"]) == (placed["id"], "closed", "0.01")
    assert order["fee"] == {"cost": "0.00001", "currency": "BTC"}
    assert_books_balance(simulator.dump())


def test_fees_are_signed_and_in_what_is_received(okx: Any) -> None:
    # Given quantities that the first quote has
    buy(okx, "fee1", "0.005")
    okx.create_order(BTC, "market", "sell", "0.005", None, {"clientOrderId": "fee2"})
    # When
    sold, bought = okx.private_get_trade_fills({"instType": "SPOT"})["data"]
    # Then
    assert (bought["side"], bought["fee"], bought["feeCcy"]) == ("buy", "-0.000005", "BTC")
    assert (sold["side"], sold["feeCcy"]) == ("sell", "USDT")
    assert Decimal(sold["fee"]) == -Decimal(sold["fillPx"]) * Decimal("0.005") * Decimal("0.001")


def test_a_market_buy_spends_quote_unless_it_says_base(okx: Any) -> None:
    raw = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": "100"}
    okx.private_post_trade_order({**raw, "clOrdId": "spend"})
    okx.private_post_trade_order({**raw, "clOrdId": "count", "sz": "0.002", "tgtCcy": "base_ccy"})
    assert Decimal("99") < Decimal(found(okx, "spend")["filled"]) * 50_005 <= Decimal(100)
    assert Decimal(found(okx, "count")["filled"]) == Decimal("0.002")


def test_a_buy_beyond_the_account_is_made_smaller_unless_that_is_forbidden(
    okx: Any, simulator: SimulatorHandle
) -> None:
    # Given
    simulator.account("poor", "secret", {"USDT": "600"})
    poor = okx_client(simulator, "poor", "secret")
    poor.load_markets()
    # When
    with pytest.raises(errors.InsufficientFunds, match="51008"):
        buy(poor, "strict", "0.05", banAmend=True)
    buy(poor, "lenient", "0.05")
    # Then
    order = found(poor, "lenient")
    assert (order["status"], order["amount"]) == ("closed", order["filled"])
    assert Decimal(590) < Decimal(order["cost"]) <= Decimal(600)


def test_a_limit_order_rests_is_listed_and_is_cancelled_once(okx: Any) -> None:
    # Given
    buy(okx, "rest1", price="45000")
    assert [order["clientOrderId"] for order in okx.fetch_open_orders(BTC)] == ["rest1"]
    # When
    okx.cancel_order(None, BTC, {"clientOrderId": "rest1"})
    # Then
    order = found(okx, "rest1")
    assert (order["status"], order["info"]["cancelSource"]) == ("canceled", "1")
    assert okx.fetch_open_orders(BTC) == []
    with pytest.raises(errors.OrderNotFound, match="51400"):
        okx.cancel_order(None, BTC, {"clientOrderId": "rest1"})


@pytest.mark.parametrize(("in_force", "source", "is_filled"), [("IOC", "14", True), ("FOK", "13", False)])
def test_what_the_book_cannot_fill_is_cancelled_by_the_venue(
    okx: Any, in_force: str, source: str, is_filled: bool
) -> None:
    buy(okx, "large", "8", "51000", timeInForce=in_force)
    order = found(okx, "large")
    assert (order["status"], order["info"]["cancelSource"]) == ("canceled", source)
    assert (Decimal(order["filled"]) > 0) is is_filled


def test_a_client_id_is_unique_among_open_orders_alone(okx: Any, simulator: SimulatorHandle) -> None:
    # Given
    buy(okx, "open", price="45000")
    first = buy(okx, "done")
    # When
    with pytest.raises(errors.InvalidOrder, match="51016"):
        buy(okx, "open", price="45000")
    second = buy(okx, "done")
    # Then the newest answers for it
    assert second["id"] != first["id"]
    assert found(okx, "done")["id"] == second["id"]
    assert len(simulator.dump()["orders"]) == 3


def test_a_batch_tells_of_each_order(okx: Any) -> None:
    good = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "45000", "sz": "0.01"}
    bad = {**good, "px": "45000.001"}
    answer = okx.private_post_trade_batch_orders([{**good, "clOrdId": "a"}, {**bad, "clOrdId": "b"}])
    assert answer["code"] == "2"
    assert [(each["clOrdId"], each["sCode"]) for each in answer["data"]] == [("a", "0"), ("b", "51150")]


def test_fills_are_paged_by_bill_newest_first(okx: Any) -> None:
    # Given an order that takes several quotes
    order = buy(okx, "pages", "1")
    asked = {"instType": "SPOT", "ordId": order["id"], "limit": 1}
    everything = [trade["tradeId"] for trade in okx.private_get_trade_fills_history({**asked, "limit": 100})["data"]]
    # When
    paged: list[str] = []
    after: dict[str, str] = {}
    while page := okx.private_get_trade_fills_history({**asked, **after})["data"]:
        paged += [trade["tradeId"] for trade in page]
        after = {"after": page[-1]["billId"]}
    # Then
    assert len(everything) > 1
    assert paged == everything == sorted(everything, reverse=True)


def test_what_is_traded_in_one_dialect_is_not_the_other_ones_money(okx: Any, exchange: Any) -> None:
    # Given
    before = exchange.fetch_balance()["free"], okx.fetch_balance()["free"]
    # When
    buy(okx, "apart", "0.005")
    # Then
    assert exchange.fetch_balance()["free"] == before[0]
    assert okx.fetch_balance()["free"] != before[1]
    assert exchange.fetch_orders(BTC) == []


# --- refusals ---------------------------------------------------------------------------------------------------------


def signed(
    simulator: SimulatorHandle,
    path: str,
    body: Any = None,
    *,
    at: datetime | None = None,
    secret: str = "demo",
    **headers: str | None,
) -> tuple[int, Any]:
    """A request made by hand; a header given as None is left out."""
    method, content = ("GET", "") if body is None else ("POST", body if isinstance(body, str) else json.dumps(body))
    timestamp = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    sent = {
        "OK-ACCESS-KEY": "demo",
        "OK-ACCESS-PASSPHRASE": "demo",
        "OK-ACCESS-TIMESTAMP": timestamp,
        "OK-ACCESS-SIGN": signature(secret, timestamp, method, path, content),
        "Content-Type": "application/json",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    request = urllib.request.Request(
        simulator.url + path,
        content.encode() or None,
        {name: text for name, text in sent.items() if text is not None},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"OK_ACCESS_KEY": None}, "50103"),
        ({"OK_ACCESS_PASSPHRASE": None}, "50104"),
        ({"OK_ACCESS_PASSPHRASE": "wrong"}, "50105"),
        ({"OK_ACCESS_SIGN": None}, "50106"),
        ({"OK_ACCESS_TIMESTAMP": None}, "50107"),
        ({"OK_ACCESS_KEY": "nobody"}, "50111"),
        ({"secret": "wrong"}, "50113"),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, "50102"),
    ],
)
def test_a_request_that_is_not_signed_well_goes_no_further(
    simulator: SimulatorHandle, changes: dict[str, Any], code: str
) -> None:
    status, answer = signed(simulator, "/api/v5/account/balance", **changes)
    assert (status, answer["code"]) == (401, code)
    assert "data" not in answer


def test_a_timestamp_counts_for_thirty_seconds(simulator: SimulatorHandle) -> None:
    for age_s, status in ((28, 200), (32, 401), (-28, 200), (-32, 401)):
        at = datetime.now(UTC) - timedelta(seconds=age_s)
        assert signed(simulator, "/api/v5/account/balance?ccy=BTC", at=at)[0] == status, age_s


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instId": "NO-SUCH"}, "51001"),
        ({"clOrdId": "with-dash"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"tdMode": "cross"}, "51000"),
        ({"sz": "0.000001"}, "51020"),
        ({"sz": "0.010001"}, "51121"),
        ({"sz": "5000000"}, "51121"),
        ({"px": "45000.001"}, "51150"),
        ({"px": "5000"}, "51006"),
        ({"px": ""}, "50014"),
        ({"sz": "9000"}, "51008"),
        ({"ordType": "market", "sz": "2000", "tgtCcy": "base_ccy"}, "51202"),
    ],
)
def test_an_order_is_refused_beside_its_ids(
    okx: Any, simulator: SimulatorHandle, changes: dict[str, str], code: str
) -> None:
    plain = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "px": "45000", "sz": "0.01"}
    status, answer = signed(simulator, ORDER, {**plain, "clOrdId": "mine", **changes})
    assert (status, answer["code"], answer["data"][0]["sCode"]) == (200, "1", code)
    assert simulator.dump()["orders"] == []


def test_an_order_past_its_deadline_is_not_placed(okx: Any, simulator: SimulatorHandle) -> None:
    body = {**A_SALE, "clOrdId": "late"}
    now = int(time.time() * 1000)
    _, late = signed(simulator, ORDER, body, expTime=str(now - 1))
    _, good = signed(simulator, ORDER, {**body, "clOrdId": "good"}, expTime=str(now + 5_000))
    assert [late["data"][0]["sCode"], good["data"][0]["sCode"]] == ["50036", "0"]
    assert [order["clientOrderId"] for order in simulator.dump()["orders"]] == ["good"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (ORDER, "{not json", 400, "50002"),
        (ORDER, [], 400, "50002"),
        ("/api/v5/trade/order?instId=BTC-USDT", None, 200, "51003"),
        ("/api/v5/trade/order?instId=BTC-USDT&clOrdId=nobody", None, 200, "51603"),
        ("/api/v5/trade/orders-history", None, 400, "50014"),
        ("/api/v5/trade/fills?limit=none", None, 400, "51000"),
        ("/api/v5/nothing", None, 404, "404"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    simulator: SimulatorHandle, path: str, body: Any, status: int, code: str
) -> None:
    assert signed(simulator, path, body)[0] == status
    assert signed(simulator, path, body)[1]["code"] == code


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "is_placed"),
    [
        ("drop_request", errors.NetworkError, False),
        ("drop_reply", errors.NetworkError, True),
        ("garbage", Exception, True),
        ("429", errors.RateLimitExceeded, False),
        ("418", errors.ExchangeNotAvailable, False),
    ],
)
def test_faults_hit_this_dialect_too(
    okx: Any, simulator: SimulatorHandle, fault: str, error: type[Exception], is_placed: bool
) -> None:
    # Given
    okx.options["createOrder"] = "privatePostTradeOrder"
    simulator.faults(fault, path=ORDER, match={"symbol": "BTCUSDT", "account": "demo"})
    # When
    with pytest.raises(error):
        _raising(lambda: buy(okx, "hit"))
    # Then
    assert bool(simulator.dump()["orders"]) is is_placed
    (call,) = [call for call in simulator.calls() if call["client_order_id"] == "hit" and call["method"] == "POST"]
    assert (call["path"], call["symbol"], call["account"], call["fault"]) == (ORDER, "BTCUSDT", "demo", fault)


def _raising(place: Callable[[], Any]) -> None:
    """ccxt makes an order without an id of an answer that it can't read."""
    if place()["id"] is None:
        raise errors.BadResponse("no id")


def test_an_order_that_the_network_kept_is_refused_after_its_deadline(okx: Any, simulator: SimulatorHandle) -> None:
    # Given
    simulator.faults("accept_late", path=ORDER, seconds=0.4)
    body = {**A_SALE, "clOrdId": "kept"}
    # When
    with pytest.raises(OSError):  # noqa: PT011  # a cut connection, of whatever kind
        signed(simulator, ORDER, body, expTime=str(int(time.time() * 1000) + 200))
    # Then
    deadline = time.monotonic() + 5
    while not [call for call in simulator.calls() if call["is_late"]]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert simulator.dump()["orders"] == []


def test_the_limit_is_told_as_okx_tells_it(okx: Any, simulator: SimulatorHandle) -> None:
    simulator.control("POST", "limits", {"calls": 1, "window_s": 60})
    assert okx.fetch_time()
    with pytest.raises(errors.RateLimitExceeded, match="50011"):
        okx.fetch_time()
