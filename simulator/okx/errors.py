"""Refusals in OKX's own words. Source: "Error Code" of its API documentation, v5.

A request that is refused as such answers `{"code", "msg"}` with an HTTP status; one whose order is refused answers 200
with code 1 and the reason beside that order (`sCode`, `sMsg`).
"""

from collections.abc import Mapping

from simulator.errors import Reason
from simulator.filters import Filter


class OkxError(Exception):
    """A refusal: of the request with its HTTP `status`, or of one order in it, where that is the reason."""

    def __init__(self, code: str, msg: str, status: int = 200) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status


def empty(name: str) -> OkxError:
    return OkxError("50014", f"Parameter {name} can not be empty.", 400)


def wrong(name: str) -> OkxError:
    return OkxError("51000", f"Parameter {name} error", 400)


def no_instrument() -> OkxError:
    return OkxError("51001", "Instrument ID, Instrument ID code or Spread ID doesn't exist.")


def no_order() -> OkxError:
    return OkxError("51603", "Order does not exist")


def too_late() -> OkxError:
    return OkxError(
        "50036", "The expTime can't be earlier than the current system time. Please adjust the expTime and try again."
    )


# There is no least notional: what an instrument takes is its lot and its least size.
FILTERS: Mapping[Filter, tuple[str, str]] = {
    Filter.PRICE: ("51000", "Parameter px error"),
    Filter.TICK: ("51150", "The precision of the number of trades or the price exceeds the limit."),
    Filter.BAND: ("51006", "Order price is not within the price limit"),
    Filter.QUANTITY: ("51000", "Parameter sz error"),
    Filter.MIN_QUANTITY: ("51020", "Your order should meet or exceed the minimum order amount."),
    Filter.LOT: ("51121", "Order quantity must be a multiple of the lot size."),
    Filter.MARKET_LOT: ("51202", "Market order amount exceeds the maximum amount."),
}

REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.INSUFFICIENT_BALANCE: ("51008", "Order failed. Insufficient balance in account."),
    Reason.DUPLICATE_CLIENT_ID: ("51016", "Client order ID already exists."),
    Reason.TOO_SMALL: FILTERS[Filter.MIN_QUANTITY],
    Reason.NOT_OPEN: (
        "51400",
        "Order cancellation failed as the order has been filled, canceled or does not exist.",
    ),
}


def of(reason: Reason) -> OkxError:
    return OkxError(*REASONS[reason])
