"""What answers hold. Schemas read the domain's own values; what is computed for a view comes from `rows`."""

from marshmallow import Schema, fields

from api.fields import Money, Number, Percent, Time


class ErrorAnswer(Schema):
    code = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    status = fields.String(required=True)
    message = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)
    hint = fields.String(required=True, metadata={"description": "What to do."})


class Strategy(Schema):
    id = fields.String()
    name = fields.String()
    symbol = fields.String()
    timeframe = fields.String()
    is_active = fields.Boolean()
    params = fields.Dict(keys=fields.String())
    active_from = Time()
    created_at = Time()


class Status(Schema):
    running = fields.Boolean(required=True, metadata={"description": "Also true while paused: stops are watched."})
    paused = fields.Boolean(required=True)
    paper_trading = fields.Boolean(required=True)
    exchange = fields.String(required=True, allow_none=True)
    active_strategies = fields.Integer(required=True)
    strategies = fields.List(fields.Nested(Strategy), required=True)
    id = fields.String()
    state = fields.String(metadata={"description": "running, paused, stopping or stopped."})
    initial_balance = Money(allow_none=True)
    quote = fields.String(allow_none=True)
    version = fields.Integer()
    run = fields.Integer()
    paused_by = fields.String(allow_none=True)
    pause_reason = fields.String()
    trades_from = Time(allow_none=True)


class Position(Schema):
    id = fields.String()
    strategy_id = fields.String()
    symbol = fields.String()
    state = fields.String()
    is_watched = fields.Boolean(metadata={"description": "Held against its stops every few seconds."})
    quantity = Money()
    average_price = Money()
    cost = Money()
    mark_price = Money(allow_none=True)
    value = Money(allow_none=True)
    unrealised = Money(allow_none=True)
    realised = Money()
    fees = Money()
    stop_loss = Money(allow_none=True)
    take_profit = Money(allow_none=True)
    trailing_stop = Money(allow_none=True)
    high_water = Money(allow_none=True)
    lots = fields.Integer()
    opened_at = Time()
    closed_at = Time(allow_none=True)


class Control(Status):
    message = fields.String(required=True)
    changed = fields.Boolean(required=True, metadata={"description": "False where the call found it so already."})


class Stopped(Control):
    unwatched_positions = fields.List(fields.Nested(Position), required=True)
    selling_positions = fields.List(fields.Nested(Position), required=True)


class Health(Schema):
    status = fields.String(required=True)
    is_running = fields.Boolean(required=True)
    is_paused = fields.Boolean(required=True)
    last_successful_update = Time(required=True, allow_none=True)
    time_since_update_seconds = fields.Float(required=True, allow_none=True)
    consecutive_errors = fields.Integer(required=True)
    circuit_breaker_state = fields.String(required=True)
    error_counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    reasons = fields.List(fields.String(), required=True)


class StrategyAdded(Schema):
    message = fields.String()
    strategy = fields.Nested(Strategy)


class StrategyRemoved(StrategyAdded):
    position = fields.Nested(Position, allow_none=True, metadata={"description": "Left open; watched by its stops."})


class Parameter(Schema):
    name = fields.String()
    kind = fields.String()
    default = fields.Raw(allow_none=True)
    minimum = Number(allow_none=True)
    maximum = Number(allow_none=True)
    choices = fields.List(fields.String())
    optional = fields.Boolean()
    description = fields.String()


class AvailableStrategy(Schema):
    name = fields.String()
    title = fields.String()
    description = fields.String()
    buy = fields.String()
    sell = fields.String()
    parameters = fields.List(fields.Nested(Parameter))
    defaults = fields.Dict(keys=fields.String())


class Evaluation(Schema):
    candle_open = Time()
    candle_close = Time()
    signal = fields.String()
    lots = fields.Integer()
    close = Number(allow_none=True)
    reason = fields.String()
    indicators = fields.Dict(keys=fields.String(), values=Number(allow_none=True))
    evaluated_at = Time(allow_none=True)


class Decision(Schema):
    candle_open = Time()
    side = fields.String(allow_none=True)
    outcome = fields.String(allow_none=True)
    client_order_id = fields.String(allow_none=True)


class EvaluatedStrategy(Strategy):
    last_evaluation = fields.Nested(Evaluation, allow_none=True)
    last_decision = fields.Nested(Decision, allow_none=True)


class Portfolio(Schema):
    bot_id = fields.String()
    exchange = fields.String()
    quote = fields.String()
    at = Time()
    initial_balance = Money()
    cash = Money()
    reserved = Money()
    free_cash = Money()
    positions = fields.Integer()
    positions_value = Money(allow_none=True)
    realised = Money()
    unrealised = Money(allow_none=True)
    fees = Money()
    equity = Money(allow_none=True)
    peak_equity = Money()
    drawdown_pct = Percent(attribute="drawdown_frac", allow_none=True)
    day_start_equity = Money(allow_none=True)
    day_pnl = Money(allow_none=True)
    daily_loss_pct = Percent(attribute="daily_loss_frac", allow_none=True)
    unpriced = fields.List(
        fields.String(), metadata={"description": "Symbols held without a price yet: what depends on it is null."}
    )


class Order(Schema):
    client_order_id = fields.String()
    exchange_order_id = fields.String(allow_none=True)
    strategy_id = fields.String()
    symbol = fields.String()
    side = fields.String()
    type = fields.String()
    purpose = fields.String()
    status = fields.String(attribute="state")
    reason = fields.String()
    quantity = Money()
    price = Money(allow_none=True)
    filled = Money()
    average_price = Money(allow_none=True)
    fee = Money()
    fee_currency = fields.String(allow_none=True)
    position_id = fields.String(allow_none=True)
    attempt = fields.Integer(metadata={"description": "How often it was transmitted."})
    failure = fields.String(allow_none=True, metadata={"description": "What went wrong with its last transmission."})
    doubt_since = Time("Since when the exchange has not said what became of it.", allow_none=True)
    created_at = Time()
    updated_at = Time()


class OrderSettled(Schema):
    message = fields.String(required=True)
    order = fields.Nested(Order, required=True)


class Difference(Schema):
    asset = fields.String(required=True)
    expected = Money(required=True)
    found = Money(required=True)
    difference = Money(required=True)


class VenueOrder(Schema):
    exchange_order_id = fields.String(required=True)
    client_order_id = fields.String(required=True)
    symbol = fields.String(required=True)
    side = fields.String(required=True)
    type = fields.String(required=True)
    quantity = Money(required=True)
    price = Money(required=True, allow_none=True)
    filled = Money(required=True)
    status = fields.String(required=True, attribute="state")
    at = Time(required=True)


class Drift(Schema):
    differences = fields.List(fields.Nested(Difference), required=True)
    orders = fields.List(
        fields.Nested(VenueOrder),
        required=True,
        metadata={"description": "They look like ours, and no bot can have sent them."},
    )


class Acceptance(Drift):
    at = Time(required=True)
    reason = fields.String(required=True)


class Account(Drift):
    exchange = fields.String(required=True)
    account = fields.String(required=True)
    status = fields.String(required=True, metadata={"description": "clean, waiting or drift."})
    demanded_at = Time(required=True)
    reconciled_at = Time(
        "The last look that told something: that it agrees, or a drift.", required=True, allow_none=True
    )
    checked_at = Time("The last look.", required=True, allow_none=True)
    note = fields.String(required=True, metadata={"description": "What the last look met that told nothing."})
    suspected = fields.Nested(
        Drift, required=True, metadata={"description": "Seen once; a drift if the next look sees the same."}
    )
    external_orders = fields.List(
        fields.Nested(VenueOrder), required=True, metadata={"description": "Of others, resting. Never touched."}
    )
    accepted = fields.List(fields.Nested(Acceptance), required=True, metadata={"description": "Newest first."})


class Reconciliations(Schema):
    items = fields.List(fields.Nested(Account), required=True)


class DriftAccepted(Schema):
    message = fields.String(required=True)
    account = fields.Nested(Account, required=True)


class Fill(Schema):
    trade_id = fields.String()
    client_order_id = fields.String()
    symbol = fields.String()
    side = fields.String()
    quantity = Money()
    price = Money()
    fee = Money()
    fee_currency = fields.String()
    at = Time()


class EquityMark(Schema):
    at = Time()
    equity = Money()
    cash = Money()
    positions_value = Money()
    realised = Money()
    unrealised = Money()
    fees = Money()
    peak_equity = Money()
    drawdown_pct = Percent(attribute="drawdown_frac")


class Event(Schema):
    number = fields.Integer()
    type = fields.String()
    bot_id = fields.String()
    at = fields.String(metadata={"format": "date-time"})
    payload = fields.Dict(keys=fields.String())


class Alive(Schema):
    status = fields.String(required=True)


class Ready(Alive):
    checks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


def _page(row: type[Schema]) -> type[Schema]:
    """A list's answer: its rows, and the cursor of the next page (null on the last)."""
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(row), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
        name=f"{row.__name__}Page",
    )


PositionPage = _page(Position)
OrderPage = _page(Order)
FillPage = _page(Fill)
EquityPage = _page(EquityMark)
EventPage = _page(Event)
AvailableStrategyPage = _page(AvailableStrategy)
EvaluatedStrategyPage = _page(EvaluatedStrategy)
