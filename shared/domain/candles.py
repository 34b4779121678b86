"""Candles: closed by the exchange's clock, packed as float64, one array per column."""

from __future__ import annotations  # array[int] can be subscripted only from Python 3.12 on.

import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

COLUMNS = ("open", "high", "low", "close", "volume")
HISTORY = 300  # Fewer give wrong recursive indicators (100 gave wrong RSI and MACD signals, 200 none).


class Timeframe(StrEnum):
    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"

    @property
    def ms(self) -> int:
        unit = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[self.value[-1]]
        return int(self.value[:-1]) * unit

    def last_closed_open_ms(self, now_ms: int) -> int:
        """Open time of the newest candle that has closed at `now_ms` (exchange time)."""
        return (now_ms // self.ms - 1) * self.ms


def _ints() -> array[int]:
    return array("q")


def _floats() -> array[float]:
    return array("d")


@dataclass(frozen=True, slots=True)
class Candles:
    """A run of candles of one market, oldest first. `opens_ms` are open times; the five columns are as long.

    The arrays are not to be written to: numpy and pandas view them without a copy.
    """

    timeframe: Timeframe
    opens_ms: array[int] = field(default_factory=_ints)
    open: array[float] = field(default_factory=_floats)
    high: array[float] = field(default_factory=_floats)
    low: array[float] = field(default_factory=_floats)
    close: array[float] = field(default_factory=_floats)
    volume: array[float] = field(default_factory=_floats)

    def __len__(self) -> int:
        return len(self.opens_ms)

    @classmethod
    def from_rows(cls, timeframe: Timeframe, rows: Iterable[Sequence[float]]) -> Candles:
        """From `[open_ms, open, high, low, close, volume]` rows; sorted, the last of equal open times wins."""
        by_open = {int(row[0]): row for row in rows}
        ordered = [by_open[key] for key in sorted(by_open)]
        columns = [array("d", (float(row[i]) for row in ordered)) for i in range(1, 6)]
        return cls(timeframe, array("q", sorted(by_open)), *columns)

    def rows(self) -> list[tuple[float, ...]]:
        return list(zip(self.opens_ms, self.open, self.high, self.low, self.close, self.volume, strict=True))

    def __getitem__(self, part: slice) -> Candles:
        return Candles(self.timeframe, self.opens_ms[part], *(getattr(self, name)[part] for name in COLUMNS))

    def closed(self, now_ms: int) -> Candles:
        """Those with open + timeframe ≤ `now_ms`; dropped by time, since a quiet venue may omit the newest row."""
        count = sum(1 for open_ms in self.opens_ms if open_ms + self.timeframe.ms <= now_ms)
        return self[:count]

    def merged(self, newer: Candles, keep: int) -> Candles:
        """This run extended by `newer`, whose rows win; the last `keep` are kept."""
        return Candles.from_rows(self.timeframe, [*self.rows(), *newer.rows()])[-keep:]

    @property
    def is_gapless(self) -> bool:
        step = self.timeframe.ms
        return all(b - a == step for a, b in zip(self.opens_ms, self.opens_ms[1:], strict=False))

    def to_bytes(self) -> bytes:
        header = struct.pack("<4sI", self.timeframe.value.encode(), len(self))
        return header + self.opens_ms.tobytes() + b"".join(getattr(self, name).tobytes() for name in COLUMNS)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Candles:
        """Inverse of `to_bytes`; raises ValueError on a length that does not fit."""
        if len(packed) < 8:
            raise ValueError(f"packed candles: {len(packed)} bytes have no header")
        timeframe, count = struct.unpack_from("<4sI", packed)
        body = memoryview(packed)[8:]
        if len(body) != count * 8 * 6:
            raise ValueError(f"packed candles: {len(body)} bytes for {count} rows")
        parts = [bytes(body[i * count * 8 : (i + 1) * count * 8]) for i in range(6)]
        opens = array("q", parts[0])
        return cls(Timeframe(timeframe.rstrip(b"\0").decode()), opens, *(array("d", part) for part in parts[1:]))
