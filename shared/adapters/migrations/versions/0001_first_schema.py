"""The first schema: bots, strategies, decisions, orders, fills, ledger, positions, equity, markets, outbox."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE bots (
    id TEXT NOT NULL,
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    quote TEXT NOT NULL,
    initial_balance NUMERIC NOT NULL,
    desired TEXT NOT NULL,
    trades_from TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    run INTEGER NOT NULL,
    version INTEGER NOT NULL,
    is_stopping BOOLEAN NOT NULL,
    paused_by TEXT,
    pause_reason TEXT NOT NULL,
    cash NUMERIC NOT NULL,
    realised NUMERIC NOT NULL,
    fees NUMERIC NOT NULL,
    peak_equity NUMERIC NOT NULL,
    day DATE NOT NULL,
    day_start_equity NUMERIC NOT NULL,
    equity NUMERIC NOT NULL,
    equity_at TIMESTAMPTZ,
    CONSTRAINT bots_pkey PRIMARY KEY (id),
    CONSTRAINT bots_desired_check CHECK (desired IN ('running', 'paused', 'stopped')),
    CONSTRAINT bots_paused_by_check CHECK (paused_by IN ('user', 'system')),
    CONSTRAINT bots_initial_balance_check CHECK (initial_balance >= 0),
    CONSTRAINT bots_stopping_check CHECK (is_stopping = false OR desired = 'stopped')
);
CREATE INDEX bots_exchange ON bots (exchange);

CREATE TABLE decided_candles (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    candle_open_ms BIGINT NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT decided_candles_pkey PRIMARY KEY (exchange, symbol, timeframe, candle_open_ms)
);

CREATE TABLE evaluations (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    "group" TEXT NOT NULL,
    candle_open_ms BIGINT NOT NULL,
    evaluation JSONB NOT NULL,
    evaluated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT evaluations_pkey PRIMARY KEY (exchange, symbol, timeframe, "group")
);

CREATE TABLE markets (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    lot_step NUMERIC NOT NULL,
    price_tick NUMERIC NOT NULL,
    min_quantity NUMERIC NOT NULL,
    min_notional NUMERIC NOT NULL,
    maker_fee_frac NUMERIC NOT NULL,
    taker_fee_frac NUMERIC NOT NULL,
    is_active BOOLEAN NOT NULL,
    CONSTRAINT markets_pkey PRIMARY KEY (exchange, symbol)
);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    number BIGINT,
    is_sent BOOLEAN DEFAULT false NOT NULL,
    type TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    payload JSONB NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_sent_check CHECK (number IS NOT NULL OR is_sent = false),
    CONSTRAINT outbox_number_key UNIQUE (number)
);
CREATE INDEX outbox_bot ON outbox (bot_id, number);
CREATE INDEX outbox_unnumbered ON outbox (id) WHERE number IS NULL;
CREATE INDEX outbox_unsent ON outbox (number) WHERE is_sent = false AND number IS NOT NULL;

CREATE TABLE roster_version (
    id BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT roster_version_pkey PRIMARY KEY (id),
    CONSTRAINT roster_version_single_check CHECK (id)
);

CREATE TABLE equity (
    bot_id TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    equity NUMERIC NOT NULL,
    cash NUMERIC NOT NULL,
    positions_value NUMERIC NOT NULL,
    realised NUMERIC NOT NULL,
    unrealised NUMERIC NOT NULL,
    fees NUMERIC NOT NULL,
    peak_equity NUMERIC NOT NULL,
    drawdown_frac NUMERIC NOT NULL,
    day_start_equity NUMERIC NOT NULL,
    CONSTRAINT equity_pkey PRIMARY KEY (bot_id, at),
    CONSTRAINT equity_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id),
    CONSTRAINT equity_seq_key UNIQUE (seq)
);
CREATE INDEX equity_newest ON equity (bot_id, seq);

CREATE TABLE ledger (
    transaction_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ledger_account TEXT NOT NULL,
    asset TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT ledger_pkey PRIMARY KEY (transaction_id, kind, ledger_account, asset),
    CONSTRAINT ledger_kind_check CHECK (kind IN ('capital', 'trade', 'fee')),
    CONSTRAINT ledger_ledger_account_check CHECK (ledger_account IN ('assets', 'capital', 'exchange', 'fees')),
    CONSTRAINT ledger_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id)
);
CREATE INDEX ledger_bot ON ledger (bot_id, ledger_account, asset);

CREATE TABLE strategies (
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    bot_id TEXT NOT NULL,
    name TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    active_from TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    params JSONB NOT NULL,
    "group" TEXT NOT NULL,
    removed_at TIMESTAMPTZ,
    CONSTRAINT strategies_pkey PRIMARY KEY (id),
    CONSTRAINT strategies_seq_key UNIQUE (seq),
    CONSTRAINT strategies_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id)
);
CREATE UNIQUE INDEX strategies_active ON strategies (bot_id, name, symbol, timeframe) WHERE removed_at IS NULL;

CREATE TABLE decisions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    bot_id TEXT NOT NULL,
    run INTEGER NOT NULL,
    strategy_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    candle_open_ms BIGINT NOT NULL,
    side TEXT NOT NULL,
    lots INTEGER NOT NULL,
    reason TEXT NOT NULL,
    denial TEXT,
    client_order_id TEXT,
    decided_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT decisions_pkey PRIMARY KEY (id),
    CONSTRAINT decisions_once UNIQUE (bot_id, run, strategy_id, symbol, timeframe, candle_open_ms),
    CONSTRAINT decisions_side_check CHECK (side IN ('buy', 'sell')),
    CONSTRAINT decisions_outcome_check CHECK ((denial IS NULL) <> (client_order_id IS NULL)),
    CONSTRAINT decisions_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id),
    CONSTRAINT decisions_strategy_id_fkey FOREIGN KEY(strategy_id) REFERENCES strategies (id)
);
CREATE INDEX decisions_newest ON decisions (strategy_id, candle_open_ms);

CREATE TABLE positions (
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    bot_id TEXT NOT NULL,
    strategy_id TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    quantity NUMERIC NOT NULL,
    lots INTEGER NOT NULL,
    cost NUMERIC NOT NULL,
    realised NUMERIC NOT NULL,
    fees NUMERIC NOT NULL,
    stop_loss NUMERIC,
    take_profit NUMERIC,
    trailing_stop_frac NUMERIC,
    high_water NUMERIC,
    version INTEGER NOT NULL,
    closed_at TIMESTAMPTZ,
    CONSTRAINT positions_pkey PRIMARY KEY (id),
    CONSTRAINT positions_state_check CHECK (state IN ('open', 'closed', 'dust')),
    CONSTRAINT positions_closed_check CHECK ((state = 'open') = (closed_at IS NULL)),
    CONSTRAINT positions_seq_key UNIQUE (seq),
    CONSTRAINT positions_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id),
    CONSTRAINT positions_strategy_id_fkey FOREIGN KEY(strategy_id) REFERENCES strategies (id)
);
CREATE INDEX positions_held ON positions (bot_id) WHERE quantity <> 0;
CREATE INDEX positions_newest ON positions (bot_id, seq);
CREATE UNIQUE INDEX positions_one_open ON positions (bot_id, strategy_id) WHERE state = 'open';
CREATE INDEX positions_watched ON positions (exchange) WHERE state = 'open';

CREATE TABLE orders (
    client_order_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    bot_id TEXT NOT NULL,
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    strategy_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    purpose TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    price NUMERIC,
    lots INTEGER NOT NULL,
    reason TEXT NOT NULL,
    decision_id BIGINT,
    position_id TEXT,
    position_version INTEGER,
    exchange_order_id TEXT,
    attempt INTEGER NOT NULL,
    reserved NUMERIC NOT NULL,
    filled NUMERIC NOT NULL,
    average_price NUMERIC,
    fee NUMERIC NOT NULL,
    fee_currency TEXT,
    valid_until TIMESTAMPTZ,
    expires_at TIMESTAMPTZ,
    not_found_count INTEGER NOT NULL,
    not_found_at TIMESTAMPTZ,
    failure TEXT,
    raw_report TEXT,
    CONSTRAINT orders_pkey PRIMARY KEY (client_order_id),
    CONSTRAINT orders_side_check CHECK (side IN ('buy', 'sell')),
    CONSTRAINT orders_type_check CHECK (type IN ('market', 'limit')),
    CONSTRAINT orders_purpose_check CHECK (purpose IN ('entry', 'exit')),
    CONSTRAINT orders_state_check CHECK (state IN (
        'planned', 'sending', 'acked', 'partially_filled', 'filled', 'canceled', 'expired',
        'rejected', 'denied', 'unknown', 'not_placed', 'quarantined'
    )),
    CONSTRAINT orders_quantity_check CHECK (quantity > 0),
    CONSTRAINT orders_reserved_check CHECK (reserved >= 0),
    CONSTRAINT orders_released_check
        CHECK (reserved = 0 OR state NOT IN ('canceled', 'denied', 'expired', 'filled', 'rejected')),
    CONSTRAINT orders_exit_of_check
        CHECK (purpose <> 'exit' OR (position_id IS NOT NULL AND position_version IS NOT NULL)),
    CONSTRAINT orders_seq_key UNIQUE (seq),
    CONSTRAINT orders_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id),
    CONSTRAINT orders_strategy_id_fkey FOREIGN KEY(strategy_id) REFERENCES strategies (id),
    CONSTRAINT orders_decision_id_key UNIQUE (decision_id),
    CONSTRAINT orders_decision_id_fkey FOREIGN KEY(decision_id) REFERENCES decisions (id)
);
CREATE INDEX orders_live ON orders (bot_id)
    WHERE state NOT IN ('canceled', 'denied', 'expired', 'filled', 'rejected');
CREATE INDEX orders_newest ON orders (bot_id, seq);
CREATE UNIQUE INDEX orders_one_exit ON orders (position_id, position_version) WHERE purpose = 'exit';
CREATE INDEX orders_unfinished ON orders (seq)
    WHERE state NOT IN ('canceled', 'denied', 'expired', 'filled', 'rejected');

CREATE TABLE fills (
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    client_order_id TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC NOT NULL,
    fee NUMERIC NOT NULL,
    fee_currency TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT fills_pkey PRIMARY KEY (account, symbol, trade_id),
    CONSTRAINT fills_side_check CHECK (side IN ('buy', 'sell')),
    CONSTRAINT fills_amounts_check CHECK (quantity > 0 AND price > 0),
    CONSTRAINT fills_seq_key UNIQUE (seq),
    CONSTRAINT fills_client_order_id_fkey FOREIGN KEY(client_order_id) REFERENCES orders (client_order_id),
    CONSTRAINT fills_bot_id_fkey FOREIGN KEY(bot_id) REFERENCES bots (id)
);
CREATE INDEX fills_newest ON fills (bot_id, seq);
CREATE INDEX fills_order ON fills (client_order_id);

INSERT INTO roster_version (id, version) VALUES (true, 0);
"""

TABLES = (
    "roster_version, outbox, markets, equity, ledger, fills, orders, decisions, positions, strategies, bots, "
    "decided_candles, evaluations"
)


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SCHEMA)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(f"DROP TABLE {TABLES}")
