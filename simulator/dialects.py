"""The languages on offer, and which one a path speaks."""

from simulator.binance import BINANCE
from simulator.dialect import Dialect
from simulator.okx import OKX

DIALECTS = (BINANCE, OKX)


def spoken(path: str) -> Dialect:
    """Binance's for a path that is nobody's."""
    return next((dialect for dialect in DIALECTS if path.startswith(dialect.prefix)), BINANCE)
