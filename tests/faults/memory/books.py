"""Positions and equity."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from shared.domain.bots import Bot
from shared.domain.facts import equity_marked
from shared.domain.portfolio import Account, EquityMark
from shared.domain.positions import Position, PositionState
from shared.domain.values import ZERO
from shared.domain.watching import is_watched
from tests.faults.memory.tables import Tables


class MemoryBooks:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def watched_positions(self, exchange: str) -> list[tuple[Bot, Position]]:
        tables = self._tables
        tables.reach()
        held = (each for each in tables.positions.values() if each.exchange == exchange)
        pairs = ((tables.bots[each.bot_id], each) for each in held if each.state is PositionState.OPEN)
        return [(bot, position) for bot, position in pairs if is_watched(bot, position)]

    def raise_high_water(self, marks: Mapping[str, Decimal]) -> None:
        self._tables.reach()
        for position_id, mark in marks.items():
            held = self._tables.positions.get(position_id)
            if held is not None and held.state is PositionState.OPEN and (held.high_water or ZERO) < mark:
                self._tables.write_position(replace(held, high_water=mark))

    def accounts(self, exchange: str) -> list[tuple[Account, list[Position]]]:
        self._tables.reach()
        bots = [bot for _, bot in sorted(self._tables.bots.items()) if bot.exchange == exchange]
        return [self._books_of(bot.id) for bot in bots]

    def _books_of(self, bot_id: str) -> tuple[Account, list[Position]]:
        held = [each for each in self._tables.positions.values() if each.bot_id == bot_id and each.quantity != ZERO]
        return self._tables.account(bot_id), held

    def store_equity(self, marks: Sequence[EquityMark]) -> None:
        self._tables.reach()
        for mark in sorted(marks, key=lambda each: each.bot_id):
            if (mark.bot_id, mark.at) not in self._tables.equity:
                self._tables.equity[mark.bot_id, mark.at] = mark
                self._keep_with_bot(mark)
                self._tables.append(equity_marked(mark))

    def _keep_with_bot(self, mark: EquityMark) -> None:
        account, last_at = self._tables.sums[mark.bot_id], self._tables.equity_at.get(mark.bot_id)
        capital = mark.equity - mark.realised - mark.unrealised + mark.fees
        is_same_capital = abs(account.initial_balance - capital) < Decimal("0.000001")
        if (last_at is not None and last_at >= mark.at) or not is_same_capital:
            return
        is_new_day = account.day < mark.at.date()
        self._tables.equity_at[mark.bot_id] = mark.at
        self._tables.sums[mark.bot_id] = replace(
            account,
            equity=mark.equity,
            peak_equity=max(account.peak_equity, mark.peak_equity),
            day_start_equity=mark.day_start_equity if is_new_day else account.day_start_equity,
            day=max(account.day, mark.at.date()),
        )
