"""What requests may hold. An unknown field is refused, and the closest known ones are named."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from api.fields import Amount, without_control_characters
from shared.domain.bots import OnStop
from shared.domain.candles import Timeframe
from shared.domain.findings import Found
from shared.services.requests import near

MAX_LIMIT = 500
MAX_NUMBER = 10**18 - 1


class Input(Schema):
    class Meta:
        unknown = RAISE

    error_messages = {"type": "Must be a JSON object."}  # noqa: RUF012  # marshmallow declares it so

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        messages = error.messages
        if not isinstance(messages, dict):
            return
        known = [each.data_key or name for name, each in self.fields.items()]
        for name in set(messages) - {*known, "_schema"}:
            close = near(str(name), known) or sorted(known)
            messages[name] = [f"Unknown field; did you mean {' or '.join(close)}?"]


def _text(longest: int, **options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(1, longest), without_control_characters], **options)


class StartBody(Input):
    exchange = _text(50, required=True, metadata={"example": "binance"})
    initial_balance = Amount(required=True)


class StopBody(Input):
    positions = fields.Enum(
        OnStop,
        by_value=True,
        load_default=None,
        metadata={
            "description": "keep: open positions stay, unwatched. flatten: they are sold. "
            "Left out: they are kept, and a flatten that is under way goes on."
        },
    )


class StrategyBody(Input):
    strategy_name = _text(100, required=True, metadata={"example": "MACrossoverStrategy"})
    symbol = _text(50, required=True, metadata={"example": "BTC/USDT"})
    timeframe = fields.Enum(Timeframe, by_value=True, required=True, metadata={"example": "1h"})
    params = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={"description": "See GET /api/v1/bot/strategies/available.", "example": {"fast_period": 10}},
    )


class RemoveArgs(Input):
    timeframe = fields.Enum(
        Timeframe,
        by_value=True,
        load_default=None,
        metadata={"description": "Needed where the strategy runs on the symbol on several timeframes."},
    )


class ListArgs(Input):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MAX_LIMIT))
    cursor = _text(500, load_default=None, metadata={"description": "next_cursor of the page before."})


class OrderArgs(ListArgs):
    state = fields.String(
        load_default="all",
        validate=validate.OneOf(["all", "live"]),
        metadata={"description": "live: those without an end, quarantined ones among them."},
    )


class AcceptBody(Input):
    exchange = _text(50, required=True, metadata={"example": "binance"})
    account = _text(
        50, required=True, metadata={"description": "As GET /api/v1/reconciliation names it.", "example": "live"}
    )
    reason = _text(500, required=True, metadata={"description": "Why it is right, for whoever asks later."})


class FindingBody(Input):
    found = fields.Enum(
        Found,
        by_value=True,
        required=True,
        data_key="outcome",
        metadata={
            "description": "not_placed: the venue has no such order. canceled: it ended there. filled: all was traded.",
            # Tried as it stands, this one is refused: what was traded is missing.
            "example": "filled",
        },
    )
    quantity = Amount(load_default=None, description="All that was traded of it; left out: what is recorded.")
    average_price = Amount(
        load_default=None, description="Of all that was traded; needed where that is more than is recorded."
    )
    fee = Amount(load_default=None, description="All fees of it; left out: what is recorded.")
    fee_currency = fields.String(
        load_default=None,
        validate=validate.Regexp(r"^[A-Z0-9]{1,20}\Z", error="Must be a currency such as USDT."),
        metadata={"description": "What the fee was taken in.", "example": "USDT"},
    )
    exchange_order_id = _text(100, load_default=None, metadata={"description": "The exchange's own id of it."})
    note = fields.String(
        load_default="",
        validate=[validate.Length(max=500), without_control_characters],
        metadata={"description": "For whoever asks later: where you looked, and what you saw."},
    )


class PositionArgs(ListArgs):
    state = fields.String(load_default="open", validate=validate.OneOf(["open", "closed", "all"]))


class StreamArgs(Input):
    bot = _text(100, load_default=None, metadata={"description": "Only this bot's events."})
    last_event_id = fields.String(
        load_default="", metadata={"description": "Resume after this event; the header Last-Event-ID wins."}
    )


class HistoryArgs(Input):
    after = fields.Integer(load_default=0, validate=validate.Range(0, MAX_NUMBER))
    cursor = fields.Integer(load_default=None, validate=validate.Range(0, MAX_NUMBER))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MAX_LIMIT))
    last = fields.Integer(
        load_default=None,
        validate=validate.Range(1, MAX_LIMIT),
        metadata={"description": "The newest so many, instead of those after a number."},
    )
    bot = _text(100, load_default=None)
