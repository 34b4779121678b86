"""Mark every bot's equity, in one batch per exchange."""

from shared.domain.portfolio import equity_mark
from worker.boot import Worker
from worker.cycles.vitals import recorded


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

    # A bot that holds what the venue does not quote now is marked by the next tick.
    priced = [(account, held) for account, held in accounts if all(p.symbol in marks for p in held)]
    equity = [equity_mark(account, held, marks, now) for account, held in priced]

    services.books.store_equity(equity)
    services.state.put_marks(name, marks)
