"""Accounts held against their venues: openings, what differs, what is foreign. Paper keeps its venues apart."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE reconciliations
    ADD COLUMN due_at TIMESTAMPTZ,
    ADD COLUMN checked_at TIMESTAMPTZ,
    ADD COLUMN looked_at TIMESTAMPTZ,
    ADD COLUMN explained_until TIMESTAMPTZ,
    ADD COLUMN version INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN why TEXT NOT NULL DEFAULT '',
    ADD COLUMN suspected JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN confirmed JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN summed_to BIGINT,
    ADD COLUMN settling_to BIGINT,
    ADD COLUMN settling_at TIMESTAMPTZ;
UPDATE reconciliations SET due_at = demanded_at;
ALTER TABLE reconciliations ALTER COLUMN due_at SET NOT NULL;
ALTER TABLE reconciliations
    ALTER COLUMN version DROP DEFAULT,
    ALTER COLUMN why DROP DEFAULT,
    ALTER COLUMN suspected DROP DEFAULT,
    ALTER COLUMN confirmed DROP DEFAULT;

CREATE TABLE account_openings (
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    CONSTRAINT account_openings_pkey PRIMARY KEY (exchange, account, asset)
);

CREATE TABLE account_sums (
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    lines BIGINT NOT NULL,
    CONSTRAINT account_sums_pkey PRIMARY KEY (exchange, account, asset)
);

CREATE TABLE drift_acceptances (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL,
    drift JSONB NOT NULL,
    CONSTRAINT drift_acceptances_pkey PRIMARY KEY (id)
);

CREATE TABLE external_orders (
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    exchange_order_id TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC,
    filled NUMERIC NOT NULL,
    state TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    is_open BOOLEAN NOT NULL,
    CONSTRAINT external_orders_pkey PRIMARY KEY (exchange, account, symbol, exchange_order_id)
);

CREATE TABLE external_trades (
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    exchange_order_id TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC NOT NULL,
    fee NUMERIC NOT NULL,
    fee_currency TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT external_trades_pkey PRIMARY KEY (exchange, account, symbol, trade_id)
);

ALTER TABLE paper_orders ADD COLUMN exchange TEXT NOT NULL DEFAULT 'binance';
ALTER TABLE paper_orders ALTER COLUMN exchange DROP DEFAULT;
"""

DOWNGRADE = """
ALTER TABLE paper_orders DROP COLUMN exchange;
DROP TABLE external_trades;
DROP TABLE external_orders;
DROP TABLE drift_acceptances;
DROP TABLE account_sums;
DROP TABLE account_openings;
ALTER TABLE reconciliations
    DROP COLUMN due_at, DROP COLUMN checked_at, DROP COLUMN looked_at, DROP COLUMN explained_until,
    DROP COLUMN version, DROP COLUMN why, DROP COLUMN suspected, DROP COLUMN confirmed,
    DROP COLUMN summed_to, DROP COLUMN settling_to, DROP COLUMN settling_at;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
