"""Whose money it is: a user has one key for both dialects, and an account of its own at each, as at two exchanges."""

from decimal import Decimal

from simulator.store import Store

OPENING = {"USDT": Decimal(1_000_000), "BTC": Decimal(10), "ETH": Decimal(100), "BNB": Decimal(100)}
OKX = "@okx"


def at_okx(key: str) -> str:
    return key + OKX


def open_accounts(
    store: Store, key: str, secret: str, passphrase: str | None = None, balances: dict[str, Decimal] | None = None
) -> None:
    """Those of `key`, with `balances` or the usual ones; of what is there already only `balances`, if given, change."""
    for account in (key, at_okx(key)):
        opening = OPENING if balances is None and store.secret(account) is None else balances
        store.register(account, secret, opening, passphrase)


def has_traded(store: Store, key: str) -> bool:
    return bool(store.orders(key) or store.orders(at_okx(key)))
