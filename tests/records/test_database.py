from __future__ import annotations

import json
import os
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from faircore.data import Dataset, Table
from faircore.errors import StoreError
from faircore.records import Act, Review, ReviewStore, database
from tests.decide.committee import at_once

Lending = tuple[Table, Dataset]


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder below one that every user of this computer may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (folder := Path(name) / "workspace").mkdir()
        yield folder
        folder.chmod(0o755)


def older(made: Review, **changed: Any) -> dict[str, Any]:
    """A review as older versions kept it."""
    fields = ("id", "name", "source", "created_at", "spec", "fingerprint")
    return {
        **{name: getattr(made, name) for name in fields},
        "sweeps": [], "openings": [], "decisions": [], **changed,
    }  # fmt: skip


def write(workspace: Path, folder: str, raw: object) -> None:
    (at := workspace / "reviews" / folder).mkdir(parents=True)
    (at / "review.json").write_text(json.dumps(raw))


def said_as_nobody(act: Callable[[], object]) -> str:
    """The StoreError of something done in a process without the rights of an administrator."""

    def run() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)
        act()

    return at_once(run)[0]


def test_a_workspace_that_cannot_be_written_is_said_in_words(
    lending: Lending, open_to_all: Path
) -> None:
    store = ReviewStore(open_to_all)
    review = store.create("Loans", *lending)
    for path in (open_to_all, *open_to_all.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for opened in (True, False):  # in a process that has the record open, and in a new one
        if not opened:
            database._OPEN.clear()
        for act in (
            lambda: store.record(review.id, Act.PROPOSED, {}, who="Ada"),
            lambda: store.create("Again", *lending),
        ):
            said = said_as_nobody(act)
            assert "Traceback" not in said
            assert "workspace" in said
    assert store.get(review.id) == review


@pytest.mark.parametrize("parent", ["a file", "nothing"])
def test_a_workspace_that_is_a_file_is_said_in_words(tmp_path: Path, parent: str) -> None:
    (tmp_path / "a file").write_text("x")
    place = tmp_path / parent / "inside" if parent == "a file" else Path("/proc/nobody/here")
    with pytest.raises(StoreError, match="choose another workspace"):
        ReviewStore(place).list()


def test_a_full_disk_loses_nothing_that_was_recorded(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    size = (workspace / database.FILE).stat().st_size

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, size + 8192))
        for i in range(10_000):
            store.record(review.id, Act.PROPOSED, {"text": "x" * 1000, "i": i}, who="Ada")

    (said,) = at_once(fill)
    assert "What was recorded before is untouched" in said
    kept = store.get(review.id).all(Act.PROPOSED)
    assert [e.body["i"] for e in kept] == list(range(len(kept)))
    assert store.record(review.id, Act.PROPOSED, {"i": -1}, who="Ada").history[-1].body["i"] == -1


def test_a_writer_who_waits_too_long_is_told(
    fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.2)
    database._OPEN.clear()
    store = ReviewStore(workspace)
    before = store.get(review.id)
    with closing(sqlite3.connect(workspace / database.FILE, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Nothing was changed; try again"):
            store.record(review.id, Act.PROPOSED, {}, who="Ada")
        assert store.get(review.id) == before  # readers need not wait
        raw.execute("ROLLBACK")
    database._OPEN.clear()
    store.record(review.id, Act.PROPOSED, {}, who="Ada")


@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_a_record_cut_short_is_said_to_be_damaged(fresh: tuple[Path, Review], keep: float) -> None:
    workspace, review = fresh
    path = workspace / database.FILE
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    database._OPEN.clear()
    with pytest.raises(StoreError, match=r"The record of the reviews (is damaged|cannot be used)"):
        ReviewStore(workspace).record(review.id, Act.PROPOSED, {"x": "y" * 9000}, who="Ada")


def test_opened_first_by_many_at_once_it_is_made_once(lending: Lending, tmp_path: Path) -> None:
    made = ReviewStore(tmp_path / "new").create("Loans", *lending)
    opening = {"at": "2099-02-02", "who": "Ada", "candidate": "c", "threshold": 0.5}
    write(tmp_path / "old", made.id, older(made, openings=[opening]))
    assert at_once(*(lambda: ReviewStore(tmp_path / "old").list() for _ in range(4))) == [""] * 4
    (review,) = ReviewStore(tmp_path / "old").list()
    assert len(review.openings) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None}, {"name": None}, {"name": ["x"]}, {"spec": {"x": 1}}, {"sweeps": None},
        {"openings": [{"at": "2099"}]}, {"openings": [7]}, {"decisions": ["x"]},
        {"outcome_checks": [[]]}, {},
    ],
)  # fmt: skip
def test_one_older_review_that_cannot_be_read_bars_no_other(
    lending: Lending, tmp_path: Path, changed: dict[str, Any]
) -> None:
    made = ReviewStore(tmp_path / "new").create("Loans", *lending)
    old = tmp_path / "old"
    write(old, made.id, older(made))
    write(old, f"{made.id} copy", older(made, **{"id": made.id if not changed else "0" * 12,
                                                 **changed}))  # fmt: skip
    assert [r.id for r in ReviewStore(old).list()] == [made.id]


def test_bringing_in_happens_whole_or_not_at_all(
    lending: Lending, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ReviewStore(tmp_path / "new").create("Loans", *lending)
    old = tmp_path / "old"
    write(old, made.id, older(made))
    real = database.bring_in

    def dies(*args: Any) -> None:
        real(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(database, "bring_in", dies)
        with pytest.raises(KeyboardInterrupt):
            ReviewStore(old).list()
    assert [r.id for r in ReviewStore(old).list()] == [made.id]


def test_the_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    ReviewStore(tmp_path).list()
    assert (tmp_path / database.FILE).stat().st_mode & 0o077 == 0


def test_a_record_that_was_replaced_is_opened_anew(lending: Lending, tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "a")
    store.create("One", *lending)
    other = ReviewStore(tmp_path / "b")
    other.create("Two", *lending)
    (tmp_path / "b" / database.FILE).replace(tmp_path / "a" / database.FILE)
    assert [r.name for r in store.list()] == ["Two"]


def test_a_commit_waits_for_the_disk_and_keeps_no_log(tmp_path: Path) -> None:
    with database.reading(database.open_database(tmp_path)) as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["delete", 2, 1]
