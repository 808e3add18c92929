from __future__ import annotations

import json
import multiprocessing
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from faircore.data import Dataset, Table, build_dataset
from faircore.errors import InputError, StoreError
from faircore.plans import SweepSpec
from faircore.records import Act, Review, ReviewStore, frontier_of_review, trial_ids
from faircore.records.database import HEAD, open_database, reading
from faircore.records.tables import METADATA


def test_a_review_keeps_its_table_exactly(lending: tuple[Table, Dataset], tmp_path: Path) -> None:
    table, dataset = lending
    store = ReviewStore(tmp_path)
    review = store.create("  Loans  ", table, dataset)
    assert (review.name, review.state) == ("Loans", "data ready")
    assert store.get(review.id) == review
    assert store.table(review.id).frame.equals(table.frame)
    assert store.dataset(review.id).fingerprint == dataset.fingerprint


def test_an_empty_name_becomes_the_file(lending: tuple[Table, Dataset], tmp_path: Path) -> None:
    assert ReviewStore(tmp_path).create(" ", *lending).name == "lending.csv"


def test_changed_data_are_refused(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    table = store.table(review.id)
    from faircore.data import write_table

    write_table(Table(table.frame.iloc[:-1], table.source), store.table_path(review.id))
    with pytest.raises(StoreError, match="changed on disk"):
        store.dataset(review.id)


@pytest.mark.parametrize("bad", ["", "..", "../../etc", "0123456789ag", "0" * 13, "A" * 12])
def test_an_id_never_becomes_another_path(bad: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not the id"):
        ReviewStore(tmp_path).get(bad)


def test_unknown_and_damaged_records_are_told_apart(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    with pytest.raises(StoreError, match="no review with this link"):
        store.get("0" * 12)
    path = workspace / "records.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    for use in (lambda: store.get(review.id), store.list):
        with pytest.raises(StoreError, match="damaged"):
            use()


def test_a_sweep_is_noted_once(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    again = store.add_sweep(review.id, review.sweeps[0])
    assert again.sweeps == review.sweeps
    other = SweepSpec((1.0,)).to_json()
    assert store.add_sweep(review.id, other).sweeps == (*review.sweeps, other)


def _open_many(workspace: Path, review_id: str, who: str) -> None:
    store = ReviewStore(workspace)
    for i in range(25):
        store.record(review_id, Act.OPENED, {"candidate": "c", "threshold": 0.5}, who=f"{who}{i}")


def test_writers_at_the_same_time_lose_nothing(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_open_many, args=(workspace, review.id, who)) for who in "abcd"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    names = {o.who for o in ReviewStore(workspace).get(review.id).openings}
    assert names == {f"{who}{i}" for who in "abcd" for i in range(25)}


def test_the_frontier_of_a_review_holds_every_trial_once(trained: tuple[Path, Review]) -> None:
    workspace, review = trained
    frontier = frontier_of_review(workspace, review.id)
    assert [c.id for c in frontier.candidates] == list(trial_ids(review))
    assert len(frontier.candidates) == 6  # strengths 0, 0.5, 2; seeds 0, 1
    twice = replace(review, history=review.history * 2)
    assert trial_ids(twice) == trial_ids(review)


def test_an_older_workspace_is_brought_in_once(
    lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    made = ReviewStore(tmp_path / "new").create("Loans", *lending)
    older = {
        "id": made.id, "name": "Loans", "source": made.source, "created_at": made.created_at,
        "spec": made.spec, "fingerprint": made.fingerprint, "sweeps": [SweepSpec((1.0,)).to_json()],
        "openings": [{"at": "2099-02-02", "who": "Ada", "candidate": "c", "threshold": 0.5}],
        "decisions": [{"at": "2099-02-02", "who": "Ada", "reason": "why"}],
    }  # fmt: skip
    (folder := tmp_path / "old" / "reviews" / made.id).mkdir(parents=True)
    (folder / "review.json").write_text(json.dumps(older))
    (tmp_path / "old" / "reviews" / "damaged").mkdir()
    (tmp_path / "old" / "reviews" / "damaged" / "review.json").write_text("{")
    (review,) = ReviewStore(tmp_path / "old").list()
    assert review.sweeps == tuple(older["sweeps"])
    assert [(o.who, o.level) for o in review.openings] == [("Ada", None)]
    assert [e.kind for e in review.history] == [Act.SWEEP, Act.OPENED, Act.DECIDED]
    (folder / "review.json").write_text("{")  # what became of it no longer matters
    assert ReviewStore(tmp_path / "old").get(made.id) == review


def test_the_history_is_only_added_to(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    added = store.record(review.id, Act.PROPOSED, {"why": "√ x"}, who="  Ada   Lovelace ")
    assert added == store.get(review.id)
    assert added.history[:-1] == review.history
    assert (added.history[-1].who, added.history[-1].body) == ("Ada Lovelace", {"why": "√ x"})
    with closing(sqlite3.connect(workspace / "records.sqlite")) as raw:
        for text in (
            "UPDATE events SET who = 'Eve'", "DELETE FROM events", "DELETE FROM reviews",
            "UPDATE reviews SET name = 'x'",
        ):  # fmt: skip
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                raw.execute(text)


def test_what_may_happen_once_happens_once(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    store.record(review.id, Act.VOTED, {}, who="Ada", once="vote 1 Ada")
    with pytest.raises(InputError, match="once only"):
        store.record(review.id, Act.VOTED, {}, who="Ada", once="vote 1 Ada")
    store.record(review.id, Act.VOTED, {}, who="Ben", once="vote 1 Ben")
    assert [e.who for e in store.get(review.id).all(Act.VOTED)] == ["Ada", "Ben"]


def test_a_refused_change_leaves_nothing(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh

    def refuse(now: Review) -> dict[str, str]:
        assert now == review
        raise InputError("No.")

    store = ReviewStore(workspace)
    with pytest.raises(InputError):
        store.record(review.id, Act.PROPOSED, refuse, who="Ada")
    for name in ("", "  ", "x" * 81):
        with pytest.raises(InputError, match="A name has 1 to 80"):
            store.record(review.id, Act.PROPOSED, {}, who=name)
    assert store.get(review.id) == review


def test_reviews_of_the_same_rows_know_each_other_whatever_the_roles(
    lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    store, (table, dataset) = ReviewStore(tmp_path), lending
    one, two = (store.create(name, table, dataset) for name in ("One", "Two"))
    fewer = replace(dataset.spec, features=dataset.spec.features[:-1])
    three = store.create("Three", table, build_dataset(table, fewer))
    store.create("Others", *_without_the_last_row(table, dataset))
    assert three.fingerprint != one.fingerprint
    assert {r.id for r in store.of_same_rows(two)} == {one.id, two.id, three.id}

    def look(now: Review, kin: tuple[Review, ...]) -> dict[str, object]:
        return {"candidate": "c", "threshold": 0.5, "before": sum(len(r.openings) for r in kin)}

    for review in (one, two, three):
        store.record_among(review.id, Act.OPENED, look, who="Ada")
    assert [store.get(r.id).history[0].body["before"] for r in (one, two, three)] == [0, 1, 2]
    assert store.record_among(one.id, Act.OPENED, lambda *_: None) == store.get(one.id)


def _without_the_last_row(table: Table, dataset: Dataset) -> tuple[Table, Dataset]:
    fewer = Table(table.frame.iloc[:-1], table.source)
    return fewer, build_dataset(fewer, dataset.spec)


def test_a_record_of_the_first_version_learns_its_rows(
    lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    store = ReviewStore(tmp_path / "now")
    one, two = (store.create(name, *lending) for name in ("One", "Two"))
    _as_first_version(tmp_path / "now" / "records.sqlite")
    shutil.copytree(tmp_path / "now", tmp_path / "later")
    (tmp_path / "later" / "reviews" / two.id / "table.parquet").unlink()
    older = ReviewStore(tmp_path / "later")
    assert older.get(one.id) == one
    assert older.get(two.id).rows == two.fingerprint  # the table is gone: the nearest thing to it
    with (
        closing(sqlite3.connect(tmp_path / "later" / "records.sqlite")) as raw,
        pytest.raises(sqlite3.IntegrityError, match="only added to"),
    ):
        raw.execute("UPDATE reviews SET rows = ''")


def _as_first_version(path: Path) -> None:
    """Take the second migration back."""
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TRIGGER reviews_no_update")
        raw.execute("DROP INDEX ix_reviews_rows")
        raw.execute("ALTER TABLE reviews DROP COLUMN rows")
        raw.execute("CREATE TRIGGER reviews_no_update BEFORE UPDATE ON reviews "
                    "BEGIN SELECT RAISE(ABORT, 'the record is only added to'); END")  # fmt: skip
        raw.execute("UPDATE alembic_version SET version_num = '0001'")


def test_a_newer_record_is_refused(tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "a")
    assert store.list() == []
    with closing(sqlite3.connect(tmp_path / "a" / "records.sqlite")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with pytest.raises(StoreError, match="newer version"):
        ReviewStore(tmp_path / "b").list()


def test_an_event_of_a_newer_version_is_told_in_words(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    with closing(sqlite3.connect(workspace / "records.sqlite")) as raw, raw:
        raw.execute(
            "INSERT INTO events (review, at, who, kind, body) VALUES (?, '2099-01-01', 'Ada', "
            "'score watched', '{}')", (review.id,),
        )  # fmt: skip
    with pytest.raises(StoreError, match="holds “score watched”, which this version"):
        ReviewStore(workspace).get(review.id)


def test_the_migrations_make_the_tables_the_code_writes(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import faircore.records.migrations as steps

    assert ScriptDirectory(Path(steps.__file__).parent).get_current_head() == HEAD
    with reading(open_database(tmp_path)) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
