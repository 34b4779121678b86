"""Market keys as a message carries them."""

from collections.abc import Iterable, Sequence

from shared.domain.bots import MarketKey
from shared.domain.candles import Timeframe


def packed(markets: Iterable[MarketKey]) -> list[list[str]]:
    return [[market.symbol, market.timeframe.value] for market in markets]


def unpacked(exchange: str, markets: Sequence[Sequence[str]]) -> list[MarketKey]:
    return [MarketKey(exchange, symbol, Timeframe(timeframe)) for symbol, timeframe in markets]
