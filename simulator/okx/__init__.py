"""OKX's spot REST: /api/v5."""

from flask import Request, Response

from simulator.dialect import Dialect, Subject, waiting
from simulator.errors import Refused
from simulator.okx.answers import refused
from simulator.okx.errors import OkxError, of
from simulator.okx.market import market
from simulator.okx.trading import trading


def _subject(request: Request) -> Subject:
    body = request.get_json(silent=True) if request.is_json else None
    given = body[0] if isinstance(body, list) and body else body
    values = given if isinstance(given, dict) else request.args
    symbol, client_order_id = values.get("instId"), values.get("clOrdId")
    name = symbol.replace("-", "") if isinstance(symbol, str) else None
    account = request.headers.get("OK-ACCESS-KEY")
    return Subject(name, account, client_order_id if isinstance(client_order_id, str) else None)


def _refusal(error: OkxError) -> Response:
    return refused(error.code, error.msg, error.status)


def _refused(error: Refused) -> Response:
    return _refusal(of(error.reason))


def _limited(seconds: float) -> Response:
    return waiting(refused("50011", "Too Many Requests", 429), seconds)


def _banned(seconds: float, until_ms: int) -> Response:
    # There is no code for it: what stands before the venue answers, and not in JSON.
    page = Response("<html><head><title>Access denied</title></head></html>", status=403, content_type="text/html")
    return waiting(page, seconds)


def _failed() -> Response:
    return refused("50026", "System error. Try again later.", 500)


def _unknown(status: int, message: str) -> Response:
    return refused(str(status), message, status)


OKX = Dialect(
    prefix="/api/v5/",
    blueprints=(market, trading),
    subject=_subject,
    limited=_limited,
    banned=_banned,
    worded={OkxError: _refusal, Refused: _refused},
    failed=_failed,
    unknown=_unknown,
)
