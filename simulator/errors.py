"""Refusals in the venue's own words: HTTP status, code and message as Binance's spot API answers them."""


class VenueError(Exception):
    """A refusal that the client receives as `{"code": …, "msg": …}`."""

    def __init__(self, code: int, msg: str, status: int = 400) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.status = status


class ControlError(Exception):
    """A control call that can't work; `field` is the part of the request to correct."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def too_many_requests(retry_after_s: float) -> VenueError:
    return VenueError(-1003, f"Too much request weight used; please wait {retry_after_s:g} s.", 429)


def missing_parameter(name: str) -> VenueError:
    return VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal_characters(name: str, legal: str) -> VenueError:
    return VenueError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def invalid_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")


def filter_failure(name: str) -> VenueError:
    return VenueError(-1013, f"Filter failure: {name}")


def order_refused(msg: str) -> VenueError:
    return VenueError(-2010, msg)


def insufficient_balance() -> VenueError:
    return order_refused("Account has insufficient balance for requested action.")


def unknown_order_cancelled() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def order_does_not_exist() -> VenueError:
    return VenueError(-2013, "Order does not exist.")
