"""The strategies on recorded candles: `CANDLES_DIR` names a folder of `*.csv.gz` with timestamp, open … volume."""

import csv
import gzip
import os
from pathlib import Path

import pytest

from shared.domain.candles import HISTORY, Candles, Timeframe
from shared.domain.signals import Action, Evaluation
from strategies import registry
from strategies.catalogue import available

FOLDER = os.environ.get("CANDLES_DIR", "")
FILES = sorted(Path(FOLDER).glob("*.csv.gz")) if FOLDER else []
EXACT = {"MACrossoverStrategy", "GridTradingStrategy", "MomentumStrategy"}


def signed(evaluation: Evaluation) -> int:
    return -evaluation.lots if evaluation.action is Action.SELL else evaluation.lots


def recorded(path: Path, count: int) -> Candles:
    with gzip.open(path, "rt") as lines:
        table = csv.reader(lines)
        next(table)
        rows = [[float(cell) for cell in row] for row, _ in zip(table, range(count), strict=False)]
    step = int(rows[1][0] - rows[0][0])
    return Candles.from_rows(next(each for each in Timeframe if each.ms == step), rows)


@pytest.mark.skipif(not FILES, reason="CANDLES_DIR names no folder with recorded candles (*.csv.gz)")
@pytest.mark.parametrize("name", [each.name for each in available()])
def test_a_live_window_of_recorded_candles_decides_like_the_whole_record(name: str) -> None:
    for path in FILES:
        whole = recorded(path, 5_000)
        params = {"anchor_price": whole.close[0]} if name == "GridTradingStrategy" else {}
        found = registry.signals(name, params, whole).lots

        assert (found > 0).any(), path.name
        assert (found < 0).any(), path.name
        acted = [int(i) for i in found.nonzero()[0] if i >= HISTORY]
        for i in (acted + [i + 1 for i in acted if i + 1 < len(whole)])[::7]:
            live = registry.evaluate(name, params, whole[i + 1 - HISTORY : i + 1])
            assert signed(live) == found[i], (path.name, i)
