"""Request parameters, read and refused as OKX does it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from simulator.okx.errors import empty, no_instrument, wrong
from simulator.symbols import SYMBOLS, Symbol

CLIENT_ID = r"[A-Za-z0-9]{1,32}"
DECIMAL = r"[0-9]{1,20}(\.[0-9]{1,20})?"

INSTRUMENTS: Mapping[str, Symbol] = {f"{symbol.base}-{symbol.quote}": symbol for symbol in SYMBOLS.values()}
_IDS: Mapping[str, str] = {symbol.name: inst_id for inst_id, symbol in INSTRUMENTS.items()}

Params = Mapping[str, Any]


def inst_id(symbol_name: str) -> str:
    return _IDS[symbol_name]


def required(params: Params, name: str) -> str:
    value = params.get(name)
    if value is None or value == "":
        raise empty(name)
    return str(value)


def instrument(params: Params) -> Symbol:
    symbol = INSTRUMENTS.get(required(params, "instId"))
    if symbol is None:
        raise no_instrument()
    return symbol


def optional_instrument(params: Params) -> Symbol | None:
    return instrument(params) if params.get("instId") else None


def spot_only(params: Params) -> None:
    if required(params, "instType") != "SPOT":
        raise wrong("instType")


def whole(params: Params, name: str) -> int | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    if not re.fullmatch(r"[0-9]{1,20}", str(value)):
        raise wrong(name)
    return int(value)


def limit(params: Params, default: int, most: int, name: str = "limit") -> int:
    value = whole(params, name)
    if value is None:
        return default
    if value < 1:
        raise wrong(name)
    return min(value, most)


def decimal(params: Params, name: str) -> Decimal | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(DECIMAL, value):
        raise wrong(name)
    return Decimal(value)


def choice(params: Params, name: str, known: tuple[str, ...]) -> str:
    value = required(params, name)
    if value not in known:
        raise wrong(name)
    return value


def client_order_id(params: Params) -> str | None:
    value = params.get("clOrdId")
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(CLIENT_ID, value):
        raise wrong("clOrdId")
    return value
