"""One evaluation on 500 closed candles, against the bare indicators of `ta` on a ready pandas frame.

    .venv/bin/python -m bench.strategies

The peer computes the same indicators and decides nothing: no window check, no signal, no reason. It is timed on a
frame that is ready, and with the building of the frame from packed candles, where ours starts. The grid has no
indicator in `ta`: its peer finds the crossings of the last candle in plain pandas. Rounds are interleaved, so that
noise meets all alike.
"""

import random
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from ta.momentum import RSIIndicator
from ta.trend import MACD, SMAIndicator
from ta.volatility import BollingerBands, DonchianChannel

from shared.domain.candles import Candles, Timeframe
from strategies import registry

CANDLES = 500
ROUNDS = 15
EVALUATIONS = 20

Peer = Callable[[pd.DataFrame], Any]


def moving_averages(frame: pd.DataFrame) -> Any:
    return SMAIndicator(frame["close"], 10).sma_indicator(), SMAIndicator(frame["close"], 30).sma_indicator()


def strength(frame: pd.DataFrame) -> Any:
    return RSIIndicator(frame["close"], 14).rsi()


def grid(frame: pd.DataFrame) -> Any:
    anchor = frame["close"].iloc[0]
    levels = pd.Series([anchor * (1 + k / 100) for k in (*range(-5, 0), *range(1, 6))])
    before, now = frame["close"].shift(1).iloc[-1], frame["close"].iloc[-1]
    fallen = ((levels < anchor) & (levels < before) & (levels >= now)).sum()
    return fallen - ((levels > before) & (levels <= now)).sum()


def breakout(frame: pd.DataFrame) -> Any:
    channel = DonchianChannel(frame["high"], frame["low"], frame["close"], 20)
    volume = SMAIndicator(frame["volume"], 20).sma_indicator()
    return channel.donchian_channel_lband(), channel.donchian_channel_hband(), volume


def macd_and_bands(frame: pd.DataFrame) -> Any:
    macd, bands = MACD(frame["close"], 26, 12, 9), BollingerBands(frame["close"], 20, 2)
    return macd.macd(), macd.macd_signal(), bands.bollinger_lband(), bands.bollinger_hband()


PEERS: dict[str, Peer] = {
    "MACrossoverStrategy": moving_averages,
    "RSIStrategy": strength,
    "GridTradingStrategy": grid,
    "MomentumStrategy": breakout,
    "MACDBollingerStrategy": macd_and_bands,
}


def random_walk(count: int) -> Candles:
    chance, close, rows = random.Random(7), 46_000.0, []
    for i in range(count):
        close = round(close * (1 + chance.gauss(0, 0.001)), 1)
        rows.append((i * 60_000, close, close + 20, close - 20, close, round(chance.uniform(1, 50), 3)))
    return Candles.from_rows(Timeframe.M1, rows)


def microseconds(work: Callable[[], Any]) -> float:
    begun = perf_counter()
    for _ in range(EVALUATIONS):
        work()
    return (perf_counter() - begun) / EVALUATIONS * 1e6


def framed(candles: Candles) -> pd.DataFrame:
    columns = {name: np.frombuffer(getattr(candles, name)) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, copy=False)


def times(name: str, candles: Candles, frame: pd.DataFrame) -> tuple[float, float, float]:
    """One round: ours, the peer on a ready frame, the peer from packed candles."""
    peer = PEERS[name]
    return (
        microseconds(lambda: registry.evaluate(name, {}, candles)),
        microseconds(lambda: peer(frame)),
        microseconds(lambda: peer(framed(candles))),
    )


def main() -> None:
    candles = random_walk(CANDLES)
    frame = framed(candles)
    print(f"microseconds per evaluation of {CANDLES} candles, medians of {ROUNDS} interleaved rounds")
    print(f"{'strategy':24}{'ours':>8}{'bare ta':>9}{'ratio':>7}{'frame + ta':>12}{'ratio':>7}")
    for name in PEERS:
        rounds = [times(name, candles, frame) for _ in range(ROUNDS)]
        ours, ready, packed = (median(column) for column in zip(*rounds, strict=True))
        to_ready = median(ours / ready for ours, ready, _ in rounds)
        to_packed = median(ours / packed for ours, _, packed in rounds)
        print(f"{name:24}{ours:8.0f}{ready:9.0f}{to_ready:7.2f}{packed:12.0f}{to_packed:7.2f}")


if __name__ == "__main__":
    main()
