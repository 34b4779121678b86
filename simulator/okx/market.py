"""Market data: /api/v5 without a signature."""

from typing import Any

from flask import Blueprint, Response

from simulator.book import Quote
from simulator.context import venue, venue_ms
from simulator.market_data import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from simulator.okx import params as read
from simulator.okx.answers import ok, plain
from simulator.okx.errors import wrong
from simulator.okx.request import query
from simulator.prices import Candle
from simulator.symbols import LISTED_MS, Symbol

market = Blueprint("okx_market", __name__, url_prefix="/api/v5")

# Days and longer bars open at 16:00 UTC, unless their names say utc: those alone are on offer here.
BARS = {
    **{f"{n}m": n * MINUTE_MS for n in (1, 3, 5, 15, 30)},
    **{f"{n}H": n * HOUR_MS for n in (1, 2, 4)},
    **{f"{n}Hutc": n * HOUR_MS for n in (6, 12)},
    "1Dutc": DAY_MS,
}
HISTORY_BARS = {"1s": SECOND_MS, **BARS}
RECENT = 1440


@market.get("/public/time")
def server_time() -> Response:
    return ok([{"ts": str(venue_ms())}])


@market.get("/public/instruments")
def instruments() -> Response:
    read.spot_only(query())
    one = read.optional_instrument(query())
    return ok(_listing(symbol) for symbol in ([one] if one else read.INSTRUMENTS.values()))


def _listing(symbol: Symbol) -> dict[str, Any]:
    nothing = dict.fromkeys(("alias", "ctMult", "ctType", "ctVal", "ctValCcy", "expTime", "instFamily", "optType"), "")
    return {
        **nothing,
        "instType": "SPOT",
        "instId": read.inst_id(symbol.name),
        "baseCcy": symbol.base,
        "quoteCcy": symbol.quote,
        "settleCcy": "",
        "uly": "",
        "state": "live",
        "category": "1",
        "lever": "",
        "listTime": str(LISTED_MS),
        "tickSz": plain(symbol.tick),
        "lotSz": plain(symbol.step),
        "minSz": plain(symbol.min_qty),
        "maxLmtSz": plain(symbol.max_qty),
        "maxMktSz": plain(symbol.max_market_qty),
        "ruleType": "normal",
    }


# --- candles ----------------------------------------------------------------------------------------------------


@market.get("/market/candles")
def candles() -> Response:
    """The newest 1440 of a bar, the one that forms included."""
    step, now = _bar(BARS), venue_ms()
    newest = now // step * step
    return _candles(step, newest - (RECENT - 1) * step, newest, read.limit(query(), 100, 300), now)


@market.get("/market/history-candles")
def history_candles() -> Response:
    """All that have closed."""
    step, now = _bar(HISTORY_BARS), venue_ms()
    earliest = -(-LISTED_MS // step) * step
    return _candles(step, earliest, now // step * step - step, read.limit(query(), 100, 100), now)


def _bar(known: dict[str, int]) -> int:
    name = query().get("bar") or "1m"
    if name not in known:
        raise wrong("bar")
    return known[name]


def _candles(step: int, earliest: int, newest: int, limit: int, now: int) -> Response:
    """Newest first, strictly between `before` and `after`; `before` alone counts for nothing but the lower end."""
    before, after = read.whole(query(), "before"), read.whole(query(), "after")
    first = earliest if before is None else max(earliest, (before // step + 1) * step)
    last = newest if after is None else min(newest, (after - 1) // step * step)
    first = max(first, last - (limit - 1) * step)
    symbol = read.instrument(query())
    if first > last:
        return ok([])
    found = venue().prices.candles(symbol, step, first, (last - first) // step + 1, now)
    return ok(_row(candle) for candle in reversed(found))


def _row(candle: Candle) -> list[str]:
    worth = plain(candle.volume * (candle.open + candle.high + candle.low + candle.close) / 4)
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [
        str(candle.open_ms),
        *map(plain, prices),
        plain(candle.volume),
        worth,
        worth,
        "1" if candle.is_closed else "0",
    ]


# --- quotes -----------------------------------------------------------------------------------------------------


@market.get("/market/books")
def books() -> Response:
    now, levels = venue_ms(), read.limit(query(), 1, 400, "sz")
    book = venue().engine.book(read.instrument(query()), now)
    return ok([{"asks": _side(book.asks[:levels]), "bids": _side(book.bids[:levels]), "ts": str(now), "seqId": now}])


def _side(quotes: tuple[Quote, ...]) -> list[list[str]]:
    """Price, quantity, a field that is no longer used, and the number of orders."""
    return [[plain(quote.price), plain(quote.qty), "0", "1"] for quote in quotes]


@market.get("/market/tickers")
def tickers() -> Response:
    read.spot_only(query())
    now = venue_ms()
    return ok(_ticker(symbol, now) for symbol in read.INSTRUMENTS.values())


@market.get("/market/ticker")
def ticker() -> Response:
    return ok([_ticker(read.instrument(query()), venue_ms())])


def _ticker(symbol: Symbol, now: int) -> dict[str, str]:
    bar, book = venue().prices.bar(symbol, now - DAY_MS, now), venue().engine.book(symbol, now)
    first, high, low, last = map(symbol.price, bar[:4])
    volume = symbol.quantity(bar.volume)
    bid, ask = book.bids[0], book.asks[0]
    return {
        "instType": "SPOT",
        "instId": read.inst_id(symbol.name),
        "last": plain(last),
        "lastSz": plain(symbol.step),
        "askPx": plain(ask.price),
        "askSz": plain(ask.qty),
        "bidPx": plain(bid.price),
        "bidSz": plain(bid.qty),
        "open24h": plain(first),
        "high24h": plain(high),
        "low24h": plain(low),
        "volCcy24h": plain(volume * (first + high + low + last) / 4),
        "vol24h": plain(volume),
        "sodUtc0": plain(first),
        "sodUtc8": plain(first),
        "ts": str(now),
    }
