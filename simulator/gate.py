"""What stands before and after every call of the venue: the limit, the faults, the log."""

import threading
import time
from io import BytesIO
from typing import Any

from flask import Flask, Response, g, request

from simulator.calls import Logged
from simulator.context import Venue
from simulator.dialects import spoken
from simulator.engine import now_ms
from simulator.faults import Call, Fault, Kind, Phase

CONTROL = "/_sim/"
DROP_HEADER = "X-Simulator-Drop"  # Tells the server to cut the connection instead of sending the response.
LATE_SINCE = "simulator.late_since_ms"


def install(app: Flask, venue: Venue) -> None:
    @app.before_request
    def enter() -> Response | None:
        return None if request.path.startswith(CONTROL) else _enter(app, venue)

    @app.after_request
    def leave(response: Response) -> Response:
        return response if request.path.startswith(CONTROL) else _leave(venue, response)


def _enter(app: Flask, venue: Venue) -> Response | None:
    request.get_data()  # Cached now: once a form is parsed, the signed bytes are gone.
    late_since = request.environ.get(LATE_SINCE)
    g.received_ms = late_since or now_ms()
    g.is_late, g.fault, g.skew_ms = late_since is not None, None, 0
    if g.is_late:
        return None
    wait_s = venue.limiter.retry_after_s(g.received_ms)
    if wait_s is not None:
        return spoken(request.path).limited(wait_s)
    g.fault = venue.faults.take(_call(), g.received_ms)
    return _hit(app, g.fault) if g.fault and g.fault.phase is Phase.REQUEST else None


def _call() -> Call:
    subject = spoken(request.path).subject(request)
    return Call(request.method, request.path, subject.symbol, subject.account)


def _hit(app: Flask, fault: Fault) -> Response | None:
    """What a fault does before processing; a response means that there is none."""
    match fault.fault:
        case Kind.DELAY:
            time.sleep(fault.seconds)
        case Kind.CLOCK_SKEW:
            g.skew_ms = fault.skew_ms
        case Kind.DROP_REQUEST:
            return _dropped()
        case Kind.ACCEPT_LATE:
            _process_later(app, fault.seconds)
            return _dropped()
        case _:
            return _spoilt(fault, b'{"code":0,"msg":"')
    return None


def _leave(venue: Venue, response: Response) -> Response:
    fault: Fault | None = g.fault
    if fault and fault.phase is Phase.REPLY:
        if fault.fault is Kind.DELAY:
            time.sleep(fault.seconds)
        elif fault.fault is Kind.DROP_REPLY:
            response = _dropped()
        else:
            response = _spoilt(fault, response.get_data())
    venue.calls.add(_logged(response))
    return response


def _spoilt(fault: Fault, body: bytes) -> Response:
    match fault.fault:
        case Kind.TOO_MANY:
            return spoken(request.path).limited(fault.retry_after)
        case Kind.BANNED:
            until_ms = now_ms() + int(fault.retry_after * 1000)
            return spoken(request.path).banned(fault.retry_after, until_ms)
        case Kind.SERVER_ERROR:
            # As a gateway answers before the venue: no JSON, nothing said about the order.
            page = f"<html><head><title>{fault.status}</title></head><body>Service unavailable</body></html>"
            return Response(page, status=fault.status, content_type="text/html")
        case Kind.GARBAGE:
            return Response(b"<html>\x00\xff<h1>not what you asked for</h1>", content_type="text/html")
        case _:
            return Response(body[: max(1, len(body) // 2)], content_type="application/json")


def _dropped() -> Response:
    return Response(headers={DROP_HEADER: "1"})


def _process_later(app: Flask, seconds: float) -> None:
    """The network kept the request: it arrives `seconds` late, and its answer goes nowhere."""
    environ: dict[str, Any] = {
        **request.environ,
        "wsgi.input": BytesIO(request.get_data()),
        LATE_SINCE: g.received_ms,
    }
    environ.pop("werkzeug.request", None)

    def process() -> None:
        with app.request_context(environ):
            app.full_dispatch_request()

    timer = threading.Timer(seconds, process)
    timer.daemon = True
    timer.start()


def _logged(response: Response) -> Logged:
    fault: Fault | None = g.fault
    subject = spoken(request.path).subject(request)
    return Logged(
        at_ms=g.received_ms,
        done_ms=now_ms(),
        method=request.method,
        path=request.path,
        symbol=subject.symbol,
        account=subject.account,
        client_order_id=subject.client_order_id,
        status=None if DROP_HEADER in response.headers or g.is_late else response.status_code,
        fault=fault.fault.value if fault else None,
        is_late=g.is_late,
    )
