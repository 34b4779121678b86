"""Binance spot. Codes and messages: "Error codes for Binance" of its spot REST documentation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ccxt import binance

from shared.adapters.exchange_ccxt.client import Access, GuardedClient, Hands
from shared.adapters.exchange_ccxt.profile import CandlePage, Params, Profile, Raw
from shared.adapters.exchange_ccxt.refusals import Rules
from shared.adapters.exchange_ccxt.shapes import Shapes, having, list_of
from shared.domain.candles import Timeframe
from shared.domain.orders import Order, Placement

PAGE = 1000

_ORDER = having(orderId=int, clientOrderId=str, status=str, executedQty=str, cummulativeQuoteQty=str)


def _is_candle(row: Any) -> bool:
    return isinstance(row, list) and len(row) >= 6 and isinstance(row[0], int)


SHAPES: Shapes = {
    "GET time": having(serverTime=int),
    "GET exchangeInfo": having(symbols=list),
    "GET klines": list_of(_is_candle),
    "GET ticker/24hr": list_of(having(symbol=str)),
    "GET depth": having(bids=list, asks=list),
    "GET account": having(balances=list),
    "GET order": _ORDER,
    "POST order": _ORDER,
    "DELETE order": _ORDER,
    "GET openOrders": list_of(_ORDER),
    "GET myTrades": list_of(having(id=int, price=str, qty=str, commission=str, commissionAsset=str, time=int)),
}


def _told(answer: object) -> tuple[str | None, str]:
    if not isinstance(answer, dict):
        return None, ""
    try:
        code = int(str(answer.get("code")))
    except ValueError:
        return None, ""
    return (str(code), str(answer.get("msg", ""))) if code < 0 else (None, "")


RULES = Rules(
    told=_told,
    definite={
        "-1002": "auth_refused",
        "-1010": "venue_rejected",
        "-1013": "filter_failure",
        "-1014": "venue_rejected",
        "-1020": "venue_rejected",
        "-1022": "auth_refused",
        **{str(code): "malformed_order" for code in range(-1108, -1099)},
        **{str(code): "malformed_order" for code in range(-1118, -1110)},
        "-1121": "unknown_symbol",
        "-1128": "malformed_order",
        "-1130": "malformed_order",
        "-1131": "malformed_order",
        "-2010": "venue_rejected",
        "-2014": "auth_refused",
        "-2015": "auth_refused",
    },
    # −2010 is a class of its own messages.
    reasons={
        "Account has insufficient balance for requested action.": "insufficient_balance",
        "Market is closed.": "market_closed",
    },
    # Also −2010, yet it says that one with this id is open: ours, accepted before.
    unproven=frozenset({"Duplicate order sent."}),
    too_many=frozenset({"-1003", "-1015"}),
    stale_timestamp=frozenset({"-1021", "-5028"}),
    unknown_order={"-2013": ""},
    not_cancellable={"-2011": "Unknown order sent."},
    unknown_status=400,
    proving=range(400, 500),
    retry_after_s=60.0,  # The window of its limits.
)


class GuardedBinance(GuardedClient, binance):
    rules = RULES
    shapes = SHAPES
    # Else `load_markets` with keys asks for margin pairs too, and all open orders at once are refused unasked.
    own_options: ClassVar[Mapping[str, Any]] = {"fetchMargins": False, "warnOnFetchOpenOrdersWithoutSymbol": False}

    def __init__(self, access: Access, hands: Hands, recv_window_ms: int) -> None:
        super().__init__(access, hands, recv_window_ms)
        self.options["recvWindow"] = recv_window_ms

    def get_exceptions_by_url(self, url: str, exactOrBroad: str) -> dict[str, Any]:
        # ccxt chooses the table by host name and finds none for a redirected one; we trade spot only.
        found: dict[str, Any] = self.exceptions["spot"].get(exactOrBroad, {})
        return found


def _placing(order: Order) -> Params:
    return {"clientOrderId": order.client_order_id}


def _status(raw: Raw) -> str | None:
    status: str | None = raw.get("status")
    return status


def _candle_pages(timeframe: Timeframe, since_ms: int, limit: int, now: Callable[[], int]) -> Iterator[CandlePage]:
    yield CandlePage(since_ms, min(limit, PAGE), {})


def _trades_of(exchange_order_id: str) -> Params:
    return {"orderId": exchange_order_id}


def _after(page: Sequence[Raw]) -> Params:
    return {"fromId": max(int(trade["id"]) for trade in page) + 1}


def _trades_since(since_ms: int, page: Sequence[Raw]) -> Params:
    # A number to begin with and a time are not to be had together; what follows a page is later anyway.
    return _after(page) if page else {"startTime": since_ms}


def _open_after(page: Sequence[Raw]) -> Params:
    return {}


BINANCE = Profile(
    client=GuardedBinance,
    placement=Placement(),
    placing=_placing,
    answers_in_full=True,
    status=_status,
    candle_pages=_candle_pages,
    trades_page=PAGE,
    trades_of=_trades_of,
    after=_after,
    trades_since=_trades_since,
    open_page=None,
    open_after=_open_after,
)
