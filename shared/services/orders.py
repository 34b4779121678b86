"""An order in quarantine, settled by a person who has looked at the venue."""

from dataclasses import dataclass

from shared.domain.errors import NotFound
from shared.domain.findings import Finding, unlisted
from shared.domain.orders import Order
from shared.ports import Clock, Journal, MarketStore, Queries, StateStore
from shared.services.exchange_time import exchange_now


@dataclass(frozen=True, slots=True)
class Settling:
    journal: Journal
    queries: Queries
    markets: MarketStore
    state: StateStore
    clock: Clock

    def settle(self, bot_id: str, client_order_id: str, finding: Finding) -> Order:
        """The order as it is afterwards; the same finding again changes nothing.

        Raises NotFound, InvalidField where it can't be true of the order, Conflict where it is in no quarantine.
        """
        order = known_order(self.queries, bot_id, client_order_id)
        market = self.markets.market(order.exchange, order.symbol) or unlisted(order)
        at = exchange_now(self.clock, self.state, order.exchange)
        return self.journal.settle(order, finding, market, at)


def known_order(queries: Queries, bot_id: str, client_order_id: str) -> Order:
    found = queries.order(bot_id, client_order_id)
    if found is None:
        raise NotFound("the bot has no order of that client_order_id; GET /api/v1/bot/orders lists them")
    return found
