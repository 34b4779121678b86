"""Generated prices: a pure function of (seed, symbol, time), exact on every timeframe.

The series is built from the top down. A day's open, high, low, close and volume come from noise over days; a bar of one
level is then divided into the bars of the next (24 hours, 60 minutes, 60 seconds) whose aggregate is exactly that bar.
So 300 daily candles cost 300 rows, not 26 million seconds, and no timeframe can contradict another. Everything is an
integer (ticks, lots), so sums and extremes are exact.
"""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.noise import Floats, Ints, key_of, normal, smooth, uniform
from simulator.symbols import Symbol

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
CACHED_BLOCKS = 8_192

# (period in days, amplitude of the log price): bounded and mean-reverting however far time runs.
OCTAVES = ((97.0, 0.25), (23.0, 0.12), (5.3, 0.06), (1.7, 0.025))
DAY_WICK_FRAC = (0.04, 0.05)  # least, and scale of the random part


class Level(NamedTuple):
    """How a parent's bar is divided: `parts` children, the σ of a child's move and of its wick (of the price)."""

    ms: int
    parts: int
    move_frac: float
    wick_frac: float


LEVELS = (
    Level(DAY_MS, 0, 0.0, 0.0),
    Level(HOUR_MS, 24, 0.02, 0.06),
    Level(MINUTE_MS, 60, 0.007, 0.007),
    Level(SECOND_MS, 60, 0.0012, 0.0001),
)

# What 60 children (the minutes of an hour, the seconds of a minute) go through, in σ of their noise. Noise alone hardly
# ever reverses within three candles of a band or breaks out on volume; a market that does neither shows nothing of a
# strategy. So each block has a slide (oversold), a calm, a dip that is bought back, and a breakout, then all mirrored.
_SLIDE, _CALM = 10, 15
_REBOUND, _DIP, _BREAKOUT = 6.0, 20.0, 16.0
_DRIFT = (_SLIDE - _REBOUND - _BREAKOUT) / _CALM  # Brings each half back to where it began.
_HALF = (*[-1.0] * _SLIDE, _REBOUND, *[_DRIFT] * _CALM, -_DIP, _DIP, _BREAKOUT, 0.0)
_HALF_NOISE = (*[0.6] * (_SLIDE + 1), *[0.3] * _CALM, *[1.0] * 4)
SCENE = np.array((*_HALF, *(-step for step in _HALF)))
SCENE_NOISE = np.array((*_HALF_NOISE, *_HALF_NOISE))
SCENE_JITTER = 20


class Bars(NamedTuple):
    """Columns of equal shape, in ticks and lots."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def at(self, where: int | slice | Ints) -> "Bars":
        return Bars(*(column[where] for column in self))


class Bar(NamedTuple):
    open: int
    high: int
    low: int
    close: int
    volume: int


def merged(bars: list[Bar]) -> Bar:
    """The bar that spans `bars`, oldest first."""
    return Bar(
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        sum(bar.volume for bar in bars),
    )


def reduced(bars: Bars) -> Bar:
    return Bar(
        int(bars.open[0]),
        int(bars.high.max()),
        int(bars.low.min()),
        int(bars.close[-1]),
        int(bars.volume.sum()),
    )


# --- a day, and the division of a bar -----------------------------------------------------------------------------


def day_bars(seed: int, symbol: Symbol, days: Ints) -> Bars:
    edges = _day_edges(seed, symbol, np.stack([days, days + 1]))
    top, bottom = edges.max(axis=0), edges.min(axis=0)
    least, scale = DAY_WICK_FRAC
    high = top + _ticks(top * (least + scale * uniform(key_of(seed, symbol.name, "high"), days)))
    low = bottom - _ticks(bottom * (least + scale * uniform(key_of(seed, symbol.name, "low"), days)))
    lots = float(symbol.daily_turnover / symbol.anchor / symbol.step)
    volume = _ticks(lots * (0.5 + uniform(key_of(seed, symbol.name, "volume"), days)))
    return Bars(edges[0], high, low, edges[1], volume)


def _day_edges(seed: int, symbol: Symbol, days: Ints) -> Ints:
    log_price = np.zeros(days.shape)
    for period, amplitude in OCTAVES:
        log_price += amplitude * smooth(key_of(seed, symbol.name, period), days / period)
    return _ticks(float(symbol.anchor / symbol.tick) * np.exp(log_price))


def _ticks(values: NDArray[np.floating[Any]]) -> Ints:
    return np.rint(values).astype(np.int64)


def divided(key: int, level: Level, parents: Bars, index: Ints) -> Bars:
    """The `level.parts` children of each parent, as rows; each row aggregates to exactly its parent."""
    numbers = index[:, None] * level.parts + np.arange(level.parts)
    edges = _path(key, level, parents, numbers)
    left, right = edges[:, :-1], edges[:, 1:]
    top, bottom = np.maximum(left, right), np.minimum(left, right)
    reach = parents.open[:, None] * level.wick_frac
    high = np.minimum(top + _ticks(reach * np.abs(normal(key + 1, numbers))), parents.high[:, None])
    low = np.maximum(bottom - _ticks(reach * np.abs(normal(key + 2, numbers))), parents.low[:, None])
    rows = np.arange(len(index))
    high[rows, top.argmax(axis=1)] = parents.high
    low[rows, bottom.argmin(axis=1)] = parents.low
    return Bars(left, high, low, right, _volumes(key + 3, level, parents, numbers, np.abs(right - left)))


def _path(key: int, level: Level, parents: Bars, numbers: Ints) -> Ints:
    """Edges of the children: a bridge from open to close, stretched so that it uses the parent's whole range."""
    at = np.arange(level.parts + 1) / level.parts
    walk = np.concatenate([np.zeros((len(numbers), 1)), np.cumsum(_steps(key, level, numbers), axis=1)], axis=1)
    bridge = (walk - walk[:, -1:] * at) * level.move_frac * parents.open[:, None]
    raw = parents.open[:, None] + (parents.close - parents.open)[:, None] * at + bridge
    edges = _ticks(_stretched(raw, parents))
    edges[:, 0], edges[:, -1] = parents.open, parents.close
    return np.clip(edges, parents.low[:, None], parents.high[:, None])


def _steps(key: int, level: Level, numbers: Ints) -> Floats:
    noise = normal(key, numbers)
    if level.parts != len(SCENE):
        return noise
    start = int(uniform(key + 30, np.zeros(1, dtype=np.int64))[0] * level.parts)
    jitter = (uniform(key + 20, numbers[:, :1]) * SCENE_JITTER).astype(np.int64)
    scene = (np.arange(level.parts) + start + jitter) % level.parts
    return noise * SCENE_NOISE[scene] + SCENE[scene]


def _stretched(raw: Floats, parents: Bars) -> Floats:
    """Scales what leaves the band between open and close so that its extremes come near the parent's."""
    top = np.maximum(parents.open, parents.close)[:, None]
    bottom = np.minimum(parents.open, parents.close)[:, None]
    above, below = np.maximum(raw - top, 0.0), np.maximum(bottom - raw, 0.0)
    up = 0.95 * (parents.high[:, None] - top) / np.maximum(above.max(axis=1, keepdims=True), 1e-9)
    down = 0.95 * (bottom - parents.low[:, None]) / np.maximum(below.max(axis=1, keepdims=True), 1e-9)
    return np.clip(raw, bottom, top) + above * up - below * down


def _volumes(key: int, level: Level, parents: Bars, numbers: Ints, moves: Ints) -> Ints:
    """Whole lots, at least one each, summing to the parent's; more where the price moves, and now and then a burst."""
    usual = np.maximum(level.move_frac * parents.open[:, None], 1.0)
    burst = np.where(uniform(key + 1, numbers) < 0.08, 3.0, 1.0)
    weights = (0.4 + uniform(key, numbers) + moves / usual) * burst
    shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    spare = np.maximum(parents.volume - level.parts, 0)[:, None]
    edges = np.floor(shares * spare).astype(np.int64)
    edges[:, -1] = spare[:, 0]
    return np.diff(edges, axis=1, prepend=0) + 1


# --- the series -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Key:
    symbol: str
    depth: int
    block: int


class Generator:
    """The generated series of every symbol of one seed. Safe to call from several threads."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._blocks: OrderedDict[_Key, Bars] = OrderedDict()
        self._lock = Lock()

    def rows(self, symbol: Symbol, depth: int, first: int, last: int) -> Bars:
        """Bars [first, last) of LEVELS[depth], numbered from the epoch."""
        if depth == 0:
            return day_bars(self.seed, symbol, np.arange(first, last))
        count = LEVELS[depth].parts
        start, stop = first // count, -(-last // count)
        blocks = self._gathered(symbol, depth, start, stop)
        joined = Bars(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))
        return joined.at(slice(first - start * count, last - start * count))

    def _gathered(self, symbol: Symbol, depth: int, start: int, stop: int) -> list[Bars]:
        keys = [_Key(symbol.name, depth, block) for block in range(start, stop)]
        with self._lock:
            found = {key: self._blocks[key] for key in keys if key in self._blocks}
            for key in found:
                self._blocks.move_to_end(key)
        missing = [key.block for key in keys if key not in found]
        if missing:
            found.update(self._divided(symbol, depth, missing))
            self._remember(found)
        return [found[key] for key in keys]

    def _divided(self, symbol: Symbol, depth: int, blocks: list[int]) -> dict[_Key, Bars]:
        parents = self.rows(symbol, depth - 1, blocks[0], blocks[-1] + 1)
        index = np.array(blocks, dtype=np.int64)
        chosen = parents.at(index - blocks[0])
        children = divided(key_of(self.seed, symbol.name, depth), LEVELS[depth], chosen, index)
        return {_Key(symbol.name, depth, block): children.at(row) for row, block in enumerate(blocks)}

    def _remember(self, blocks: dict[_Key, Bars]) -> None:
        with self._lock:
            self._blocks.update(blocks)
            while len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)

    def candles(self, symbol: Symbol, timeframe_ms: int, first_ms: int, count: int) -> Bars:
        """`count` whole candles from the one that opens at `first_ms`."""
        depth = next(depth for depth, level in enumerate(LEVELS) if timeframe_ms % level.ms == 0)
        each = timeframe_ms // LEVELS[depth].ms
        first = first_ms // LEVELS[depth].ms
        rows = Bars(*(column.reshape(count, each) for column in self.rows(symbol, depth, first, first + count * each)))
        return Bars(
            rows.open[:, 0], rows.high.max(axis=1), rows.low.min(axis=1), rows.close[:, -1], rows.volume.sum(axis=1)
        )

    def bar(self, symbol: Symbol, from_ms: int, to_ms: int) -> Bar:
        """The bar over [from_ms, to_ms), which need not lie on whole seconds; additive over adjoining spans."""
        first, last = -(-from_ms // SECOND_MS), to_ms // SECOND_MS
        if first > last:
            return self._part(symbol, from_ms, to_ms)
        parts = [self._part(symbol, from_ms, first * SECOND_MS)] if from_ms < first * SECOND_MS else []
        parts += self._spans(symbol, len(LEVELS) - 1, first, last)
        if last * SECOND_MS < to_ms or not parts:
            parts.append(self._part(symbol, last * SECOND_MS, to_ms))
        return merged(parts)

    def _spans(self, symbol: Symbol, depth: int, first: int, last: int) -> list[Bar]:
        """[first, last) in the fewest rows: whole parents in the middle, single rows at the ends."""
        if first >= last:
            return []
        count = LEVELS[depth].parts
        inner_first, inner_last = (-(-first // count), last // count) if depth else (0, 0)
        if inner_first >= inner_last:
            return [reduced(self.rows(symbol, depth, first, last))]
        return [
            *self._edge(symbol, depth, first, inner_first * count),
            *self._spans(symbol, depth - 1, inner_first, inner_last),
            *self._edge(symbol, depth, inner_last * count, last),
        ]

    def _edge(self, symbol: Symbol, depth: int, first: int, last: int) -> list[Bar]:
        return [reduced(self.rows(symbol, depth, first, last))] if first < last else []

    def price(self, symbol: Symbol, at_ms: int) -> int:
        second = self._second(symbol, at_ms // SECOND_MS)
        return _within(second, at_ms % SECOND_MS)

    def _part(self, symbol: Symbol, from_ms: int, to_ms: int) -> Bar:
        """A span inside one second."""
        second = self._second(symbol, from_ms // SECOND_MS)
        start = from_ms - from_ms // SECOND_MS * SECOND_MS
        return _slice(second, start, start + to_ms - from_ms)

    def _second(self, symbol: Symbol, number: int) -> Bar:
        return reduced(self.rows(symbol, len(LEVELS) - 1, number, number + 1))


def _corners(second: Bar) -> tuple[tuple[int, int], ...]:
    """The path inside a second: the nearer extreme first."""
    rising = second.close >= second.open
    first, then = (second.low, second.high) if rising else (second.high, second.low)
    return ((0, second.open), (333, first), (667, then), (SECOND_MS, second.close))


def _within(second: Bar, at_ms: int) -> int:
    corners = _corners(second)
    (left, before), (right, after) = next(pair for pair in pairwise(corners) if at_ms <= pair[1][0])
    return before + (after - before) * (at_ms - left) // (right - left)


def _slice(second: Bar, start: int, stop: int) -> Bar:
    ends = _within(second, start), _within(second, stop)
    prices = [*ends, *(price for at, price in _corners(second) if start < at < stop)]
    volume = second.volume * stop // SECOND_MS - second.volume * start // SECOND_MS
    return Bar(ends[0], max(prices), min(prices), ends[1], volume)
