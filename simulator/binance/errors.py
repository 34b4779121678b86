"""Refusals in Binance's own words: HTTP status, code and message as its spot API answers them."""

from collections.abc import Mapping

from simulator.errors import Reason
from simulator.filters import Filter


class VenueError(Exception):
    """A refusal that the client receives as `{"code": …, "msg": …}`."""

    def __init__(self, code: int, msg: str, status: int = 400) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status


def too_many_requests(retry_after_s: float) -> VenueError:
    return VenueError(-1003, f"Too much request weight used; please wait {retry_after_s:g} s.", 429)


def missing_parameter(name: str) -> VenueError:
    return VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal_characters(name: str, legal: str) -> VenueError:
    return VenueError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def invalid_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")


FILTERS: Mapping[Filter, str] = {
    Filter.PRICE: "Invalid price.",
    Filter.TICK: "Filter failure: PRICE_FILTER",
    Filter.BAND: "Filter failure: PERCENT_PRICE_BY_SIDE",
    Filter.QUANTITY: "Invalid quantity.",
    Filter.MIN_QUANTITY: "Filter failure: LOT_SIZE",
    Filter.LOT: "Filter failure: LOT_SIZE",
    Filter.MARKET_LOT: "Filter failure: MARKET_LOT_SIZE",
    Filter.NOTIONAL: "Filter failure: NOTIONAL",
}


def filter_failure(name: Filter) -> VenueError:
    return VenueError(-1013, FILTERS[name])


REASONS: Mapping[Reason, tuple[int, str]] = {
    Reason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Reason.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    Reason.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Reason.TOO_SMALL: (-1013, FILTERS[Filter.LOT]),
    Reason.NOT_OPEN: (-2011, "Unknown order sent."),
}


def of(reason: Reason) -> VenueError:
    return VenueError(*REASONS[reason])


def order_does_not_exist() -> VenueError:
    return VenueError(-2013, "Order does not exist.")
