"""Market data: /api/v3 without a signature."""

from typing import Any

from flask import Blueprint, Response, jsonify

from simulator.binance import params as read
from simulator.binance.errors import VenueError
from simulator.binance.request import params
from simulator.book import Quote
from simulator.context import text, venue, venue_ms
from simulator.market_data import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from simulator.prices import Candle
from simulator.symbols import LISTED_MS, SYMBOLS, Symbol

market = Blueprint("market", __name__, url_prefix="/api/v3")

INTERVALS = {
    **{f"{n}s": n * SECOND_MS for n in (1,)},
    **{f"{n}m": n * MINUTE_MS for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * HOUR_MS for n in (1, 2, 4, 6, 8, 12)},
    **{f"{n}d": n * DAY_MS for n in (1,)},
}


@market.get("/ping")
def ping() -> Response:
    return jsonify({})


@market.get("/time")
def server_time() -> Response:
    return jsonify({"serverTime": venue_ms()})


@market.get("/exchangeInfo")
def exchange_info() -> Response:
    return jsonify(
        {
            "timezone": "UTC",
            "serverTime": venue_ms(),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [_listing(symbol) for symbol in _asked()],
        }
    )


def _asked() -> list[Symbol]:
    one = read.optional_symbol(params())
    return [one] if one else read.symbols(params()) or list(SYMBOLS.values())


def _listing(symbol: Symbol) -> dict[str, Any]:
    return {
        "symbol": symbol.name,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(symbol),
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(symbol: Symbol) -> list[dict[str, Any]]:
    step, tick = text(symbol.step), text(symbol.tick)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": text(symbol.tick * 10**9), "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": text(symbol.max_qty), "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": step, "maxQty": text(symbol.max_market_qty), "stepSize": step},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 0,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(symbol.min_notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
    ]


@market.get("/klines")
def klines() -> Response:
    query, now = params(), venue_ms()
    symbol = read.symbol(query)
    name = read.required(query, "interval")
    if name not in INTERVALS:
        raise VenueError(-1120, "Invalid interval.")
    first, count = _span(
        INTERVALS[name],
        read.long(query, "startTime"),
        min(read.long(query, "endTime", now) or now, now),
        read.limit(query, 500, 1000),
    )
    candles = venue().prices.candles(symbol, INTERVALS[name], first, count, now)
    return jsonify([_kline(candle) for candle in candles])


def _span(timeframe_ms: int, start_ms: int | None, end_ms: int, limit: int) -> tuple[int, int]:
    """Open time of the first candle, and how many: the earliest from `start_ms`, else the latest until `end_ms`."""
    last = end_ms // timeframe_ms * timeframe_ms
    earliest = -(-LISTED_MS // timeframe_ms) * timeframe_ms
    if start_ms is None:
        first = max(last - (limit - 1) * timeframe_ms, earliest)
    else:
        first = max(-(-start_ms // timeframe_ms) * timeframe_ms, earliest)
    return first, min(limit, (last - first) // timeframe_ms + 1)


def _kline(candle: Candle) -> list[Any]:
    typical = (candle.open + candle.high + candle.low + candle.close) / 4
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [
        candle.open_ms,
        *map(text, prices),
        text(candle.volume),
        candle.close_ms,
        text(candle.volume * typical),
        1 + int(candle.volume * typical) // 500,
        text(candle.volume / 2),
        text(candle.volume * typical / 2),
        "0",
    ]


@market.get("/depth")
def depth() -> Response:
    now, levels = venue_ms(), read.limit(params(), 100, 5000)
    book = venue().engine.book(read.symbol(params()), now)
    return jsonify({"lastUpdateId": now, "bids": _side(book.bids[:levels]), "asks": _side(book.asks[:levels])})


def _side(quotes: tuple[Quote, ...]) -> list[list[str]]:
    return [[text(quote.price), text(quote.qty)] for quote in quotes]


@market.get("/ticker/24hr")
def ticker_24hr() -> Response:
    return _one_or_all(_day_ticker)


@market.get("/ticker/bookTicker")
def ticker_book() -> Response:
    return _one_or_all(_book_ticker)


@market.get("/ticker/price")
def ticker_price() -> Response:
    return _one_or_all(_price_ticker)


def _one_or_all(ticker: Any) -> Response:
    now = venue_ms()
    if params().get("symbol"):
        return jsonify(ticker(read.symbol(params()), now))
    return jsonify([ticker(symbol, now) for symbol in _asked()])


def _price_ticker(symbol: Symbol, now: int) -> dict[str, Any]:
    return {"symbol": symbol.name, "price": text(venue().engine.mark(symbol, now))}


def _book_ticker(symbol: Symbol, now: int) -> dict[str, Any]:
    book = venue().engine.book(symbol, now)
    bid, ask = book.bids[0], book.asks[0]
    return {
        "symbol": symbol.name,
        "bidPrice": text(bid.price),
        "bidQty": text(bid.qty),
        "askPrice": text(ask.price),
        "askQty": text(ask.qty),
    }


def _day_ticker(symbol: Symbol, now: int) -> dict[str, Any]:
    bar = venue().prices.bar(symbol, now - DAY_MS, now)
    first, high, low, last = map(symbol.price, bar[:4])
    volume, average = symbol.quantity(bar.volume), (first + high + low + last) / 4
    return {
        **_book_ticker(symbol, now),
        "priceChange": text(last - first),
        "priceChangePercent": f"{(last - first) / first * 100:.3f}",
        "weightedAvgPrice": text(average),
        "prevClosePrice": text(first),
        "lastPrice": text(last),
        "lastQty": text(symbol.step),
        "openPrice": text(first),
        "highPrice": text(high),
        "lowPrice": text(low),
        "volume": text(volume),
        "quoteVolume": text(volume * average),
        "openTime": now - DAY_MS,
        "closeTime": now,
        "firstId": 0,
        "lastId": 1,
        "count": 1 + int(volume * average) // 500,
    }
