"""What a request to OKX's REST carries: its parameters, and who signed it."""

from typing import Any, cast

from flask import request

from simulator.accounts import at_okx
from simulator.context import venue, venue_ms
from simulator.okx.errors import OkxError, empty
from simulator.okx.params import Params
from simulator.okx.signing import HEADERS, authenticated, check_timestamp


def query() -> Params:
    return cast(Params, request.args.to_dict())


def body() -> Any:
    if not request.get_data():
        raise empty("body")
    parsed = request.get_json(silent=True)
    if not isinstance(parsed, dict | list):
        raise OkxError("50002", "JSON syntax error", 400)
    return parsed


def signed_account() -> str:
    """The account at OKX of whom signed this request, at the time of processing it."""
    store = venue().store
    query_string = request.query_string.decode("latin-1")
    path_and_query = f"{request.path}?{query_string}" if query_string else request.path
    signed = (request.method, path_and_query, request.get_data(as_text=True))
    headers = {name: request.headers.get(name, "") for name in HEADERS}
    key = authenticated(headers, signed, store.secret, store.passphrase)
    check_timestamp(headers["OK-ACCESS-TIMESTAMP"], venue_ms())
    return at_okx(key)
