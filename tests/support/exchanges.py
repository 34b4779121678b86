"""Exchanges on real services, for tests that trade on them."""

from itertools import count
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.exchange_ccxt import ExchangeCcxt
from shared.adapters.guard import build_guard
from shared.domain.orders import Order
from shared.settings import Settings, load_settings
from tests import builders

_serial = count(1)


def exchange_settings(url: str, redis_url: str, **more: str) -> Settings:
    """A budget that no test uses up, and retries that take no time, unless the test says otherwise."""
    plain = {
        "EXCHANGE_URL": url,
        "EXCHANGE_API_KEY": "demo",
        "EXCHANGE_API_SECRET": "demo",
        "EXCHANGE_API_PASSWORD": "demo",
        "REDIS_URL": redis_url,
        "RATE_LIMIT_CALLS": "100000",
        "RETRY_INITIAL_S": "0.01",
        "RETRY_MAX_S": "0.02",
    }
    return load_settings({**plain, **more})


def ccxt_exchange(settings: Settings, name: str = "binance", **more: Any) -> ExchangeCcxt:
    assert settings.redis_url is not None
    guard = build_guard(settings, settings.redis_url, name, "live")
    return ExchangeCcxt(name, "live", **{"settings": settings, "guard": guard, "clock": SystemClock(), **more})


def an_order(**changes: Any) -> Order:
    """Each with a client id of its own."""
    return builders.an_order(**{"client_order_id": f"btest{next(_serial):021d}", "account": "live", **changes})
