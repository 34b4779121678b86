"""One strategy tick: which markets have a closed candle that is not decided? Hand them out in batches."""

from shared.domain.bots import Roster
from shared.domain.errors import ExchangeError
from shared.domain.evaluating import due_markets
from worker.boot import Worker
from worker.cycles.vitals import failed

# A task costs about 1.1 ms, an evaluation 0.03 to 0.9 ms: a batch of markets carries its envelope.
BATCH = 20


def strategy_cycle(worker: Worker) -> None:
    """Gather the roster and the clocks, decide what is due, apply by enqueueing it. A lost batch is due again."""
    roster = current_roster(worker)
    markets = {entry.market for entry in roster.entries}
    if not markets:
        return
    decided = worker.services.journal.last_evaluated(markets)
    clocks = _clocks(worker, {market.exchange for market in markets})

    due = due_markets(roster, decided, clocks)

    for exchange, found in due.items():
        for start in range(0, len(found), BATCH):
            worker.queue.evaluate_markets(exchange, found[start : start + BATCH])


def current_roster(worker: Worker) -> Roster:
    """The working copy, read anew from the record where that has moved on or Redis has lost it."""
    services = worker.services
    version = services.bots.roster_version()
    cached = services.state.roster()
    if cached is not None and cached.version == version:
        return cached
    roster = services.bots.roster()
    services.state.put_roster(roster)
    return roster


def _clocks(worker: Worker, exchanges: set[str]) -> dict[str, int]:
    clocks: dict[str, int] = {}
    for name in exchanges:
        try:
            clocks[name] = worker.exchanges[name].now_ms()
        except ExchangeError as error:
            failed(worker, name, "strategy", error)
    return clocks
