"""The order book around a price: a pure function of (seed, symbol, second, price)."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from simulator.noise import key_of, uniform
from simulator.symbols import Symbol

LEVELS = 20
HALF_SPREAD_FRAC = 0.0001
GAP_FRAC = 0.0002
FIRST_LEVEL_OF_TURNOVER = 1e-6  # of a day's turnover; 2,000 USDT where that is 2e9


@dataclass(frozen=True, slots=True)
class Quote:
    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Best first on both sides."""

    bids: tuple[Quote, ...]
    asks: tuple[Quote, ...]


def book(seed: int, symbol: Symbol, second: int, mid_ticks: int) -> Book:
    noise = uniform(key_of(seed, symbol.name, "book", second), np.arange(4 * LEVELS))
    return Book(
        bids=_side(symbol, mid_ticks, -1, noise[: 2 * LEVELS]),
        asks=_side(symbol, mid_ticks, +1, noise[2 * LEVELS :]),
    )


def _side(symbol: Symbol, mid_ticks: int, direction: int, noise: np.ndarray) -> tuple[Quote, ...]:
    first_notional = float(symbol.daily_turnover) * FIRST_LEVEL_OF_TURNOVER
    away = max(1, round(mid_ticks * HALF_SPREAD_FRAC))
    quotes = []
    for level in range(LEVELS):
        ticks = mid_ticks + direction * away
        if ticks < 1:
            break
        price = symbol.price(ticks)
        notional = first_notional * (0.2 + 1.6 * noise[2 * level]) * (1 + level / 2)
        lots = max(1, round(notional / float(price * symbol.step)))
        quotes.append(Quote(price, symbol.quantity(lots)))
        away += max(1, round(mid_ticks * GAP_FRAC * (0.5 + noise[2 * level + 1])))
    return tuple(quotes)
