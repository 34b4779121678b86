"""What differs between the languages that the exchange speaks, as far as the gate and the application must know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Request, Response


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about: `symbol` without a separator, the `account` that it claims to be from."""

    symbol: str | None = None
    account: str | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One language, spoken below `prefix`.

    `limited` answers a call that comes too soon, `banned` one from an address that came too often; both get the
    seconds to wait, and the moment in ms at which the wait ends. `worded` turns `errors` (its own, and Refused) into
    answers; `failed` is the answer where the exchange itself broke, `unknown` where a path or method does not exist.
    """

    prefix: str
    blueprints: tuple[Blueprint, ...]
    subject: Callable[[Request], Subject]
    limited: Callable[[float], Response]
    banned: Callable[[float, int], Response]
    worded: Mapping[type[Exception], Callable[[Any], Response]]
    failed: Callable[[], Response]
    unknown: Callable[[int, str], Response]


def waiting(response: Response, seconds: float) -> Response:
    """`response` with its Retry-After."""
    response.headers["Retry-After"] = f"{seconds:.3f}".rstrip("0").rstrip(".")
    return response
