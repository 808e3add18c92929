"""What Alembic runs: the steps, in the transaction it was handed."""

from __future__ import annotations

from alembic import context

from faircore.records.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
