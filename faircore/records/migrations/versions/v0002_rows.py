"""Reviews know whether they are of the same rows, whatever the columns are used for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from faircore.records.migrations.versions.v0001_reviews_and_events import REFUSED

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the hash of the rows. It may be told once of a review that has none yet."""
    op.add_column("reviews", sa.Column("rows", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_reviews_rows", "reviews", ["rows"])
    op.execute("DROP TRIGGER reviews_no_update")
    op.execute(
        "CREATE TRIGGER reviews_no_update BEFORE UPDATE ON reviews WHEN OLD.rows <> '' OR "
        + " OR ".join(
            f"NEW.{name} IS NOT OLD.{name}"
            for name in ("id", "name", "source", "created_at", "spec", "fingerprint")
        )
        + f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    )
