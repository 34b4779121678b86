"""The exchanges that can be traded, and on what terms."""

from collections.abc import Mapping
from dataclasses import dataclass

PAPER_ACCOUNT = "paper"


@dataclass(frozen=True, slots=True)
class Terms:
    """`live_account` names the money there: trade ids of two venues may be equal, their accounts never are."""

    live_account: str
    needs_password: bool = False


TERMS: Mapping[str, Terms] = {
    "binance": Terms(live_account="live"),
    "okx": Terms(live_account="live-okx", needs_password=True),
}


def account_name(exchange: str, is_paper: bool) -> str:
    """Whose money a bot moves on `exchange`: the books of two accounts never mix."""
    return PAPER_ACCOUNT if is_paper else TERMS[exchange].live_account
