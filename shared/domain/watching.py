"""Which open positions are to be left, at the prices of one moment. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.bots import Bot
from shared.domain.positions import ExitReason, Position, exit_reason, ratcheted
from shared.domain.values import Ticker


@dataclass(frozen=True, slots=True)
class Watch:
    """The verdict of one pass: exits by position, and the high-water marks that rose (position id → price)."""

    exits: tuple[tuple[Position, ExitReason], ...]
    high_water: Mapping[str, Decimal]


def is_watched(bot: Bot, position: Position) -> bool:
    """A stopped bot's positions are not, but for what is being left: its stop keeps nothing of that."""
    return bot.is_watched or position.leaving is not None


def watch(positions: Iterable[tuple[Bot, Position]], tickers: Mapping[str, Ticker]) -> Watch:
    """Every position against its stop, target and trailing stop, at the last price; flatten before all of them.

    What is being left already is left at any price, until nothing is held. A position whose symbol has no price (zero
    and NaN are none) is left to the next pass, unless its bot is being flattened.
    """
    exits: list[tuple[Position, ExitReason]] = []
    high_water: dict[str, Decimal] = {}
    for bot, position in positions:
        if bot.is_stopping:
            exits.append((position, ExitReason.FLATTEN))
            continue
        if position.leaving is not None:
            exits.append((position, _most_urgent(position, tickers)))
            continue
        price = _price(position, tickers)
        if price is None:
            continue
        raised = ratcheted(position, price)
        if raised is not position and raised.high_water is not None:
            high_water[position.id] = raised.high_water
        reason = exit_reason(raised, price)
        if reason is not None:
            exits.append((position, reason))
    return Watch(tuple(exits), high_water)


def _most_urgent(position: Position, tickers: Mapping[str, Ticker]) -> ExitReason:
    """Why it is left by now: while a gain is being taken, the stop may be hit."""
    price, since = _price(position, tickers), position.leaving or ExitReason.SIGNAL
    found = None if price is None else exit_reason(position, price)
    urgency = list(ExitReason)
    return since if found is None else min(since, found, key=urgency.index)


def _price(position: Position, tickers: Mapping[str, Ticker]) -> Decimal | None:
    """The last one; None where the venue quotes none, or one that is no price."""
    ticker = tickers.get(position.symbol)
    return ticker.last if ticker is not None and ticker.last.is_finite() and ticker.last > 0 else None
