"""The venues that ccxt is used for, by name."""

from collections.abc import Mapping

from shared.adapters.exchange_ccxt.binance import BINANCE
from shared.adapters.exchange_ccxt.okx import OKX
from shared.adapters.exchange_ccxt.profile import Profile

PROFILES: Mapping[str, Profile] = {"binance": BINANCE, "okx": OKX}
