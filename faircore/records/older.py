"""What older versions left: reviews as JSON files, and reviews that do not know their rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError, InterfaceError, ProgrammingError

from faircore.data import load_table, rows_fingerprint
from faircore.errors import FaircoreError
from faircore.records.history import Act, canonical
from faircore.records.tables import EVENTS, REVIEWS


def bring_in(connection: Connection, workspace: Path) -> None:
    """Add every readable ``reviews/*/review.json`` of a workspace; the files stay as they are.

    What had no time of its own gets that of the review's start.
    """
    for path in sorted((workspace / "reviews").glob("*/review.json")):
        try:
            raw = json.loads(path.read_bytes())
            row = {c.name: raw[c.name] for c in REVIEWS.columns if c is not REVIEWS.c.rows}
            events = _events(raw)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it could not be opened before either
        try:
            with connection.begin_nested():
                connection.execute(REVIEWS.insert(), row)
                for at, who, kind, body in events:
                    told = {"at": at, "who": who, "kind": kind, "body": canonical(body)}
                    connection.execute(EVENTS.insert(), {"review": row["id"], **told})
        except (IntegrityError, InterfaceError, ProgrammingError):
            continue  # a copy of a folder, or fields of another type: one must not bar the rest


def tell_rows(connection: Connection, workspace: Path) -> None:
    """Add the hash of its rows to each review that has none.

    One whose table cannot be read is taken to share its rows with those of the same data and roles.
    """
    reviews = connection.execute(select(REVIEWS).where(REVIEWS.c.rows == "")).all()
    for review in reviews:
        try:
            rows = rows_fingerprint(load_table(workspace / "reviews" / review.id / "table.parquet"))
        except (OSError, FaircoreError):
            rows = review.fingerprint
        connection.execute(update(REVIEWS).where(REVIEWS.c.id == review.id).values(rows=rows))


def _events(raw: dict[str, Any]) -> list[tuple[str, str, Act, dict[str, Any]]]:
    start = raw["created_at"]
    found = [(start, "", Act.SWEEP, {"sweep": one}) for one in raw["sweeps"]]
    found += [
        (one["at"], one["who"], Act.OUTCOME, {k: one[k] for k in ("answers", "wording")})
        for one in raw.get("outcome_checks", ())
    ]
    for one in raw["openings"]:
        body = {"candidate": one["candidate"], "threshold": one["threshold"]}
        found.append((one["at"], one["who"], Act.OPENED, body))
    found += [(one["at"], one["who"], Act.DECIDED, one) for one in raw["decisions"]]
    return sorted(found, key=lambda event: event[0])  # stable: an opening before its decision
