"""Fields of requests and answers. Money is a string both ways; a JSON number is taken too, digit by digit."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from api.formats import finite, iso, percent
from api.parser import ExactFloat
from shared.domain.values import plain

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?")
_LONGEST = 64


class Money(fields.String):
    """Out: a plain decimal string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"pattern": r"^-?[0-9]+(\.[0-9]+)?$", "example": "10000"}, **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return plain(value)


class Amount(fields.Field[Decimal]):
    """In: a decimal, as a JSON number or a string. Its range is for the domain to judge."""

    default_error_messages = {  # noqa: RUF012  # marshmallow declares it so
        "invalid": 'must be a decimal number, such as 10000 or "10000.50"'
    }

    def __init__(self, description: str = "", **options: Any) -> None:
        shown = {"type": ["string", "number"], "example": "10000", **_shown(description)}
        super().__init__(metadata=shown, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        text = value.text if isinstance(value, ExactFloat) else str(value)[: _LONGEST + 1]
        is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
        if not is_number or len(text) > _LONGEST or not _DECIMAL.fullmatch(text):
            raise self.make_error("invalid")
        return Decimal(text)


class Percent(fields.String):
    """Out: a fraction, as percent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"pattern": r"^-?[0-9]+(\.[0-9]+)?$", "example": "2.5"}, **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return percent(value)


class Time(fields.String):
    """Out: ISO 8601 with offset."""

    def __init__(self, description: str = "", **options: Any) -> None:
        super().__init__(metadata={"format": "date-time", **_shown(description)}, **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return iso(value)


class Number(fields.Float):
    """Out: a float of an indicator; null where it has no value."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> float | None:
        return finite(value)


def without_control_characters(text: str) -> None:
    """What a database or a header can't hold is refused here."""
    if re.search("[\x00-\x1f\x7f\ud800-\udfff]", text):
        raise ValidationError("must not contain control characters")


def _shown(description: str) -> dict[str, str]:
    return {"description": description} if description else {}
