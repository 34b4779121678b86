"""Mark every bot's equity, in one batch per exchange."""

from decimal import Decimal

from shared.domain.portfolio import equity_mark
from worker.boot import Worker
from worker.cycles.vitals import if_there, recorded


def portfolio_cycle(worker: Worker) -> None:
    for name in worker.exchanges:
        with recorded(worker, name, "portfolio"):
            _mark_exchange(worker, name)


def _mark_exchange(worker: Worker, name: str) -> None:
    services = worker.services
    accounts = services.books.accounts(name)
    symbols = {position.symbol for _, held in accounts for position in held}
    tickers = worker.exchanges[name].tickers(symbols) if symbols else {}
    marks = {symbol: ticker.last for symbol, ticker in tickers.items()}
    now = services.clock.now()
    # What is not quoted any more keeps its last price: a bot without marks would have no limits.
    known = {**_last_marks(worker, name), **marks}

    # A bot that holds what nobody has seen a price of is marked by a later tick.
    priced = [(account, held) for account, held in accounts if all(p.symbol in known for p in held)]
    equity = [equity_mark(account, held, known, now) for account, held in priced]

    services.books.store_equity(equity)
    with if_there("marks_not_kept", exchange=name):
        services.state.put_marks(name, marks)


def _last_marks(worker: Worker, exchange: str) -> dict[str, Decimal]:
    with if_there("marks_not_known", exchange=exchange):
        return worker.services.state.marks(exchange)
    return {}
