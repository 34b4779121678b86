"""A venue that answers what the test wrote down, byte for byte, and remembers what it was asked."""

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

ORDER = "POST /api/v3/order"
LOOK_UP = "GET /api/v3/order"
CANCEL = "DELETE /api/v3/order"
OPEN_ORDERS = "GET /api/v3/openOrders"
ACCOUNT = "GET /api/v3/account"
TRADES = "GET /api/v3/myTrades"
TICKERS = "GET /api/v3/ticker/24hr"
BOOK = "GET /api/v3/depth"
KLINES = "GET /api/v3/klines"
TIME = "GET /api/v3/time"
MARKETS = "GET /api/v3/exchangeInfo"
OKX_TIME = "GET /api/v5/public/time"
OKX_MARKETS = "GET /api/v5/public/instruments"

BTCUSDT = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "orderTypes": ["LIMIT", "MARKET"],
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5.00", "applyMinToMarket": True},
    ],
}


OKX_BTCUSDT = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "state": "live",
    "tickSz": "0.01",
    "lotSz": "0.00001",
    "minSz": "0.00001",
    "maxLmtSz": "9000",
    "maxMktSz": "9000",
}


@dataclass(frozen=True, slots=True)
class Answer:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    call: str
    params: dict[str, Any]  # Of the query, and of a form or a JSON object.
    host: str
    headers: dict[str, str] = field(default_factory=dict)


def refused(code: int, message: str, status: int = 400, **headers: str) -> Answer:
    return Answer(
        {"code": code, "msg": message}, status, {name.replace("_", "-"): text for name, text in headers.items()}
    )


def okx_ok(*data: Any) -> Answer:
    return Answer({"code": "0", "msg": "", "data": list(data)})


def okx_refused(code: str, message: str, status: int = 200, **headers: str) -> Answer:
    """Of a whole request."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer({"code": code, "msg": message}, status, named)


def okx_order_refused(code: str, message: str, client_order_id: str = "") -> Answer:
    """Of the order in it."""
    about = {"clOrdId": client_order_id, "ordId": "", "tag": "", "sCode": code, "sMsg": message}
    return Answer({"code": "1", "msg": "All operations failed", "data": [about]})


def _params(query: str, body: str) -> dict[str, Any]:
    if body.startswith("{"):
        content: dict[str, Any] = json.loads(body)
        return content
    return {name: values[-1] for name, values in parse_qs(query + "&" + body).items()}


class VenueStub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.skew_ms = 0
        self._answers: defaultdict[str, deque[Answer]] = defaultdict(deque)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, call: str, *answers: Answer) -> None:
        """The next answers to `call`; the last of them stays."""
        self._answers[call] = deque(answers)

    def count(self, call: str) -> int:
        return sum(asked.call == call for asked in self.asked)

    def next_answer(self, call: str) -> Answer:
        waiting = self._answers[call]
        if waiting:
            return waiting.popleft() if len(waiting) > 1 else waiting[0]
        if call == TIME:
            return Answer({"serverTime": int(time.time() * 1000) + self.skew_ms})
        if call == MARKETS:
            return Answer({"timezone": "UTC", "symbols": [BTCUSDT]})
        if call == OKX_TIME:
            return okx_ok({"ts": str(int(time.time() * 1000) + self.skew_ms)})
        if call == OKX_MARKETS:
            return okx_ok(OKX_BTCUSDT)
        return Answer("nothing here", 404)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: VenueStub
    protocol_version: ClassVar[str] = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        url = urlsplit(self.path)
        call = f"{self.command} {url.path}"
        self.server.asked.append(Asked(call, _params(url.query, body), self.headers["Host"], dict(self.headers)))
        answer = self.server.next_answer(call)
        content = answer.content()
        self.send_response(answer.status)
        for name, text in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:  # its name in the standard library
        """Quiet."""


@contextmanager
def venue_stub() -> Iterator[VenueStub]:
    with VenueStub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield stub
        stub.shutdown()
        thread.join(5)


def placed(client_order_id: str, **changes: Any) -> dict[str, Any]:
    """A filled order as the venue answers a POST with newOrderRespType=FULL."""
    return {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "clientOrderId": client_order_id,
        "transactTime": 1_700_000_000_000,
        "price": "0.00",
        "origQty": "1.00000",
        "executedQty": "1.00000",
        "cummulativeQuoteQty": "100.00",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": "MARKET",
        "side": "BUY",
        "fills": [
            {"price": "100.00", "qty": "1.00000", "commission": "0.00000123", "commissionAsset": "BNB", "tradeId": 11}
        ],
        **changes,
    }
