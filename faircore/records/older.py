"""Reviews of versions that kept one JSON file for each, brought into the database once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, InterfaceError, ProgrammingError

from faircore.records.history import Act, canonical
from faircore.records.tables import EVENTS, REVIEWS


def bring_in(connection: Connection, workspace: Path) -> None:
    """Add every readable ``reviews/*/review.json`` of a workspace; the files stay as they are.

    What had no time of its own gets that of the review's start.
    """
    for path in sorted((workspace / "reviews").glob("*/review.json")):
        try:
            raw = json.loads(path.read_bytes())
            row = {column.name: raw[column.name] for column in REVIEWS.columns}
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
