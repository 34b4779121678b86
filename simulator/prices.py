"""What trades now and what traded: the generated series, overlaid by the prices that tests pin or script."""

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from simulator.market_data import Bar, Bars, Generator, merged
from simulator.symbols import Symbol

Points = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Overlay:
    """A price given from `start_ms` until `end_ms` (None: until released): straight lines between `points`.

    Points are (time in ms, ticks), oldest first, the first at `start_ms`; the last price holds.
    """

    symbol: str
    start_ms: int
    end_ms: int | None
    points: Points

    def at(self, ms: int) -> int:
        for (left, before), (right, after) in pairwise(self.points):
            if ms < right:
                return before + (after - before) * (ms - left) // (right - left)
        return self.points[-1][1]

    def bar(self, from_ms: int, to_ms: int) -> Bar:
        ends = self.at(from_ms), self.at(to_ms)
        prices = [*ends, *(price for ms, price in self.points if from_ms < ms < to_ms)]
        return Bar(ends[0], max(prices), min(prices), ends[1], 0)

    def covers(self, ms: int) -> bool:
        return self.start_ms <= ms and (self.end_ms is None or ms < self.end_ms)

    def ended(self, at_ms: int) -> "Overlay":
        return replace(self, end_ms=at_ms)


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle in the venue's units; `is_closed` is false while it forms."""

    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_closed: bool


class Prices:
    """Reads of any symbol at any time. `overlays` is replaced as a whole, so that readers need no lock."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.overlays: dict[str, tuple[Overlay, ...]] = {}

    @property
    def seed(self) -> int:
        return self.generator.seed

    def at(self, symbol: Symbol, ms: int) -> int:
        for overlay in self.overlays.get(symbol.name, ()):
            if overlay.covers(ms):
                return overlay.at(ms)
        return self.generator.price(symbol, ms)

    def bar(self, symbol: Symbol, from_ms: int, to_ms: int) -> Bar:
        """The bar over [from_ms, to_ms); of an empty span the price, without volume."""
        crossing = self._crossing(symbol, from_ms, max(to_ms, from_ms + 1))
        if not crossing:
            return self.generator.bar(symbol, from_ms, to_ms)
        volume = self.generator.bar(symbol, from_ms, to_ms).volume
        return merged(self._pieces(symbol, crossing, from_ms, to_ms))._replace(volume=volume)

    def _crossing(self, symbol: Symbol, from_ms: int, to_ms: int) -> list[Overlay]:
        overlays = self.overlays.get(symbol.name, ())
        return [o for o in overlays if o.start_ms < to_ms and (o.end_ms is None or o.end_ms > from_ms)]

    def _pieces(self, symbol: Symbol, crossing: list[Overlay], from_ms: int, to_ms: int) -> list[Bar]:
        pieces, at = [], from_ms
        for overlay in crossing:
            start = max(overlay.start_ms, from_ms)
            stop = to_ms if overlay.end_ms is None else min(overlay.end_ms, to_ms)
            if at < start:
                pieces.append(self.generator.bar(symbol, at, start))
            pieces.append(overlay.bar(start, stop))
            at = stop
        if at < to_ms:
            pieces.append(self.generator.bar(symbol, at, to_ms))
        return pieces

    def candles(self, symbol: Symbol, timeframe_ms: int, first_ms: int, count: int, now_ms: int) -> list[Candle]:
        """`count` candles from that which opens at `first_ms`, none opening after `now_ms`; the last may be forming."""
        count = min(count, (now_ms - first_ms) // timeframe_ms + 1)
        if count <= 0:
            return []
        rows = _listed(self.generator.candles(symbol, timeframe_ms, first_ms, count))
        last_ms = first_ms + (count - 1) * timeframe_ms
        if last_ms + timeframe_ms > now_ms:
            rows[-1] = self.bar(symbol, last_ms, now_ms)
        for overlay in self._crossing(symbol, first_ms, now_ms + 1):
            self._overlay(symbol, rows, overlay, timeframe_ms, first_ms, now_ms)
        return [self._candle(symbol, timeframe_ms, first_ms, i, row, now_ms) for i, row in enumerate(rows)]

    def _overlay(
        self, symbol: Symbol, rows: list[Bar], overlay: Overlay, timeframe_ms: int, first_ms: int, now_ms: int
    ) -> None:
        first = max(0, (overlay.start_ms - first_ms) // timeframe_ms)
        end_ms = now_ms + 1 if overlay.end_ms is None else overlay.end_ms
        last = min(len(rows), -(-(end_ms - first_ms) // timeframe_ms))
        for number in range(first, last):
            open_ms = first_ms + number * timeframe_ms
            close_ms = min(open_ms + timeframe_ms, now_ms)
            if overlay.start_ms <= open_ms and close_ms <= end_ms:
                rows[number] = overlay.bar(open_ms, close_ms)._replace(volume=rows[number].volume)
            else:
                rows[number] = self.bar(symbol, open_ms, close_ms)

    def _candle(self, symbol: Symbol, timeframe_ms: int, first_ms: int, number: int, row: Bar, now_ms: int) -> Candle:
        open_ms = first_ms + number * timeframe_ms
        return Candle(
            open_ms,
            open_ms + timeframe_ms - 1,
            symbol.price(row.open),
            symbol.price(row.high),
            symbol.price(row.low),
            symbol.price(row.close),
            symbol.quantity(row.volume),
            is_closed=open_ms + timeframe_ms <= now_ms,
        )


def _listed(bars: Bars) -> list[Bar]:
    return [Bar(*row) for row in zip(*(column.tolist() for column in bars), strict=True)]


def pinned(symbol: Symbol, price: Decimal, now_ms: int) -> Overlay:
    return Overlay(symbol.name, now_ms, None, ((now_ms, symbol.ticks(price)),))


def scripted(symbol: Symbol, script: list[tuple[float, Decimal]], now_ms: int, current: int) -> Overlay:
    """From the `current` price through each (seconds from now, price), which must rise in time."""
    points = [(now_ms + round(seconds * 1000), symbol.ticks(price)) for seconds, price in script]
    if points[0][0] > now_ms:
        points.insert(0, (now_ms, current))
    return Overlay(symbol.name, now_ms, None, tuple(points))


def released(overlays: tuple[Overlay, ...], now_ms: int) -> tuple[Overlay, ...]:
    """`overlays` with the open one ended; what it said before `now_ms` stays history."""
    ended = (overlay.ended(now_ms) if overlay.end_ms is None else overlay for overlay in overlays)
    return tuple(overlay for overlay in ended if overlay.end_ms is None or overlay.end_ms > overlay.start_ms)
