"""Exchanges through ccxt. Import it in workers only, where its 65 MB are needed."""

from shared.adapters.exchange_ccxt.exchange import ExchangeCcxt

__all__ = ["ExchangeCcxt"]
