"""Reviews of a workspace: a folder each with the table exactly as it came, and their history.

The history lies in the workspace's database and is only ever added to.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, true
from sqlalchemy.exc import IntegrityError

from faircore.data import (
    Dataset,
    Table,
    build_dataset,
    load_table,
    rows_fingerprint,
    write_table,
)
from faircore.errors import OnceError, StoreError
from faircore.records.acting import UNKNOWN, checked_name, who_is_acting
from faircore.records.database import open_database, reading, writing
from faircore.records.history import Act, Event, canonical, now
from faircore.records.review import Review
from faircore.records.tables import EVENTS, REVIEWS

_ID = re.compile(r"[0-9a-f]{12}")


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
            rows=rows_fingerprint(table),
        )
        folder = self._root / review.id
        try:
            folder.mkdir(parents=True)
            write_table(table, folder / "table.parquet")
        except OSError as error:
            raise StoreError(
                f"The review could not be stored: {error.strerror}. Free some disk space or choose "
                "another workspace."
            ) from error
        row = {column.name: getattr(review, column.name) for column in REVIEWS.columns}
        with writing(open_database(self.workspace)) as connection:
            connection.execute(REVIEWS.insert(), row)
        return review

    def list(self) -> list[Review]:
        """Every review, newest first."""
        with reading(open_database(self.workspace)) as connection:
            return list(_where(connection, true()))

    def get(self, review_id: str) -> Review:
        """Read a review.

        Raises
        ------
        StoreError
            When there is none with this id, or the record is damaged.
        """
        self.path(review_id)
        with reading(open_database(self.workspace)) as connection:
            return _read(connection, review_id)

    def record(
        self,
        review_id: str,
        kind: Act,
        body: Mapping[str, Any] | Callable[[Review], Mapping[str, Any]],
        *,
        who: str | None = None,
        once: str | None = None,
    ) -> Review:
        """Add an event, in one transaction with whatever it depends on.

        Parameters
        ----------
        review_id : str
        kind : Act
        body : mapping, or callable of the review to one
            A callable sees the review as it is at that moment, with no other writer about; what it
            raises leaves the record untouched.
        who : str, optional
            Name of the person; who is acting when absent.
        once : str, optional
            What may be recorded a single time in this review.

        Returns
        -------
        Review
            With the event.

        Raises
        ------
        OnceError
            When ``once`` was recorded before.
        InputError
            When the name is empty.
        """
        self.path(review_id)
        who = _name(who)
        with writing(open_database(self.workspace)) as connection:
            review = _read(connection, review_id)
            made = body(review) if callable(body) else body
            return _added(connection, review, kind, made, who, once)

    def add_sweep(self, review_id: str, sweep: str, *, who: str | None = None) -> Review:
        """Note that a sweep was asked for; one noted before becomes the last again."""
        review = self.get(review_id)
        if review.sweeps[-1:] == (sweep,):
            return review
        return self.record(review_id, Act.SWEEP, {"sweep": sweep}, who=who)

    def add_outcome_check(
        self,
        review_id: str,
        *,
        answers: dict[str, str],
        wording: dict[str, str],
        who: str | None = None,
    ) -> Review:
        """Note what somebody says of the outcome; what was said before is kept."""
        return self.record(
            review_id, Act.OUTCOME, {"answers": answers, "wording": wording}, who=who
        )

    def record_among(
        self,
        review_id: str,
        kind: Act,
        body: Callable[[Review, tuple[Review, ...]], Mapping[str, Any] | None],
        *,
        who: str | None = None,
    ) -> Review:
        """Add an event that depends on every review of the same rows, in one transaction with them.

        Parameters
        ----------
        review_id : str
        kind : Act
        body : callable of the review and of :meth:`of_same_rows` to a mapping
            It sees them as they are at that moment, with no other writer about. None adds nothing;
            what it raises leaves the record untouched.
        who : str, optional
            Name of the person; who is acting when absent.
        """
        self.path(review_id)
        who = _name(who)
        with writing(open_database(self.workspace)) as connection:
            review = _read(connection, review_id)
            made = body(review, _where(connection, REVIEWS.c.rows == review.rows))
            return review if made is None else _added(connection, review, kind, made, who, None)

    def of_same_rows(self, review: Review) -> tuple[Review, ...]:
        """Every review of the same people, this one among them, newest first.

        The sealed rows are one thing in all of them: what one has seen, all have seen.
        """
        with reading(open_database(self.workspace)) as connection:
            return _where(connection, REVIEWS.c.rows == review.rows)

    def audit_path(self, review: Review, suffix: str) -> Path:
        """Where the audit of a review lies as ``html`` or ``json``."""
        return self.path(review.id) / f"audit.{suffix}"

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


def _name(who: str | None) -> str:
    return checked_name((who_is_acting() or UNKNOWN) if who is None else who)


def _read(connection: Connection, review_id: str) -> Review:
    row = connection.execute(select(REVIEWS).where(REVIEWS.c.id == review_id)).first()
    if row is None:
        raise StoreError(
            "There is no review with this link in the workspace. Open it from the Reviews page."
        )
    mine = select(EVENTS).where(EVENTS.c.review == review_id).order_by(EVENTS.c.number)
    return _review(row, [_event(event) for event in connection.execute(mine)])


def _review(row: Row[Any], history: list[Event]) -> Review:
    return Review(**row._mapping, history=tuple(history))


def _event(row: Row[Any]) -> Event:
    try:
        kind = Act(row.kind)
    except ValueError as error:
        raise StoreError(
            f"The record holds “{row.kind}”, which this version of faircore does not know. Use the "
            "version that wrote it, or choose another workspace."
        ) from error
    return Event(row.at, row.who, kind, json.loads(row.body), row.number)


def _where(connection: Connection, which: ColumnElement[bool]) -> tuple[Review, ...]:
    """Some reviews with their histories, newest first."""
    rows = connection.execute(
        select(REVIEWS).where(which).order_by(REVIEWS.c.created_at.desc())
    ).all()
    events = connection.execute(
        select(EVENTS).join(REVIEWS, EVENTS.c.review == REVIEWS.c.id).where(which)
        .order_by(EVENTS.c.number)
    )  # fmt: skip
    of: dict[str, list[Event]] = {}
    for event in events:
        of.setdefault(event.review, []).append(_event(event))
    return tuple(_review(row, of.get(row.id, [])) for row in rows)


def _added(
    connection: Connection,
    review: Review,
    kind: Act,
    body: Mapping[str, Any],
    who: str,
    once: str | None,
) -> Review:
    event = Event(now(), who, kind, json.loads(canonical(body)))
    try:
        made = connection.execute(
            EVENTS.insert(),
            {
                "review": review.id, "at": event.at, "who": who, "kind": kind,
                "body": canonical(body), "once": once,
            },
        )  # fmt: skip
    except IntegrityError as error:
        raise OnceError(
            f"“{kind.capitalize()}” stands in the record already, and can be recorded once only. "
            "Nothing was changed."
        ) from error
    key = made.inserted_primary_key
    event = replace(event, number=int(key[0]) if key else 0)
    return replace(review, history=(*review.history, event))
