"""What people found out about quarantined orders."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE findings (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    client_order_id TEXT NOT NULL,
    found TEXT NOT NULL,
    quantity NUMERIC,
    average_price NUMERIC,
    fee NUMERIC,
    fee_currency TEXT,
    exchange_order_id TEXT,
    note TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    CONSTRAINT findings_pkey PRIMARY KEY (id),
    CONSTRAINT findings_client_order_id_fkey FOREIGN KEY(client_order_id) REFERENCES orders (client_order_id),
    CONSTRAINT findings_found_check CHECK (found IN ('not_placed', 'canceled', 'filled'))
);
CREATE INDEX findings_order ON findings (client_order_id, id);
"""

DOWNGRADE = "DROP TABLE findings;"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
