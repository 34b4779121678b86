"""How requests are read: strict JSON, the schema's own word on unknown fields, and decorators that document both."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from flask import Request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

View = TypeVar("View", bound=Callable[..., Any])


class ExactFloat(float):
    """A number of JSON that still knows its digits: money read from it loses none."""

    text: str

    def __new__(cls, text: str) -> "ExactFloat":
        number = super().__new__(cls, text)
        number.text = text
        return number


class StrictParser(FlaskParser):
    """Bodies only as JSON and said to be JSON; unknown fields are for the schema to refuse, wherever they are."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012  # webargs declares it so
        "json": None,
        "query": None,
    }

    def _raw_load_json(self, req: Request) -> Any:
        text = req.get_data(cache=True)
        if not text:
            return core.missing
        if not core.is_json(req.mimetype):
            _refuse_type(req.mimetype)
        try:
            return json.loads(text, parse_float=ExactFloat)
        except (RecursionError, ValueError) as error:
            # Too deep, too long a number, or not JSON at all.
            self._handle_invalid_json_error(json.JSONDecodeError(str(error), "body", 0), req)


def _refuse_type(mimetype: str) -> NoReturn:
    sent = f"is {mimetype[:60]}" if mimetype else "has no Content-Type"
    raise UnsupportedMediaType(f"The body {sent}; it must be application/json.")


PARSER = StrictParser()


def arguments(
    blueprint: Blueprint, schema: type[Schema], *, location: str = "json", is_required: bool = True
) -> Callable[[View], View]:
    """The view gets what the schema made of the body or the query as its first argument."""
    blueprint.ARGUMENTS_PARSER = PARSER
    decorator: Callable[[View], View] = blueprint.arguments(schema, location=location, required=is_required)
    return decorator


def faults(blueprint: Blueprint, *codes: int) -> Callable[[View], View]:
    """Document the errors that a view answers with."""

    def decorate(view: View) -> View:
        for code in codes:
            view = blueprint.alt_response(code, HTTPStatus(code).name)(view)
        return view

    return decorate
