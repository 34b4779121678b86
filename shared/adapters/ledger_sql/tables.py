"""The schema. Columns carry the names of the values they hold; migrations make it, a test compares the two."""

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from shared.domain.bots import Desired, PausedBy
from shared.domain.findings import Found
from shared.domain.orders import TERMINAL, OrderState, Purpose
from shared.domain.positions import ExitReason, PositionState
from shared.domain.values import EXACT, OrderType, Side


class Money(sa.types.TypeDecorator[Decimal]):
    """An exact number of any scale; trailing zeros are dropped on reading."""

    impl = sa.Numeric
    cache_ok = True

    def process_result_value(self, value: Decimal | None, dialect: sa.Dialect) -> Decimal | None:
        if value is None:
            return None
        plain = EXACT.normalize(value)
        return EXACT.quantize(plain, Decimal(1)) if int(plain.as_tuple().exponent) > 0 else plain


Moment = sa.DateTime(timezone=True)
metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def _needed(name: str, kind: Any, *rest: SchemaItem) -> "sa.Column[Any]":
    return sa.Column(name, kind, *rest, nullable=False)


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _seq() -> "sa.Column[int]":
    """The order of writing: what pages and cursors go by."""
    return sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True)


def _listed(states: frozenset[OrderState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


LIVE = f"state NOT IN ({_listed(TERMINAL)})"

# `cash`, `realised` and `fees` are running sums of the ledger and of the positions, kept in the same transaction.
bots = sa.Table(
    "bots",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _needed("exchange", sa.Text),
    _needed("account", sa.Text),
    _needed("quote", sa.Text),
    _needed("initial_balance", Money),
    _needed("desired", sa.Text),
    _needed("trades_from", Moment),
    _needed("created_at", Moment),
    _needed("updated_at", Moment),
    _needed("run", sa.Integer),
    _needed("version", sa.Integer),
    _needed("is_stopping", sa.Boolean),
    sa.Column("paused_by", sa.Text),
    _needed("pause_reason", sa.Text),
    _needed("cash", Money),
    _needed("realised", Money),
    _needed("fees", Money),
    _needed("peak_equity", Money),
    _needed("day", sa.Date),
    _needed("day_start_equity", Money),
    _needed("equity", Money),
    sa.Column("equity_at", Moment),
    _one_of("desired", *Desired),
    _one_of("paused_by", *PausedBy),
    sa.CheckConstraint("initial_balance >= 0", name="initial_balance"),
    sa.CheckConstraint("is_stopping = false OR desired = 'stopped'", name="stopping"),
    sa.Index("bots_exchange", "exchange"),
)

strategies = sa.Table(
    "strategies",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _seq(),
    _needed("bot_id", sa.Text, sa.ForeignKey("bots.id")),
    _needed("name", sa.Text),
    _needed("symbol", sa.Text),
    _needed("timeframe", sa.Text),
    _needed("active_from", Moment),
    _needed("created_at", Moment),
    _needed("params", JSONB),
    _needed("group", sa.Text),
    sa.Column("removed_at", Moment),
    sa.Index(
        "strategies_active",
        "bot_id",
        "name",
        "symbol",
        "timeframe",
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    ),
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("timeframe", sa.Text, primary_key=True),
    sa.Column("group", sa.Text, primary_key=True),
    _needed("candle_open_ms", sa.BigInteger),
    _needed("evaluation", JSONB),
    _needed("evaluated_at", Moment),
)

decided_candles = sa.Table(
    "decided_candles",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("timeframe", sa.Text, primary_key=True),
    sa.Column("candle_open_ms", sa.BigInteger, primary_key=True),
    _needed("decided_at", Moment),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _needed("bot_id", sa.Text, sa.ForeignKey("bots.id")),
    _needed("run", sa.Integer),
    _needed("strategy_id", sa.Text, sa.ForeignKey("strategies.id")),
    _needed("symbol", sa.Text),
    _needed("timeframe", sa.Text),
    _needed("candle_open_ms", sa.BigInteger),
    _needed("side", sa.Text),
    _needed("lots", sa.Integer),
    _needed("reason", sa.Text),
    sa.Column("denial", sa.Text),
    sa.Column("client_order_id", sa.Text),
    _needed("decided_at", Moment),
    # The side is no part of it: a candle that the venue revises can't both buy and sell.
    sa.UniqueConstraint("bot_id", "run", "strategy_id", "symbol", "timeframe", "candle_open_ms", name="decisions_once"),
    _one_of("side", *Side),
    sa.CheckConstraint("(denial IS NULL) <> (client_order_id IS NULL)", name="outcome"),
    sa.Index("decisions_newest", "strategy_id", "candle_open_ms"),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("client_order_id", sa.Text, primary_key=True),
    _seq(),
    _needed("bot_id", sa.Text, sa.ForeignKey("bots.id")),
    _needed("exchange", sa.Text),
    _needed("account", sa.Text),
    _needed("strategy_id", sa.Text, sa.ForeignKey("strategies.id")),
    _needed("symbol", sa.Text),
    _needed("side", sa.Text),
    _needed("type", sa.Text),
    _needed("purpose", sa.Text),
    _needed("quantity", Money),
    _needed("state", sa.Text),
    _needed("created_at", Moment),
    _needed("updated_at", Moment),
    sa.Column("price", Money),
    _needed("lots", sa.Integer),
    _needed("reason", sa.Text),
    sa.Column("decision_id", sa.BigInteger, sa.ForeignKey("decisions.id"), unique=True),
    sa.Column("position_id", sa.Text),
    sa.Column("position_version", sa.Integer),
    sa.Column("exchange_order_id", sa.Text),
    _needed("attempt", sa.Integer),
    _needed("reserved", Money),
    _needed("filled", Money),
    sa.Column("average_price", Money),
    _needed("fee", Money),
    sa.Column("fee_currency", sa.Text),
    sa.Column("valid_until", Moment),
    sa.Column("expires_at", Moment),
    _needed("not_found_count", sa.Integer),
    sa.Column("not_found_at", Moment),
    sa.Column("doubt_since", Moment),
    _needed("owner", sa.Text),
    _needed("epoch", sa.Integer),
    sa.Column("lease_until", Moment),
    sa.Column("failure", sa.Text),
    sa.Column("raw_report", sa.Text),
    _one_of("side", *Side),
    _one_of("type", *OrderType),
    _one_of("purpose", *Purpose),
    _one_of("state", *OrderState),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    sa.CheckConstraint("reserved >= 0", name="reserved"),
    sa.CheckConstraint(f"reserved = 0 OR {LIVE}", name="released"),
    sa.CheckConstraint(
        "purpose <> 'exit' OR (position_id IS NOT NULL AND position_version IS NOT NULL)", name="exit_of"
    ),
    sa.Index(
        "orders_one_exit", "position_id", "position_version", unique=True, postgresql_where=sa.text("purpose = 'exit'")
    ),
    sa.Index("orders_live", "bot_id", postgresql_where=sa.text(LIVE)),
    sa.Index("orders_unfinished", "seq", postgresql_where=sa.text(LIVE)),
    sa.Index("orders_quarantined", "bot_id", postgresql_where=sa.text("state = 'quarantined'")),
    sa.Index("orders_newest", "bot_id", "seq"),
)

fills = sa.Table(
    "fills",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("trade_id", sa.Text, primary_key=True),
    _seq(),
    _needed("client_order_id", sa.Text, sa.ForeignKey("orders.client_order_id")),
    _needed("bot_id", sa.Text, sa.ForeignKey("bots.id")),
    _needed("side", sa.Text),
    _needed("quantity", Money),
    _needed("price", Money),
    _needed("fee", Money),
    _needed("fee_currency", sa.Text),
    _needed("at", Moment),
    _one_of("side", *Side),
    sa.CheckConstraint("quantity > 0 AND price > 0", name="amounts"),
    sa.Index("fills_order", "client_order_id"),
    sa.Index("fills_newest", "bot_id", "seq"),
)

# What people found out about quarantined orders. `note` is theirs.
findings = sa.Table(
    "findings",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _needed("client_order_id", sa.Text, sa.ForeignKey("orders.client_order_id")),
    _needed("found", sa.Text),
    sa.Column("quantity", Money),
    sa.Column("average_price", Money),
    sa.Column("fee", Money),
    sa.Column("fee_currency", sa.Text),
    sa.Column("exchange_order_id", sa.Text),
    _needed("note", sa.Text),
    _needed("at", Moment),
    _one_of("found", *Found),
    sa.Index("findings_order", "client_order_id", "id"),
)

# Double entry: within a transaction and an asset the amounts sum to zero.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("transaction_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("ledger_account", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    _needed("bot_id", sa.Text, sa.ForeignKey("bots.id")),
    _needed("amount", Money),
    _needed("at", Moment),
    _one_of("kind", "capital", "trade", "fee"),
    _one_of("ledger_account", "assets", "capital", "exchange", "fees"),
    sa.Index("ledger_bot", "bot_id", "ledger_account", "asset"),
)

positions = sa.Table(
    "positions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _seq(),
    _needed("bot_id", sa.Text, sa.ForeignKey("bots.id")),
    _needed("strategy_id", sa.Text, sa.ForeignKey("strategies.id")),
    _needed("exchange", sa.Text),
    _needed("symbol", sa.Text),
    _needed("base", sa.Text),
    _needed("quote", sa.Text),
    _needed("state", sa.Text),
    _needed("opened_at", Moment),
    _needed("quantity", Money),
    _needed("lots", sa.Integer),
    _needed("cost", Money),
    _needed("realised", Money),
    _needed("fees", Money),
    sa.Column("stop_loss", Money),
    sa.Column("take_profit", Money),
    sa.Column("trailing_stop_frac", Money),
    sa.Column("high_water", Money),
    _needed("version", sa.Integer),
    sa.Column("closed_at", Moment),
    sa.Column("leaving", sa.Text),
    _one_of("state", *PositionState),
    _one_of("leaving", *ExitReason),
    sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
    sa.Index("positions_one_open", "bot_id", "strategy_id", unique=True, postgresql_where=sa.text("state = 'open'")),
    sa.Index("positions_held", "bot_id", postgresql_where=sa.text("quantity <> 0")),
    sa.Index("positions_watched", "exchange", postgresql_where=sa.text("state = 'open'")),
    sa.Index("positions_newest", "bot_id", "seq"),
)

equity = sa.Table(
    "equity",
    metadata,
    sa.Column("bot_id", sa.Text, sa.ForeignKey("bots.id"), primary_key=True),
    sa.Column("at", Moment, primary_key=True),
    _seq(),
    _needed("equity", Money),
    _needed("cash", Money),
    _needed("positions_value", Money),
    _needed("realised", Money),
    _needed("unrealised", Money),
    _needed("fees", Money),
    _needed("peak_equity", Money),
    _needed("drawdown_frac", Money),
    _needed("day_start_equity", Money),
    sa.Index("equity_newest", "bot_id", "seq"),
)

markets = sa.Table(
    "markets",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    _needed("base", sa.Text),
    _needed("quote", sa.Text),
    _needed("lot_step", Money),
    _needed("price_tick", Money),
    _needed("min_quantity", Money),
    _needed("min_notional", Money),
    _needed("maker_fee_frac", Money),
    _needed("taker_fee_frac", Money),
    _needed("is_active", sa.Boolean),
)

# `id` is the order of writing, with gaps; `number` is the order of publishing, without.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("number", sa.BigInteger, unique=True),
    sa.Column("is_sent", sa.Boolean, nullable=False, server_default=sa.false()),
    _needed("type", sa.Text),
    _needed("bot_id", sa.Text),
    _needed("at", Moment),
    _needed("payload", JSONB),
    sa.CheckConstraint("number IS NOT NULL OR is_sent = false", name="sent"),
    sa.Index("outbox_unnumbered", "id", postgresql_where=sa.text("number IS NULL")),
    sa.Index("outbox_unsent", "number", postgresql_where=sa.text("is_sent = false AND number IS NOT NULL")),
    sa.Index("outbox_bot", "bot_id", "number"),
)

# When each worker, named as its supervisor knows it, last executed a tick of each kind.
worker_ticks = sa.Table(
    "worker_ticks",
    metadata,
    sa.Column("worker", sa.Text, primary_key=True),
    _needed("queue", sa.Text),
    sa.Column("tick", sa.Text, primary_key=True),
    _needed("at", Moment),
)

# An account's books against the venue's. What was reconciled before `demanded_at` counts no more. All moments are the
# database's clock but `looked_at` and `explained_until`, which are the venue's.
reconciliations = sa.Table(
    "reconciliations",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    _needed("demanded_at", Moment),
    sa.Column("reconciled_at", Moment),
    _needed("is_clean", sa.Boolean),
    _needed("due_at", Moment),
    sa.Column("checked_at", Moment),
    sa.Column("looked_at", Moment),
    sa.Column("explained_until", Moment),
    _needed("version", sa.Integer),
    _needed("why", sa.Text),
    _needed("suspected", JSONB),
    _needed("confirmed", JSONB),
    sa.Column("summed_to", sa.BigInteger),
    sa.Column("settling_to", sa.BigInteger),
    sa.Column("settling_at", Moment),
)

# Ledger lines of fills up to `summed_to` (their `seq`), so that a look sums only what came since.
account_sums = sa.Table(
    "account_sums",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    _needed("amount", Money),
    _needed("lines", sa.BigInteger),
)

# What an account held that no order of ours brought; what a person accepts of a drift is added to it.
account_openings = sa.Table(
    "account_openings",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    _needed("amount", Money),
)

drift_acceptances = sa.Table(
    "drift_acceptances",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _needed("exchange", sa.Text),
    _needed("account", sa.Text),
    _needed("at", Moment),
    _needed("reason", sa.Text),
    _needed("drift", JSONB),
)

# Of others on the same account: shown, and never touched.
external_orders = sa.Table(
    "external_orders",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("exchange_order_id", sa.Text, primary_key=True),
    _needed("client_order_id", sa.Text),
    _needed("side", sa.Text),
    _needed("type", sa.Text),
    _needed("quantity", Money),
    sa.Column("price", Money),
    _needed("filled", Money),
    _needed("state", sa.Text),
    _needed("at", Moment),
    _needed("is_open", sa.Boolean),
)

external_trades = sa.Table(
    "external_trades",
    metadata,
    sa.Column("exchange", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("trade_id", sa.Text, primary_key=True),
    _needed("exchange_order_id", sa.Text),
    _needed("side", sa.Text),
    _needed("quantity", Money),
    _needed("price", Money),
    _needed("fee", Money),
    _needed("fee_currency", sa.Text),
    _needed("at", Moment),
)

roster_version = sa.Table(
    "roster_version",
    metadata,
    sa.Column("id", sa.Boolean, primary_key=True),
    _needed("version", sa.BigInteger),
    sa.CheckConstraint("id", name="single"),
)
