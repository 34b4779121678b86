"""An account is looked at while its bots go on deciding: what was never sent moves nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.orders import OrderState
from shared.ports import Balance
from tests.fakes_exchange import FakeExchange
from tests.support.trading_desk import CROSS_UP, Desk


class Interrupted:
    """A venue; something else happens while it is asked for the balances."""

    def __init__(self, venue: FakeExchange, meanwhile: Callable[[], None]) -> None:
        self._venue, self._meanwhile = venue, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._venue, name)

    def balances(self) -> Mapping[str, Balance]:
        found = self._venue.balances()
        self._meanwhile()
        return found


def test_entries_that_wait_for_a_look_do_not_put_it_off(desk: Desk) -> None:
    # Given a bot whose entries wait for the first look, and one that is planned while the venue is asked
    desk.start(is_reconciled=False)
    desk.subscribe()
    desk.show(CROSS_UP)
    venue: Any = Interrupted(desk.venue, desk.tick)
    desk.worker.exchanges["binance"] = venue

    # When
    standing = desk.reconcile()

    # Then it was planned meanwhile, and the look comes to a conclusion all the same
    assert [order.state for order in desk.orders()] == [OrderState.PLANNED]
    assert not standing.reconciliation.is_waiting
