"""Accounts against their venues, as people see them: the verdict, what differs, and what may be accepted."""

from datetime import datetime
from enum import StrEnum

from shared.domain.errors import InvalidField
from shared.domain.gate import is_reconciled
from shared.domain.reconciling import AccountKey
from shared.ports import AccountStanding, AccountStandings
from shared.services.requests import checked_exchange


class Standing(StrEnum):
    """What holds for entries: they go, they wait, or they are refused until a person has looked."""

    CLEAN = "clean"
    WAITING = "waiting"
    DRIFT = "drift"


def standing_of(account: AccountStanding, now: datetime) -> Standing:
    """`now` is the clock that the gate goes by: what was reconciled too long ago counts no more."""
    row = account.reconciliation
    if not row.is_clean:
        return Standing.DRIFT
    return Standing.CLEAN if is_reconciled(row.demanded_at, row.reconciled_at, now) else Standing.WAITING


def account_of(accounts: AccountStandings, key: AccountKey) -> AccountStanding | None:
    return next((each for each in accounts.standings() if each.reconciliation.key == key), None)


def accept(accounts: AccountStandings, exchange: str, account: str, reason: str) -> AccountStanding:
    """The present drift becomes part of the account's opening. Conflict where there is none."""
    checked_exchange(exchange)
    if not reason.strip():
        raise InvalidField("reason", "say why the difference is right, for whoever asks later")
    return accounts.accept(AccountKey(exchange, account), reason.strip())
