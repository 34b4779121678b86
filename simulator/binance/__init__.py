"""Binance's spot REST: /api/v3."""

from flask import Request, Response, jsonify

from simulator.binance.errors import VenueError, of, too_many_requests
from simulator.binance.market import market
from simulator.binance.trading import trading
from simulator.dialect import Dialect, Subject, waiting
from simulator.errors import Refused


def _subject(request: Request) -> Subject:
    values = request.values
    client_order_id = values.get("newClientOrderId") or values.get("origClientOrderId")
    return Subject(values.get("symbol"), request.headers.get("X-MBX-APIKEY"), client_order_id)


def _refusal(error: VenueError) -> Response:
    response = jsonify({"code": error.code, "msg": error.msg})
    response.status_code = error.status
    return response


def _limited(seconds: float) -> Response:
    return waiting(_refusal(too_many_requests(seconds)), seconds)


def _banned(seconds: float, until_ms: int) -> Response:
    refusal = VenueError(-1003, f"Way too many requests; IP banned until {until_ms}.", 418)
    return waiting(_refusal(refusal), seconds)


def _refused(error: Refused) -> Response:
    return _refusal(of(error.reason))


def _failed() -> Response:
    return _refusal(VenueError(-1000, "An unknown error occurred while processing the request.", 500))


def _unknown(status: int, message: str) -> Response:
    return _refusal(VenueError(-1, message, status))


BINANCE = Dialect(
    prefix="/api/v3/",
    blueprints=(market, trading),
    subject=_subject,
    limited=_limited,
    banned=_banned,
    worded={VenueError: _refusal, Refused: _refused},
    failed=_failed,
    unknown=_unknown,
)
