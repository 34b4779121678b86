"""The protocol with one of its parts missing. Each must show violations: else the simulation would be blind.

They are other compositions of the fleet: another journal or exchange in place of the one that keeps the rule.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.domain.bots import MarketKey
from shared.domain.candles import Timeframe
from shared.domain.errors import ExchangeError
from shared.domain.evaluating import GroupKey
from shared.domain.orders import IN_FLIGHT, RESTING, Order, OrderReport, OrderState, Permit
from shared.domain.positions import Position
from shared.domain.risk import Limits
from shared.domain.transmission import Standing, sending
from tests.faults.client import SimExchange
from tests.faults.memory import MemoryJournal
from tests.faults.world import Composition

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LONG_WINDOW_MS = 60_000


class WithoutWindowWait(MemoryJournal):
    """An order in doubt is looked up at once, however long its signature is still good for."""

    def unfinished(self) -> list[Order]:
        return [replace(order, valid_until=LONG_AGO) for order in super().unfinished()]


class WithoutCompareAndSet(MemoryJournal):
    """Whoever has read an order as planned may send it, whatever has become of it since."""

    def mark_sending(self, order: Order, permit: Permit, now: datetime, limits: Limits) -> Order | None:
        stored = self._tables.order(order.client_order_id)
        if stored.state in IN_FLIGHT | RESTING:
            self._tables.write_order(replace(stored, state=OrderState.PLANNED))
        current = self._tables.order(order.client_order_id)
        return super().mark_sending(current, permit, now, limits)

    def take(self, order: Order) -> Order | None:
        return self._tables.order(order.client_order_id)


class CommitsSendingLate(MemoryJournal):
    """`mark_sending` only says what would be written; the exchange below has it written after the transmission."""

    def mark_sending(self, order: Order, permit: Permit, now: datetime, limits: Limits) -> Order | None:
        bot = self._tables.bot(order.bot_id)
        standing = Standing(bot, self._tables.account(bot.id), self._tables.gate(bot, self._clock.now()))
        after = sending(self._tables.order(order.client_order_id), standing, permit, now, limits)
        self._owed = (order, permit, now, limits)
        return after if after.state is OrderState.SENDING else super().mark_sending(order, permit, now, limits)

    def commit_sending(self) -> None:
        super().mark_sending(*self._owed)


class SendsBeforeItCommits:
    """The exchange of one process, whose transmissions come before the commit that they stand on."""

    def __init__(self, exchange: SimExchange, journal: Any) -> None:
        self._exchange = exchange
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        replies: list[OrderReport] = []
        try:
            report = self._exchange.submit(order, permit, replies.append)
        except ExchangeError:
            self._journal.commit_sending()
            raise
        self._journal.commit_sending()
        keep(report)
        return report


class WithoutSweeper(MemoryJournal):
    """A tick sees the newest candle alone: what was lost before stays lost."""

    def last_evaluated(self, markets: Collection[MarketKey]) -> dict[GroupKey, int]:
        newest = Timeframe.M1.last_closed_open_ms(int(self._clock.now().timestamp() * 1000))
        return {key: max(at, newest - Timeframe.M1.ms) for key, at in super().last_evaluated(markets).items()}


class WithoutFence(MemoryJournal):
    """Pause and stop answer at once, whatever is on its way."""

    def entries_in_flight(self, bot_id: str) -> list[Order]:
        return []


class ForgetsPlanned(MemoryJournal):
    """Nobody looks after an order that its worker left behind."""

    def unfinished(self) -> list[Order]:
        return [order for order in super().unfinished() if order.state in RESTING]


class ForgetsWhatIsLeft(MemoryJournal):
    """An exit is tried once: what it does not sell is held until the next reason."""

    def _planned(self, order: Order, position: Position | None) -> Order:
        return super()._planned(order, None)


class TakesEndsAtTheirWord(MemoryJournal):
    """An order ends as soon as the venue says so, its trades seen or not."""

    def record_report(self, order: Order, report: OrderReport, *rest: Any) -> Order:
        seen = sum(
            (fill.quantity for fill in {each.trade_id: each for each in report.fills or ()}.values()), order.filled * 0
        )
        return super().record_report(order, replace(report, filled=min(report.filled, max(seen, order.filled))), *rest)


ABLATIONS: Mapping[str, Composition] = {
    "no window wait": Composition(journal=WithoutWindowWait, recv_window_ms=LONG_WINDOW_MS),
    "no compare-and-set": Composition(journal=WithoutCompareAndSet),
    "sending committed after the bytes": Composition(journal=CommitsSendingLate, exchange=SendsBeforeItCommits),
    "no sweeper of candles": Composition(journal=WithoutSweeper),
    "no resolver of orders": Composition(journal=ForgetsPlanned),
    "no fence at pause": Composition(journal=WithoutFence),
    "no leaving until flat": Composition(journal=ForgetsWhatIsLeft),
    "ends before their fills": Composition(journal=TakesEndsAtTheirWord),
}
# Not an ablation: what "no window wait" is held against.
LONG_WINDOW = Composition(recv_window_ms=LONG_WINDOW_MS)
