"""Alembic's entry: on the connection that `migrate` hands over, or on DATABASE_URL from Alembic's own command."""

import os

import sqlalchemy as sa
from alembic import context

from shared.adapters.ledger_sql.connections import driver_url
from shared.adapters.ledger_sql.tables import metadata


def _run(connection: sa.Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    engine = sa.create_engine(driver_url(os.environ["DATABASE_URL"]), poolclass=sa.NullPool)
    with engine.begin() as own:
        _run(own)
