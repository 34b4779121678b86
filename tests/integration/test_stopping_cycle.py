"""A flatten ends, whatever its last entry came to."""

from shared.domain.bots import OnStop, stopped
from shared.domain.errors import Throttled
from shared.domain.events import EventType
from shared.domain.orders import Order, OrderState, Permit
from tests.support.trading_desk import Desk
from worker.cycles.resolving import resolve_cycle
from worker.cycles.sending import send


def flatten(desk: Desk) -> None:
    desk.change(lambda bot, holds: stopped(bot, OnStop.FLATTEN, holds, desk.now()), EventType.BOT_STOPPED)


def throttled_while_stopping(desk: Desk) -> Order:
    """An entry that was on its way when its bot was told to flatten, and that the venue then refused for now."""
    desk.venue.fail("permit", Throttled("no budget"))
    desk.cross()
    journal, now = desk.worker.services.journal, desk.now()
    permit = Permit(desk.venue.clock_ms, desk.venue.clock_ms + 5_000)
    sending = journal.mark_sending(desk.orders()[0], permit, now, desk.worker.limits)
    assert sending is not None
    flatten(desk)
    assert desk.bot().observed == "stopping"
    return journal.record_failure(sending, OrderState.PLANNED, "429", now)


def test_an_entry_denied_as_it_is_sent_does_not_leave_its_bot_stopping(desk: Desk) -> None:
    entry = throttled_while_stopping(desk)

    send(desk.worker, entry)

    assert desk.orders()[0].state is OrderState.DENIED
    assert desk.bot().observed == "stopped"


def test_an_entry_that_is_sent_no_more_does_not_leave_its_bot_stopping(desk: Desk) -> None:
    throttled_while_stopping(desk)
    desk.venue.advance(3)

    resolve_cycle(desk.worker)

    assert desk.orders()[0].state is OrderState.DENIED
    assert desk.bot().observed == "stopped"


def test_removing_the_strategy_of_the_last_entry_does_not_leave_its_bot_stopping(desk: Desk) -> None:
    entry = throttled_while_stopping(desk)

    desk.worker.services.bots.remove_strategy("default", "MACrossoverStrategy", entry.symbol, None, desk.now())

    assert desk.orders()[0].state is OrderState.DENIED
    assert desk.bot().observed == "stopped"
