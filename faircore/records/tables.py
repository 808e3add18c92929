"""The two tables of the record: reviews, and everything that was ever done in them."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

REVIEWS = Table(
    "reviews",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("spec", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False, index=True),
    # Of the table whatever its columns are used for: reviews of the same people share it.
    Column("rows", String(64), nullable=False, server_default="", index=True),
)

# Rows are added and never changed: a trigger of the first migration refuses anything else. What a
# review is follows from its rows here, so the history cannot disagree with the state.
EVENTS = Table(
    "events",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("review", String(12), ForeignKey("reviews.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    # What may happen once only, such as one person's vote on one packet; null for the rest.
    Column("once", Text, nullable=True),
    UniqueConstraint("review", "once", name="events_once"),
    Index("events_of_review", "review", "number"),
    sqlite_autoincrement=True,
)
