"""Housekeeping ticks: events out, markets in."""

from worker.boot import Worker
from worker.cycles.vitals import recorded

MARKETS_EVERY_S = 3600


def relay_cycle(worker: Worker) -> None:
    """Committed events, numbered without a gap, onto the stream."""
    while worker.services.outbox.relay(worker.services.bus.publish):
        pass


def markets_cycle(worker: Worker) -> None:
    """The venues' markets for the API to check symbols against: at once where none are known, then hourly."""
    services = worker.services
    hour = int(services.clock.now().timestamp()) // MARKETS_EVERY_S
    for name, exchange in worker.exchanges.items():
        is_due = services.state.claim_slot(f"markets:{name}", hour, MARKETS_EVERY_S)
        if is_due or not services.markets.symbols(name):
            with recorded(worker, name, "markets"):
                services.markets.put(name, list(exchange.markets().values()))
