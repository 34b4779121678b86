"""Venues that behave as real ones sometimes do, over the scripted one."""

from collections.abc import Callable
from dataclasses import replace

from shared.domain.errors import Unclear
from shared.domain.orders import Order, OrderReport, Permit, Placement
from shared.domain.values import OrderType
from tests.fakes_exchange import FakeExchange, market
from tests.support.trading_desk import Desk


class MarketToLimit(FakeExchange):
    """What of a market order is not filled at once rests at the price of then."""

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        bid, ask, _ = self.books[order.symbol]
        resting = replace(order, type=OrderType.LIMIT, price=ask if order.side == "buy" else bid)
        return super().submit(resting if order.type is OrderType.MARKET else order, permit, keep)


class SlowTrades(FakeExchange):
    """Says at once that an order is done, and shows its trades once `are_trades_shown`."""

    are_trades_shown = True

    def submit(
        self, order: Order, permit: Permit, keep: Callable[[OrderReport], object] = lambda report: None
    ) -> OrderReport:
        return super().submit(order, permit, lambda report: keep(self._seen(report)))

    def report(self, order: Order) -> OrderReport:
        return self._seen(super().report(order))

    def _seen(self, report: OrderReport) -> OrderReport:
        return report if self.are_trades_shown else replace(report, fills=())


class LosesCancels(FakeExchange):
    """A cancel takes effect, and its answer is lost."""

    def cancel(self, order: Order) -> OrderReport:
        super().cancel(order)
        raise Unclear("the reply was lost")


class NoWindow(FakeExchange):
    """It may accept a request however late: "no such order" proves nothing."""

    placement = Placement(has_window=False)


class NoQuery(FakeExchange):
    """It can't be asked for an order by our id."""

    placement = Placement(finds_by_client_id=False)


def at(desk: Desk, venue: type[FakeExchange]) -> Desk:
    """The desk at another venue, of the same two markets."""
    desk.venue = venue(market(), market("ETH/USDT"))
    desk.worker.exchanges["binance"] = desk.venue
    return desk
