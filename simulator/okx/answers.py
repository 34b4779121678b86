"""OKX's envelope around every answer."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from flask import Response, jsonify


def ok(data: Iterable[Any]) -> Response:
    return jsonify({"code": "0", "msg": "", "data": list(data)})


def refused(code: str, msg: str, status: int) -> Response:
    """Of a request that got no further; there is no `data`."""
    response = jsonify({"msg": msg, "code": code})
    response.status_code = status
    return response


def acknowledged(results: Sequence[dict[str, str]]) -> Response:
    """One result for each order: code 0 where all are accepted, 1 where none is, 2 for a part."""
    accepted = sum(result["sCode"] == "0" for result in results)
    code = "0" if accepted == len(results) else "2" if accepted else "1"
    msg = {"0": "", "1": "All operations failed", "2": "Bulk operation partially succeeded."}[code]
    return jsonify({"code": code, "msg": msg, "data": list(results)})


def plain(number: Decimal) -> str:
    """As OKX writes numbers: no zeros at the end, no exponent."""
    written = format(number, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written
