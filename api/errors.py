"""One table from errors to answers, and one shape for all of them: code, status, message, errors, hint."""

from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from shared.domain.errors import Conflict, ExchangeError, InvalidField, OrchestratorError, Unavailable
from shared.domain.errors import NotFound as NothingThere

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 2
DRAIN_BYTES = 8 * 1024 * 1024

STATUS: tuple[tuple[type[OrchestratorError], HTTPStatus], ...] = (
    (InvalidField, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NothingThere, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (ExchangeError, HTTPStatus.SERVICE_UNAVAILABLE),
)

HINTS: Mapping[int, str] = {
    400: 'Send a body that is valid JSON, such as {"exchange": "binance", "initial_balance": 10000}.',
    403: "Name the page's origin in CORS_ORIGINS if it may control the bots.",
    404: "Look at what there is; GET /docs lists every path.",
    405: "Use one of the methods named in the Allow header; GET /docs lists every path.",
    409: "Look at GET /api/v1/bot/status, then choose the call that fits.",
    413: "Send at most 64 KiB.",
    415: "Add the header Content-Type: application/json.",
    422: "Correct the fields named in errors; GET /docs describes each one.",
    500: "This is a defect of the server; its log has the details.",
    503: "Send the same request again in a few seconds.",
}


class TooManyStreams(Exception):
    """This process carries as many event streams as it may."""


def answer(
    code: int,
    message: str,
    errors: Mapping[str, list[str]] | None = None,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    response = jsonify(
        code=code,
        status=HTTPStatus(code).phrase,
        message=message,
        errors=dict(errors or {}),
        hint=hint or HINTS.get(code, ""),
    )
    response.status_code = code
    response.headers.update(headers or {})
    if code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return response


def install(app: Flask) -> None:
    """Handlers for what the domain raises, for what HTTP refuses, and for what nobody expected."""
    handlers: list[tuple[type[Exception], Callable[[Any], Response]]] = [
        (OrchestratorError, _on_domain_error),
        (HTTPException, _on_http_error),
        (TooManyStreams, _on_too_many_streams),
        (Exception, _on_defect),
    ]
    for kind, handler in handlers:
        app.register_error_handler(kind, handler)


def _on_domain_error(error: OrchestratorError) -> Response:
    code = next((status for kind, status in STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, InvalidField):
        return answer(code, f"{error.field}: {error.message}", {error.field: [error.message]})
    message = str(error) or code.phrase
    if isinstance(error, Conflict) and error.choices:
        return answer(code, message, hint=f"Choose one of: {', '.join(error.choices)}.")
    if code >= 500:
        log.warning("request_refused", path=request.path, reason=message)
    return answer(code, message)


def _on_http_error(error: HTTPException) -> Response:
    code = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name not in {"Content-Type", "Content-Length"}}
    details = getattr(error, "data", None) or {}
    if code == HTTPStatus.UNPROCESSABLE_ENTITY:
        errors = flattened(details.get("messages", {}))
        return answer(code, _summary(errors), errors, headers=headers)
    if code == HTTPStatus.BAD_REQUEST and "messages" in details:
        return answer(code, "The body is not valid JSON.", headers=headers)
    return answer(code, _http_message(error), headers=headers)


def _http_message(error: HTTPException) -> str:
    if isinstance(error, NotFound):
        return f"There is nothing at {request.path[:100]}."
    if isinstance(error, MethodNotAllowed):
        return f"{request.path[:100]} does not take {request.method}."
    return error.description or error.name


def _on_too_many_streams(error: TooManyStreams) -> Response:
    return answer(503, str(error), hint="Close a stream, or try again in a few seconds.", headers={"Retry-After": "5"})


def _on_defect(error: Exception) -> Response:
    log.exception("request_failed", path=request.path, method=request.method)
    return answer(500, "The server made a mistake.")


def flattened(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """Field → messages, from marshmallow's nest; the part of the request (`json`, `query`) is left out."""
    if not prefix and isinstance(messages, dict) and set(messages) <= {"json", "query", "headers", "path"}:
        merged: dict[str, list[str]] = {}
        for part in messages.values():
            merged.update(flattened(part, "."))
        return merged
    if isinstance(messages, dict):
        found: dict[str, list[str]] = {}
        for name, part in messages.items():
            inner = "body" if name == "_schema" else str(name)
            found.update(flattened(part, f"{prefix.strip('.')}.{inner}"))
        return found
    listed = messages if isinstance(messages, list) else [messages]
    return {prefix.strip(".")[:100] or "body": [str(each) for each in listed]}


def _summary(errors: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name}: {' '.join(texts)}" for name, texts in list(errors.items())[:5]) or "Invalid request."


def refuse_foreign_pages(allowed: Collection[str]) -> Response | None:
    """A browser sends any page's bodiless POST without asking first, and a bot must not be stopped by one.

    Programs send no Origin.
    """
    origin = request.headers.get("Origin")
    is_look = request.method in {"GET", "HEAD", "OPTIONS"}
    if is_look or origin is None or origin in allowed or origin.partition("://")[2] == request.host:
        return None
    return answer(HTTPStatus.FORBIDDEN, f"A page of {origin[:100]} may not control the bots.")


def refuse_large_bodies() -> Response | None:
    """413 before any view; the rest of the body is read away, since closing on unread bytes cuts off the answer."""
    limit = request.max_content_length
    if limit is None or (request.content_length or 0) <= limit:
        return None
    left = min(request.content_length or 0, DRAIN_BYTES)
    stream = request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, 65_536))):
        left -= len(chunk)
    return answer(413, f"The body has {request.content_length} bytes; the limit is {limit}.")
