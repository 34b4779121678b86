"""Which answers are whole: the fields that we stand on, by method and path of a venue's REST interface."""

from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]
Shapes = Mapping[str, Check]


def is_whole(shapes: Shapes, call: str, answer: Any) -> bool:
    """False where something that we would read is missing. True for a call that we read nothing of."""
    return shapes.get(call, lambda _: True)(answer)


def list_of(is_one: Check) -> Check:
    return lambda answer: isinstance(answer, list) and all(is_one(each) for each in answer)


def having(**kinds: type | tuple[type, ...]) -> Check:
    def check(answer: Any) -> bool:
        return isinstance(answer, dict) and all(isinstance(answer.get(name), kind) for name, kind in kinds.items())

    return check
