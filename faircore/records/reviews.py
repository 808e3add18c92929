"""Reviews on disk: what is reviewed, what was trained for it, what was decided.

A review is a folder with the table exactly as it came and one JSON file. A change reads, changes
and replaces that file under a lock, so two tabs or two people never overwrite each other.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faircore.data import Dataset, DataSpec, Table, build_dataset, load_table, write_table
from faircore.errors import StoreError
from faircore.files import locked, write_whole

_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Opening:
    """The sealed rows were looked at: when, by whom, for which operating point."""

    at: str
    who: str
    candidate: str
    threshold: float


@dataclass(frozen=True)
class Review:
    """The record of one review.

    Attributes
    ----------
    id : str
        Twelve hexadecimal digits.
    name, source : str
        What people call it; the name of the file the data came from.
    created_at : str
        ISO 8601, UTC.
    spec : str
        Column roles as canonical JSON.
    fingerprint : str
        SHA-256 of the data and the roles.
    sweeps : tuple of str
        Requests launched, as canonical JSON, oldest first.
    openings : tuple of Opening
        Every look at the sealed rows.
    decisions : tuple of dict
        Every choice recorded, oldest first; the last one stands.
    outcome_checks : tuple of dict
        Answers to the checklist about the outcome, and how people speak of it, oldest first.
    """

    id: str
    name: str
    source: str
    created_at: str
    spec: str
    fingerprint: str
    sweeps: tuple[str, ...] = ()
    openings: tuple[Opening, ...] = ()
    decisions: tuple[dict[str, Any], ...] = ()
    outcome_checks: tuple[dict[str, Any], ...] = ()

    @property
    def data_spec(self) -> DataSpec:
        """Column roles."""
        return DataSpec.from_json(self.spec)

    @property
    def state(self) -> str:
        """Where the review stands, in two or three words."""
        if self.decisions:
            return "point chosen"
        return "models requested" if self.sweeps else "data ready"


class ReviewStore:
    """Reviews below a workspace folder.

    Parameters
    ----------
    workspace : path
    """

    def __init__(self, workspace: str | Path) -> None:
        self.workspace = Path(workspace)
        self._root = self.workspace / "reviews"

    def create(self, name: str, table: Table, dataset: Dataset) -> Review:
        """Start a review of a dataset; the table is kept exactly as it came."""
        review = Review(
            id=uuid.uuid4().hex[:12],
            name=name.strip() or dataset.source,
            source=dataset.source,
            created_at=now(),
            spec=dataset.spec.to_json(),
            fingerprint=dataset.fingerprint,
        )
        folder = self._root / review.id
        try:
            folder.mkdir(parents=True)
            write_table(table, folder / "table.parquet")
            self._write(review)
        except OSError as error:
            raise StoreError(
                f"The review could not be stored: {error.strerror}. Free some disk space or choose "
                "another workspace."
            ) from error
        return review

    def list(self) -> list[Review]:
        """Every review, newest first. A folder without a readable record is left out."""
        found = []
        for path in self._root.glob("*/review.json"):
            try:
                found.append(self.get(path.parent.name))
            except StoreError:
                continue
        return sorted(found, key=lambda r: r.created_at, reverse=True)

    def get(self, review_id: str) -> Review:
        """Read a review.

        Raises
        ------
        StoreError
            When there is none with this id, or its record is damaged.
        """
        path = self.path(review_id) / "review.json"
        try:
            raw = json.loads(path.read_bytes())
            raw["openings"] = tuple(Opening(**o) for o in raw["openings"])
            for key in ("sweeps", "decisions"):
                raw[key] = tuple(raw[key])
            raw["outcome_checks"] = tuple(raw.get("outcome_checks", ()))  # older records have none
            return Review(**raw)
        except FileNotFoundError:
            raise StoreError(
                "There is no review with this link in the workspace. Open it from the Reviews page."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                "The record of this review is damaged. Restore it from a backup; its trained "
                "models are untouched."
            ) from error

    def update(self, review_id: str, change: Callable[[Review], Review]) -> Review:
        """Change a review as one step; ``change`` gets what is stored at that moment."""
        self.get(review_id)  # a review that is gone says so, before a lock is looked for
        with locked(self.path(review_id) / "lock"):
            changed = change(self.get(review_id))
            self._write(changed)
        return changed

    def add_sweep(self, review_id: str, sweep: str) -> Review:
        """Note that a sweep was asked for; one noted before becomes the last again."""

        def noted(review: Review) -> Review:
            others = tuple(one for one in review.sweeps if one != sweep)
            return replace(review, sweeps=(*others, sweep))

        return self.update(review_id, noted)

    def add_outcome_check(
        self, review_id: str, *, who: str, answers: dict[str, str], wording: dict[str, str]
    ) -> Review:
        """Note what somebody says of the outcome; what was said before is kept."""
        said = {"at": now(), "who": who, "answers": answers, "wording": wording}
        return self.update(
            review_id, lambda r: replace(r, outcome_checks=(*r.outcome_checks, said))
        )

    def audit_path(self, review: Review, suffix: str) -> Path:
        """Where the audit of a review lies as ``html`` or ``json``."""
        return self.path(review.id) / f"audit.{suffix}"

    def openings_of(self, fingerprint: str) -> int:
        """How often the sealed rows of a dataset were opened, over all its reviews."""
        return sum(len(r.openings) for r in self.list() if r.fingerprint == fingerprint)

    def table(self, review_id: str) -> Table:
        """The table as it came."""
        return load_table(self.table_path(review_id))

    def table_path(self, review_id: str) -> Path:
        """Where the table lies."""
        return self.path(review_id) / "table.parquet"

    def dataset(self, review_id: str) -> Dataset:
        """The table with its roles.

        Raises
        ------
        StoreError
            When the data on disk are not those the review was started with.
        """
        review = self.get(review_id)
        table = replace(self.table(review_id), source=review.source)
        dataset = build_dataset(table, review.data_spec)
        if dataset.fingerprint != review.fingerprint:
            raise StoreError(
                "The data of this review have changed on disk since it was started. Start a new "
                "review; nothing is computed from data that nobody approved."
            )
        return dataset

    def bundle_path(self, review: Review) -> Path:
        """Where the bundle of the standing decision lies; each decision has its own."""
        return self.path(review.id) / f"bundle-{len(review.decisions)}.zip"

    def path(self, review_id: str) -> Path:
        """Folder of a review; an id that is not one never becomes a path."""
        if not _ID.fullmatch(review_id):
            raise StoreError("This is not the id of a review. Open it from the Reviews page.")
        return self._root / review_id

    def _write(self, review: Review) -> None:
        text = json.dumps(asdict(review), sort_keys=True, indent=1, ensure_ascii=False)
        write_whole(self.path(review.id) / "review.json", text.encode())


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
