"""ccxt's structures into ours, one that can't be read among others."""

import pytest

from shared.adapters.exchange_ccxt import parsing

GOOD = {"bid": "99", "ask": "101", "last": "100", "timestamp": 1_700_000_000_000}


@pytest.mark.parametrize("bid", ["NaN", "", "Infinity", "-"])
def test_one_unreadable_quote_leaves_the_others_quoted(bid: str) -> None:
    raw = {"BTC/USDT": GOOD, "ETH/USDT": {**GOOD, "bid": bid}}

    found = parsing.tickers(raw, ["ETH/USDT", "BTC/USDT"], now_ms=0)

    assert set(found) == {"BTC/USDT"}


def test_quotes_of_which_none_can_be_read_are_no_answer() -> None:
    with pytest.raises(parsing.Unreadable):
        parsing.tickers({"ETH/USDT": {**GOOD, "bid": "NaN"}}, ["ETH/USDT"], now_ms=0)
