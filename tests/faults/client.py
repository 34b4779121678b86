"""The exchange port of one process, over a network that loses, delays and garbles what it carries."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from shared.domain.candles import Candles, Timeframe
from shared.domain.errors import ExchangeDown, OrderUnknown, Rejected, Throttled, Unavailable, Unclear
from shared.domain.orders import Fill, Order, OrderReport, OrderState, Permit, Placement
from shared.domain.values import Market, OrderType, Side, Ticker
from shared.domain.venue import VenueOrder as Listed
from shared.domain.venue import VenueTrade
from shared.ports import Balance
from tests.faults.faults import ARRIVING, FATES, Fate
from tests.faults.process import Process, short
from tests.faults.state import SimStateStore
from tests.faults.venue import OPEN, Answer, Request, Trade, VenueOrder

if TYPE_CHECKING:
    from tests.faults.world import World

HTTP_TIMEOUT_S = 5.0
LATEST_S = 25.0
MEASURED_EVERY_S = 10.0
HISTORY_CANDLES = 8
STATES = {
    "NEW": OrderState.ACKED,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "EXPIRED": OrderState.EXPIRED,
}
SPREAD = Decimal("0.0002")


@dataclass(slots=True)
class Wire:
    """A request under way; `answer` is there once it has arrived."""

    request: Request
    answer: Answer | None = None


class SimExchange:
    """`name`, `account` and `placement` as production has them; its clock is a good estimate of the venue's."""

    name = "binance"
    account = "live"
    placement = Placement()
    starts_empty = False

    def __init__(self, process: Process, recv_window_ms: int) -> None:
        self._process = process
        self._world: World = process.world
        self._venue = process.world.venue
        self._random = process.world.random
        self._recv_window_ms = recv_window_ms
        self._error_ms = self._random.randint(-120, 120)
        self._measured_at = float("-inf")

    # Reads.

    def now_ms(self) -> int:
        if self._process.is_dead:
            self._process.sleep(0)
        now_ms = self._world.now_ms() + self._error_ms
        if self._world.time - self._measured_at > MEASURED_EVERY_S:
            self._measured_at = self._world.time
            self._published(now_ms)
        return now_ms

    def _published(self, now_ms: int) -> None:
        """What the API takes the venue's time from."""
        state = SimStateStore(self._process)
        with suppress(Unavailable):
            state.put_clock_offset_ms(self.name, now_ms - round(self._process.now().timestamp() * 1000))

    def markets(self) -> Mapping[str, Market]:
        return self._world.terms

    def candles(self, symbol: str, timeframe: Timeframe, since_ms: int, limit: int) -> Candles:
        self._asked("exchange.candles")
        newest = self._world.now_ms() // timeframe.ms * timeframe.ms
        oldest = max(since_ms, self._world.start_ms - HISTORY_CANDLES * timeframe.ms)
        if self._process.chance(self._world.faults.stale_read):
            newest -= timeframe.ms  # A venue that shows its newest candle late.
        opens = list(range(oldest, newest + 1, timeframe.ms))[:limit]
        closes = self._world.prices.closes(symbol, opens, timeframe.ms)
        return Candles.from_rows(
            timeframe, [(at, close, close, close, close, 1.0) for at, close in zip(opens, closes, strict=True)]
        )

    def tickers(self, symbols: Collection[str]) -> Mapping[str, Ticker]:
        self._asked("exchange.tickers")
        return {symbol: self._ticker(symbol) for symbol in sorted(symbols)}

    def _ticker(self, symbol: str) -> Ticker:
        last = self._world.prices.last(symbol, self._world.now_ms())
        return Ticker(symbol, last * (1 - SPREAD), last * (1 + SPREAD), last, self._world.now_ms())

    def balances(self) -> Mapping[str, Balance]:
        self._asked("exchange.balances")
        return {asset: Balance(amount, Decimal(0)) for asset, amount in self._venue.balances.items()}

    def open_orders(self) -> Sequence[Listed]:
        self._asked("exchange.open_orders")
        return [self._listed(each) for each in self._venue.orders if each.state in OPEN]

    def trades_since(self, symbol: str, since_ms: int) -> Sequence[VenueTrade]:
        self._asked("exchange.trades_since")
        seen = [each for each in self._venue.trades if each.symbol == symbol and each.at_ms >= since_ms]
        if seen and self._process.chance(self._world.faults.lagging_trades):
            seen.pop()
        return [_traded(each) for each in seen]

    def order_by_exchange_id(self, symbol: str, exchange_order_id: str) -> Listed:
        self._asked("exchange.order_by_exchange_id")
        found = self._venue.orders[int(exchange_order_id) - 1]
        if found.visible_ms > self._world.now_ms():
            raise OrderUnknown(exchange_order_id)
        return self._listed(found)

    def _listed(self, found: VenueOrder) -> Listed:
        return Listed(
            exchange_order_id=str(found.id),
            client_order_id=found.request.client_id,
            symbol=found.request.symbol,
            side=_side(found.request.side),
            type=found.request.type.lower(),
            quantity=found.request.quantity,
            price=found.request.price,
            filled=found.filled,
            state=STATES[found.state],
            at=datetime.fromtimestamp(found.accepted_ms / 1000, UTC),
        )

    def report(self, order: Order) -> OrderReport:
        self._asked("exchange.report", is_risky=True)
        if order.client_order_id in self._world.deaf_to:
            self._world.tell(self._process.name, f"the venue does not answer for {short(order)}")
            raise ExchangeDown("no answer for this one")
        found = self._venue.find(order.client_order_id)
        if found is None:
            self._world.tell(self._process.name, f"the venue knows no {short(order)}")
            raise OrderUnknown(order.client_order_id)
        at_ms = self._world.now_ms()
        if self._process.chance(self._world.faults.stale_read):
            at_ms = max(found.accepted_ms, at_ms - self._random.randint(0, 4000))
        state, traded = found.state_at(at_ms), found.trades_at(at_ms)
        filled = sum((trade.quantity for trade in traded), Decimal(0))
        # Trades are another request: more may have happened, or their replica may lag behind.
        fills = self._trades(order, found) if filled else None
        return self._said(self._report(order, found, state, filled, fills))

    def fills(self, order: Order) -> Sequence[Fill]:
        found = self._venue.find(order.client_order_id)
        return () if found is None else self._trades(order, found)

    def _trades(self, order: Order, found: VenueOrder) -> tuple[Fill, ...]:
        self._asked("exchange.fills", is_risky=True)
        faults, seen = self._world.faults, list(found.trades)
        if self._process.chance(faults.lagging_trades):
            seen = seen[: self._random.randint(0, len(seen))]
        if seen and self._process.chance(faults.repeated_trades):
            seen = [*seen, self._random.choice(seen)]
            self._random.shuffle(seen)
        return tuple(self._fill(order, trade) for trade in seen)

    def _asked(self, what: str, is_risky: bool = False) -> None:
        self._process.point(what, is_risky)
        faults, chance = self._world.faults, self._random.random()
        if chance < faults.read_failed:
            self._process.sleep(self._random.choice((0.05, HTTP_TIMEOUT_S)))
            self._world.tell(self._process.name, f"{what}: no answer")
            raise ExchangeDown("no answer")
        if chance < faults.read_failed + faults.read_throttled:
            self._world.tell(self._process.name, f"{what}: throttled")
            raise Throttled("429")

    # Orders.

    def permit(self, order: Order) -> Permit:
        self._asked("exchange.permit", is_risky=True)
        if self._process.chance(self._world.faults.slow):
            self._process.sleep(self._random.uniform(1, 20))  # The budget lets nobody through for a while.
        signed_at_ms = self.now_ms()
        self._world.count("permits")
        return Permit(signed_at_ms, signed_at_ms + self._recv_window_ms)

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        self._process.point("exchange.submit", is_risky=True)
        fate = self._fate()
        self._world.may_go_deaf(order.client_order_id)
        wire = Wire(self._request(order, permit))
        self._world.tell(self._process.name, f"submits {short(order)} {order.side} {order.quantity:f}: {fate}")
        self._world.count("transmissions")
        self._carry(wire, fate)
        answer = self._answered(wire, fate)
        report = self._taken(order, answer)
        keep(report)
        return report

    def _fate(self) -> Fate:
        return self._random.choices(FATES, self._world.faults.fates)[0]

    def _request(self, order: Order, permit: Permit) -> Request:
        return Request(
            client_id=order.client_order_id,
            symbol=order.symbol,
            side="BUY" if order.side is Side.BUY else "SELL",
            type="LIMIT" if order.type is OrderType.LIMIT else "MARKET",
            quantity=order.quantity,
            price=order.price,
            signed_at_ms=permit.signed_at_ms,
            window_ms=permit.valid_until_ms - permit.signed_at_ms,
        )

    def _carry(self, wire: Wire, fate: Fate) -> None:
        """The bytes are on their way, and go on whatever becomes of who sent them."""
        if fate not in ARRIVING:
            return
        delay_s = self._random.uniform(0.3, LATEST_S) if fate is Fate.LATE else self._random.uniform(0.01, 0.3)

        def arrive() -> None:
            wire.answer = Answer(None, "insufficient_balance") if fate is Fate.REJECTED else None
            wire.answer = wire.answer or self._venue.place(wire.request)
            outcome = wire.answer.refusal or f"order {wire.answer.order.id if wire.answer.order else '?'}"
            self._world.tell("venue", f"{wire.request.client_id[:7]} arrives: {outcome}")

        self._world.scheduler.after(delay_s, arrive)

    def _answered(self, wire: Wire, fate: Fate) -> Answer:
        """What the process reads of it, in time."""
        is_reset = fate is Fate.LATE and self._random.random() < 0.5
        waited_s = self._random.uniform(0.05, 1.0) if is_reset else 0.35
        self._process.sleep(waited_s)
        if fate is Fate.THROTTLED:
            raise Throttled("429")
        if fate in (Fate.REQUEST_LOST, Fate.REPLY_LOST, Fate.LATE) and not is_reset:
            self._process.sleep(HTTP_TIMEOUT_S - waited_s)
        is_read = fate in (Fate.OK, Fate.REJECTED) or (fate is Fate.LATE and not is_reset)
        if not is_read or wire.answer is None:
            raise Unclear(str(fate))
        return wire.answer

    def _taken(self, order: Order, answer: Answer) -> OrderReport:
        if answer.refusal == "duplicate":
            raise Unclear("duplicate order sent")
        if answer.order is None:
            raise Rejected(str(answer.refusal), reason=str(answer.refusal))
        found = answer.order
        if not found.trades or self._process.chance(0.2):
            return self._said(self._report(order, found, found.state, found.filled, None))
        fills = tuple(self._fill(order, trade) for trade in found.trades)
        return self._said(self._report(order, found, found.state, found.filled, fills))

    def cancel(self, order: Order) -> OrderReport:
        self._process.point("exchange.cancel", is_risky=True)
        fate = self._fate()
        self._world.tell(self._process.name, f"cancels {short(order)}: {fate}")
        if fate is Fate.THROTTLED:
            raise Throttled("429")
        found = self._venue.cancel(order.client_order_id) if fate in ARRIVING else None
        self._process.sleep(HTTP_TIMEOUT_S if fate not in (Fate.OK, Fate.REJECTED) else 0.2)
        if fate not in (Fate.OK, Fate.REJECTED):
            raise Unclear(str(fate))
        if found is None:
            raise OrderUnknown(order.client_order_id)
        return self._report(order, found, found.state, found.filled, None)

    # Words of the venue in words of ours.

    def _report(
        self, order: Order, found: VenueOrder, state: str, filled: Decimal, fills: tuple[Fill, ...] | None
    ) -> OrderReport:
        return OrderReport(order.client_order_id, str(found.id), STATES[state], filled, None, fills)

    def _fill(self, order: Order, trade: Trade) -> Fill:
        return Fill(
            account=self.account,
            symbol=trade.symbol,
            trade_id=str(trade.id),
            client_order_id=order.client_order_id,
            side=order.side,
            quantity=trade.quantity,
            price=trade.price,
            fee=trade.fee,
            fee_currency=trade.fee_asset,
            at=datetime.fromtimestamp(trade.at_ms / 1000, UTC),
        )

    def _said(self, report: OrderReport) -> OrderReport:
        fills = "?" if report.fills is None else [fill.trade_id for fill in report.fills]
        self._world.tell(
            "venue", f"says {report.client_order_id[:7]} is {report.state}, {report.filled:f} filled, trades {fills}"
        )
        return report


def _side(word: str) -> Side:
    return Side.BUY if word == "BUY" else Side.SELL


def _traded(trade: Trade) -> VenueTrade:
    return VenueTrade(
        symbol=trade.symbol,
        trade_id=str(trade.id),
        exchange_order_id=str(trade.order_id),
        side=_side(trade.side),
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        fee_currency=trade.fee_asset,
        at=datetime.fromtimestamp(trade.at_ms / 1000, UTC),
    )
