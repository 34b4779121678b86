"""Which answers are whole: the fields that we stand on, by path of the venue's REST interface."""

from collections.abc import Callable, Mapping
from typing import Any


def is_whole(path: str, answer: Any) -> bool:
    """False where something that we would read is missing. True for a path that we read nothing of."""
    return SHAPES.get(path, lambda _: True)(answer)


def _list_of(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda answer: isinstance(answer, list) and all(is_one(each) for each in answer)


def _having(**kinds: type | tuple[type, ...]) -> Callable[[Any], bool]:
    def check(answer: Any) -> bool:
        return isinstance(answer, dict) and all(isinstance(answer.get(name), kind) for name, kind in kinds.items())

    return check


def _is_candle(row: Any) -> bool:
    return isinstance(row, list) and len(row) >= 6 and isinstance(row[0], int)


SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "time": _having(serverTime=int),
    "exchangeInfo": _having(symbols=list),
    "klines": _list_of(_is_candle),
    "ticker/24hr": _list_of(_having(symbol=str)),
    "depth": _having(bids=list, asks=list),
    "account": _having(balances=list),
    "order": _having(orderId=int, clientOrderId=str, status=str, executedQty=str, cummulativeQuoteQty=str),
    "myTrades": _list_of(_having(id=int, price=str, qty=str, commission=str, commissionAsset=str, time=int)),
}
