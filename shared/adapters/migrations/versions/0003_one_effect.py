"""Leases of orders, doubts about them, exits that are retried until flat, workers' ticks, reconciliations."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE orders
    ADD COLUMN owner TEXT NOT NULL DEFAULT '',
    ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN lease_until TIMESTAMPTZ,
    ADD COLUMN doubt_since TIMESTAMPTZ;
ALTER TABLE orders ALTER COLUMN owner DROP DEFAULT, ALTER COLUMN epoch DROP DEFAULT;
CREATE INDEX orders_quarantined ON orders (bot_id) WHERE state = 'quarantined';
ALTER TABLE positions
    ADD COLUMN leaving TEXT,
    ADD CONSTRAINT positions_leaving_check CHECK
        (leaving IN ('flatten', 'stop_loss', 'trailing_stop', 'take_profit', 'signal'));

CREATE TABLE worker_ticks (
    worker TEXT NOT NULL,
    queue TEXT NOT NULL,
    tick TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT worker_ticks_pkey PRIMARY KEY (worker, tick)
);

CREATE TABLE reconciliations (
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    demanded_at TIMESTAMPTZ NOT NULL,
    reconciled_at TIMESTAMPTZ,
    is_clean BOOLEAN NOT NULL,
    CONSTRAINT reconciliations_pkey PRIMARY KEY (exchange, account)
);
"""

DOWNGRADE = """
DROP TABLE reconciliations;
DROP TABLE worker_ticks;
ALTER TABLE positions DROP COLUMN leaving;
DROP INDEX orders_quarantined;
ALTER TABLE orders DROP COLUMN owner, DROP COLUMN epoch, DROP COLUMN lease_until, DROP COLUMN doubt_since;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
