"""Request parameters, read and refused as the venue does it."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from simulator.binance.errors import VenueError, illegal_characters, invalid_symbol, missing_parameter
from simulator.symbols import SYMBOLS, Symbol

DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
LONG = r"^[0-9]{1,20}$"
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
MAX_DECIMALS = 8

Params = Mapping[str, str]
Choice = TypeVar("Choice", bound=StrEnum)


def required(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise missing_parameter(name)
    return value


def long(params: Params, name: str, default: int | None = None) -> int | None:
    value = params.get(name)
    if value is None:
        return default
    if not re.match(LONG, value):
        raise illegal_characters(name, LONG)
    return int(value)


def limit(params: Params, default: int, most: int) -> int:
    value = long(params, "limit", default)
    assert value is not None
    if value < 1:
        raise VenueError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(value, most)


def decimal(params: Params, name: str) -> Decimal | None:
    """A positive number of at most 8 decimals, or None if it was not sent."""
    value = params.get(name)
    if value is None:
        return None
    if not re.match(DECIMAL, value):
        raise illegal_characters(name, DECIMAL)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise illegal_characters(name, DECIMAL) from error
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_DECIMALS:
        raise VenueError(-1111, f"Parameter '{name}' has too much precision.")
    return number


def choice(params: Params, name: str, kind: type[Choice], code: int, msg: str) -> Choice:
    value = required(params, name)
    try:
        return kind(value)
    except ValueError as error:
        raise VenueError(code, msg) from error


def symbol(params: Params) -> Symbol:
    return known_symbol(required(params, "symbol"))


def known_symbol(name: str) -> Symbol:
    if not re.match(SYMBOL, name):
        raise illegal_characters("symbol", SYMBOL)
    if name not in SYMBOLS:
        raise invalid_symbol()
    return SYMBOLS[name]


def optional_symbol(params: Params) -> Symbol | None:
    return symbol(params) if params.get("symbol") else None


def symbols(params: Params) -> list[Symbol] | None:
    """From `symbols`, a JSON list of names; None if it was not sent."""
    value = params.get("symbols")
    if value is None:
        return None
    try:
        names = json.loads(value)
    except ValueError as error:
        raise illegal_characters("symbols", SYMBOL) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise illegal_characters("symbols", SYMBOL)
    return [known_symbol(name) for name in names]


def client_order_id(params: Params, name: str) -> str | None:
    value = params.get(name)
    if value is None:
        return None
    if not re.match(CLIENT_ID, value):
        raise illegal_characters(name, CLIENT_ID)
    return value
