"""The exchanges that can be traded, and on what terms."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.candles import Timeframe

PAPER, LIVE = "paper", "live"


@dataclass(frozen=True, slots=True)
class Terms:
    """`live_account` names the money there: trade ids of two venues may be equal, their accounts never are."""

    live_account: str
    needs_password: bool = False
    lacks: frozenset[Timeframe] = frozenset()  # Candles that it does not have.


TERMS: Mapping[str, Terms] = {
    "binance": Terms(live_account=LIVE),
    "okx": Terms(live_account="live-okx", needs_password=True, lacks=frozenset({Timeframe.H8})),
}


def account_on(exchange: str, mode: str) -> str:
    """Whose money a bot moves on `exchange`, PAPER or LIVE: the books of two accounts never mix."""
    return PAPER if mode == PAPER else TERMS[exchange].live_account
