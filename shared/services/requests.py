"""What a user may ask of a bot: values checked against what exists, before anything is written. Pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches

from shared.domain.candles import Timeframe
from shared.domain.errors import InvalidField
from shared.domain.exchanges import TERMS

EXCHANGES = tuple(TERMS)
QUOTE = "USDT"
MAX_BALANCE = Decimal(10) ** 12
BALANCE_DECIMALS = 8


def near(sent: str, names: Iterable[str], limit: int = 3) -> list[str]:
    """The names closest to what was sent, upper and lower case apart."""
    by_lower = {name.lower(): name for name in names}
    return [by_lower[each] for each in get_close_matches(sent.lower()[:100], by_lower, n=limit, cutoff=0.5)]


def shown(sent: str) -> str:
    """What was sent, cut short: it goes into messages."""
    return repr(sent if len(sent) <= 40 else f"{sent[:37]}...")


def checked_exchange(sent: str) -> str:
    if sent in EXCHANGES:
        return sent
    raise InvalidField("exchange", f"{shown(sent)} is not supported; there is {', '.join(EXCHANGES)}", EXCHANGES)


def check_timeframe(exchange: str, timeframe: Timeframe) -> None:
    """Raises InvalidField where the exchange has no such candles."""
    if timeframe in TERMS[exchange].lacks:
        choices = [each.value for each in Timeframe if each not in TERMS[exchange].lacks]
        raise InvalidField("timeframe", f"{exchange} has no candles of {timeframe}", choices)


def check_settings(exchange: str, lacking: Sequence[str]) -> None:
    """Raises InvalidField where settings that trading there needs are `lacking`."""
    if lacking:
        wanted = " and ".join(lacking)
        raise InvalidField("exchange", f"live orders on {exchange} need {wanted}; set it, and restart the system")


def checked_balance(sent: Decimal) -> Decimal:
    """Finite, above zero, at most a trillion, at most 8 decimals."""
    if not sent.is_finite() or not 0 < sent <= MAX_BALANCE:
        raise InvalidField("initial_balance", f"must be a number above 0, at most {MAX_BALANCE:f}")
    if -int(sent.normalize().as_tuple().exponent) > BALANCE_DECIMALS:
        raise InvalidField("initial_balance", f"must have at most {BALANCE_DECIMALS} decimals")
    return sent


def checked_symbol(sent: str, symbols: Sequence[str], quote: str, exchange: str) -> str:
    """`sent` where the exchange lists it in the bot's quote; the closest ones are named where it does not."""
    tradable = [symbol for symbol in symbols if symbol.endswith(f"/{quote}")]
    if sent in tradable:
        return sent
    if sent in symbols:
        raise InvalidField("symbol", f"the bot trades in {quote}; {sent} is paid in another currency")
    choices = near(sent, tradable) or near(f"{sent}/{quote}", tradable)
    hint = f"did you mean {' or '.join(choices)}?" if choices else "write it as BASE/QUOTE, such as BTC/USDT"
    raise InvalidField("symbol", f"{exchange} has no market {shown(sent)}; {hint}", choices)
