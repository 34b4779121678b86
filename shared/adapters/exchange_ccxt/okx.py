"""OKX spot. Codes and their HTTP statuses: "Error Code" of its API documentation, v5."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ccxt import okx

from shared.adapters.exchange_ccxt.client import GuardedClient
from shared.adapters.exchange_ccxt.profile import CandlePage, Params, Profile, Raw
from shared.adapters.exchange_ccxt.refusals import Rules
from shared.adapters.exchange_ccxt.shapes import Check, Shapes, having, list_of
from shared.domain.candles import Timeframe
from shared.domain.orders import Order, Placement
from shared.domain.values import OrderType

TRADES_PAGE = 100
OPEN_PAGE = 100
RECENT_PAGE, HISTORY_PAGE = 300, 100
# `market/candles` knows the newest 1440; a few fewer, as one may close on the way.
RECENT = 1430
BY_USER = "1"


def _data(check: Check, least: int = 0) -> Check:
    """The envelope, with `least` or more entries in it that all pass."""

    def is_good(answer: Any) -> bool:
        data = answer.get("data") if isinstance(answer, dict) else None
        return isinstance(data, list) and len(data) >= least and all(check(each) for each in data)

    return is_good


def _is_candle(row: Any) -> bool:
    return isinstance(row, list) and len(row) >= 6 and isinstance(row[0], str) and row[0].isdigit()


_BALANCE = having(details=list)
_ACKNOWLEDGED = having(ordId=str, clOrdId=str, sCode=str)

SHAPES: Shapes = {
    "GET public/time": _data(having(ts=str), 1),
    "GET public/instruments": _data(having(instId=str)),
    "GET market/candles": _data(_is_candle),
    "GET market/history-candles": _data(_is_candle),
    "GET market/tickers": _data(having(instId=str)),
    "GET market/books": _data(having(bids=list, asks=list), 1),
    "GET account/balance": _data(
        lambda entry: _BALANCE(entry) and list_of(having(ccy=str, eq=str, availBal=str))(entry["details"]), 1
    ),
    "POST trade/order": _data(_ACKNOWLEDGED, 1),
    "POST trade/cancel-order": _data(_ACKNOWLEDGED, 1),
    "GET trade/order": _data(having(ordId=str, clOrdId=str, state=str, accFillSz=str, avgPx=str), 1),
    "GET trade/orders-pending": _data(having(ordId=str, clOrdId=str, state=str, accFillSz=str, avgPx=str)),
    "GET trade/fills-history": _data(
        having(tradeId=str, billId=str, fillPx=str, fillSz=str, fee=str, feeCcy=str, ts=str)
    ),
}


def _told(answer: object) -> tuple[str | None, str]:
    """The order's own code, where the envelope says no more than that it failed.

    A code may carry a sub-code (51008_1000) that says the same more closely.
    """
    if not isinstance(answer, dict) or "code" not in answer:
        return None, ""
    code, message, data = str(answer["code"]), str(answer.get("msg", "")), answer.get("data")
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
    if code in {"0", "1", "2"} and str(first.get("sCode") or "0") != "0":
        code, message = str(first["sCode"]), str(first.get("sMsg", ""))
    return (code.split("_")[0], message) if code != "0" else (None, "")


# Not here, and so in doubt: 50004 and 51149 (timed out), 50013 and 50026 (the system is busy, or failed), 50037 ("order
# expired", by whatever), and 51016 and 50071, which say that an order of this id is there: ours, accepted before.
RULES = Rules(
    told=_told,
    definite={
        **dict.fromkeys(("50000", "50002", "50006", "50014", "50015", "50016", "50024", "50115"), "malformed_order"),
        **dict.fromkeys(("50007", "50008", "50009", "50012", "50027", "50028", "50029", "50030"), "venue_rejected"),
        **dict.fromkeys(("50032", "50033", "50051", "50052", "50059", "50060"), "venue_rejected"),
        **dict.fromkeys(("50035", "50100", "50101", "50103", "50104", "50105", "50106", "50107"), "auth_refused"),
        **dict.fromkeys(("50110", "50111", "50112", "50113", "50114", "50119", "50120", "50121"), "auth_refused"),
        "51000": "malformed_order",
        "51001": "unknown_symbol",
        "51003": "malformed_order",
        "51004": "filter_failure",
        "51005": "filter_failure",
        "51006": "filter_failure",
        "51008": "insufficient_balance",
        "51010": "venue_rejected",
        "51015": "unknown_symbol",
        "51020": "filter_failure",
        "51021": "market_closed",
        "51022": "market_closed",
        "51024": "venue_rejected",
        "51025": "venue_rejected",
        "51031": "filter_failure",
        "51033": "venue_rejected",
        "51087": "market_closed",
        "51109": "venue_rejected",
        **dict.fromkeys(("51116", "51120", "51121", "51122", "51137", "51138", "51150"), "filter_failure"),
        **dict.fromkeys(("51110", "51124", "51196", "51197", "51507"), "market_closed"),
        **dict.fromkeys(("51119", "51127", "51131"), "insufficient_balance"),
        "51155": "venue_rejected",
        "51174": "venue_rejected",
        **dict.fromkeys(("51185", "51201", "51202", "51203"), "filter_failure"),
        "51204": "malformed_order",
    },
    too_many=frozenset({"50011", "50040", "50061"}),
    # 50036 is the `expTime` of ours that had passed when the venue took the order up.
    stale_timestamp=frozenset({"50102", "50036"}),
    unknown_order={"51603": ""},
    not_cancellable={"51400": "", "51401": "", "51402": "", "51603": ""},
    unknown_status=200,
    proving=range(200, 500),
    retry_after_s=2.0,  # The window of its limits.
)


class GuardedOkx(GuardedClient, okx):
    rules = RULES
    shapes = SHAPES
    # By default ccxt places each order as a batch of one, whose failure is told in other words.
    own_options: ClassVar[Mapping[str, Any]] = {"createOrder": "privatePostTradeOrder", "tgtCcy": "base_ccy"}

    def sign(self, path: str, *how: Any, **more: Any) -> Any:
        """ccxt's, with the end of the permit, which the venue itself then heeds; it does so for placing alone."""
        request = super().sign(path, *how, **more)
        if path == "trade/order" and self.permit is not None:
            request["headers"]["expTime"] = str(self.permit.valid_until_ms)
        return request


def _placing(order: Order) -> Params:
    # Else a market buy that the account can't pay is made smaller, and what is filled is not what was recorded.
    whole = {"banAmend": True} if order.type is OrderType.MARKET else {}
    return {"clientOrderId": order.client_order_id, **whole}


def _status(raw: Raw) -> str | None:
    """OKX calls cancelled what it ended itself too: a market order that the book could not fill, say."""
    status: str | None = raw.get("status")
    source = raw.get("info", {}).get("cancelSource") or BY_USER
    return "expired" if status == "canceled" and source != BY_USER else status


def _candle_pages(timeframe: Timeframe, since_ms: int, limit: int, now: Callable[[], int]) -> Iterator[CandlePage]:
    """Which of its two calls has them depends on their age, by the venue's clock; seconds are in the history alone."""
    step, now_ms = timeframe.ms, now()
    is_recent = timeframe is not Timeframe.S1 and since_ms >= now_ms - RECENT * step
    name, page = ("Candles", RECENT_PAGE) if is_recent else ("HistoryCandles", HISTORY_PAGE)
    end_ms = min(since_ms + limit * step, now_ms + step)
    for first_ms in range(since_ms, max(end_ms, since_ms + 1), page * step):
        yield CandlePage(first_ms, max(1, min(page, -(-(end_ms - first_ms) // step))), {"type": name})


def _trades_of(exchange_order_id: str) -> Params:
    return {"ordId": exchange_order_id}


def _after(page: Sequence[Raw]) -> Params:
    # Newest first, and by the number of the bill, not of the trade.
    return {"after": str(min(int(trade["info"]["billId"]) for trade in page))}


def _trades_since(since_ms: int, page: Sequence[Raw]) -> Params:
    return {"begin": str(since_ms), **(_after(page) if page else {})}


def _open_after(page: Sequence[Raw]) -> Params:
    return {"after": str(min(int(order["id"]) for order in page))}


OKX = Profile(
    client=GuardedOkx,
    placement=Placement(),
    placing=_placing,
    answers_in_full=False,
    status=_status,
    candle_pages=_candle_pages,
    trades_page=TRADES_PAGE,
    trades_of=_trades_of,
    after=_after,
    trades_since=_trades_since,
    open_page=OPEN_PAGE,
    open_after=_open_after,
)
