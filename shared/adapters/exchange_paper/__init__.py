"""A durable exchange for trading without money."""

from shared.adapters.exchange_paper.exchange import ACCOUNT, ExchangePaper

__all__ = ["ACCOUNT", "ExchangePaper"]
