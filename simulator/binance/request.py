"""What a request to Binance's REST carries: its parameters, and who signed it."""

from typing import cast

from flask import request

from simulator.binance.params import Params
from simulator.binance.signing import authenticated, check_timestamp
from simulator.context import venue, venue_ms


def params() -> Params:
    return cast(Params, request.values.to_dict())


def signed_account() -> str:
    """The account that signed this request, at the time of processing it."""
    query, body = request.query_string.decode("latin-1"), request.get_data(as_text=True)
    key = request.headers.get("X-MBX-APIKEY")
    account = authenticated(key, query, body, params(), venue().store.secret)
    check_timestamp(params(), venue_ms())
    return account
