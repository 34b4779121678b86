"""Which exchange a worker trades on. Imports ccxt: for workers only, and built after the fork."""

from sqlalchemy.engine import Engine

from shared.adapters.clock import SystemClock
from shared.adapters.exchange_ccxt import ExchangeCcxt
from shared.adapters.exchange_paper import ExchangePaper
from shared.adapters.guard import build_guard
from shared.domain.exchanges import LIVE, account_on
from shared.ports import Exchange, StateStore
from shared.settings import Settings, SettingsError


def build_exchange(
    settings: Settings, name: str, engine: Engine, state: StateStore | None = None, is_sole: bool = False
) -> Exchange:
    """The venue itself, or paper on its prices. Connects to nothing yet. `state` is told the venue's time."""
    if settings.redis_url is None:
        raise SettingsError("REDIS_URL: not set; the budget of calls is shared there")
    clock = SystemClock()
    # Paper reads the same venue from the same address: one budget, whatever the account.
    account = account_on(name, LIVE)
    guard = build_guard(settings, settings.redis_url, name, account, is_sole)
    venue = ExchangeCcxt(name, account, settings=settings, guard=guard, clock=clock, state=state)
    return ExchangePaper(venue, engine, clock, settings.recv_window_ms) if settings.paper_trading else venue
