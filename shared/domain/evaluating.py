"""Which candles are due, and who of the roster acts on an evaluation. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from shared.domain.bots import MarketKey, Roster, RosterEntry
from shared.domain.planning import Decision
from shared.domain.signals import Evaluation
from shared.domain.values import Side

# Candles further back are not caught up: an entry on them would have expired, and an exit has a newer candle.
CATCH_UP = 100


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Subscriptions of one market with the same name and parameters (stops apart) share one evaluation."""

    market: MarketKey
    group: str


def groups(entries: Iterable[RosterEntry]) -> dict[GroupKey, list[RosterEntry]]:
    found: dict[GroupKey, list[RosterEntry]] = {}
    for entry in entries:
        found.setdefault(GroupKey(entry.market, entry.subscription.group), []).append(entry)
    return found


def due_candles(market: MarketKey, last_decided_ms: int | None, now_ms: int) -> list[int]:
    """Open times of closed candles that are not decided, oldest first.

    A group never evaluated is due for the newest alone: its history closed before anyone asked.
    """
    step = market.timeframe.ms
    newest = market.timeframe.last_closed_open_ms(now_ms)
    if last_decided_ms is None:
        return [newest]
    first = max(last_decided_ms + step, newest - (CATCH_UP - 1) * step)
    return list(range(first, newest + step, step))


def due_groups(
    entries: Iterable[RosterEntry], evaluated: Mapping[GroupKey, int], now_ms: int
) -> dict[int, dict[GroupKey, list[RosterEntry]]]:
    """Open time, oldest first → the groups that have that candle to decide, with their subscriptions."""
    due: dict[int, dict[GroupKey, list[RosterEntry]]] = {}
    for key, members in groups(entries).items():
        for open_ms in due_candles(key.market, evaluated.get(key), now_ms):
            due.setdefault(open_ms, {})[key] = members
    return dict(sorted(due.items()))


def due_markets(
    roster: Roster, decided: Mapping[GroupKey, int], now_ms: Mapping[str, int]
) -> dict[str, list[MarketKey]]:
    """Exchange → markets with at least one group that has a closed candle to decide. `now_ms` by exchange."""
    due: dict[str, set[MarketKey]] = {}
    for key in groups(roster.entries):
        exchange = key.market.exchange
        if exchange in now_ms and due_candles(key.market, decided.get(key), now_ms[exchange]):
            due.setdefault(exchange, set()).add(key.market)
    return {exchange: sorted(markets) for exchange, markets in due.items()}


def decisions(entries: Collection[RosterEntry], evaluation: Evaluation) -> list[Decision]:
    """One for each subscription of the group; none on HOLD, which costs a bot nothing."""
    side = evaluation.action.side
    if side is None:
        return []
    return [
        Decision(
            bot_id=entry.subscription.bot_id,
            run=entry.run,
            subscription=entry.subscription,
            candle_open_ms=evaluation.candle_open_ms,
            side=side,
            lots=evaluation.lots,
            reason=evaluation.reason,
        )
        for entry in entries
    ]


def exits_first(found: Iterable[Decision]) -> list[Decision]:
    """Exits free what entries may spend, and never wait for them."""
    return sorted(found, key=lambda decision: decision.side is Side.BUY)
