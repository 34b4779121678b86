"""The market is lively enough that every strategy, as it comes, has something to do soon."""

from functools import cache

import numpy as np
import pytest

from shared.domain.candles import HISTORY, Candles, Timeframe
from simulator.market_data import Generator
from simulator.symbols import SYMBOLS
from strategies.registry import signals

FIRST_MS = 1_790_000_040_000
WINDOWS = 10


@cache
def series(symbol: str, timeframe: Timeframe, window: int) -> Candles:
    count = HISTORY + window * WINDOWS
    columns = Generator(7).candles(SYMBOLS[symbol], timeframe.ms, FIRST_MS, count)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return Candles.from_rows(timeframe, ((FIRST_MS + i * timeframe.ms, *row) for i, row in enumerate(rows)))


def shares_that_trade(strategy: str, timeframe: Timeframe, window: int, **params: float) -> tuple[float, float]:
    """Of windows after any start, over all symbols: the share with an entry, and with a signal of either side."""
    entries, either = [], []
    for symbol in SYMBOLS:
        candles = series(symbol, timeframe, window)
        for start in range(HISTORY, len(candles), window):
            anchored = {"anchor_price": candles.close[start]} if strategy == "GridTradingStrategy" else {}
            lots = signals(strategy, {**params, **anchored}, candles).lots[start : start + window]
            entries.append((lots > 0).any())
            either.append((lots != 0).any())
    return float(np.mean(entries)), float(np.mean(either))


@pytest.mark.parametrize(
    "strategy",
    ["MACrossoverStrategy", "RSIStrategy", "GridTradingStrategy", "MomentumStrategy", "MACDBollingerStrategy"],
)
def test_a_strategy_trades_on_minutes_within_an_hour(strategy: str) -> None:
    entry, either = shares_that_trade(strategy, Timeframe.M1, 60)
    assert entry > 0.65
    assert either > 0.9


@pytest.mark.parametrize(
    ("strategy", "params"),
    [
        ("MACrossoverStrategy", {}),
        ("RSIStrategy", {}),
        ("MomentumStrategy", {}),
        ("MACDBollingerStrategy", {}),
        ("GridTradingStrategy", {"grid_spacing_pct": 0.3}),
    ],
)
def test_a_strategy_trades_on_seconds_within_two_minutes(strategy: str, params: dict[str, float]) -> None:
    entry, either = shares_that_trade(strategy, Timeframe.S1, 120, **params)
    assert entry > 0.8
    assert either > 0.95


def test_a_grid_of_one_per_cent_trades_in_half_of_all_two_minutes() -> None:
    entry, either = shares_that_trade("GridTradingStrategy", Timeframe.S1, 120)
    assert entry > 0.3
    assert either > 0.5
