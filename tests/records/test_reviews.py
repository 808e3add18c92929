from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from faircore.data import Dataset, Table
from faircore.errors import StoreError
from faircore.plans import SweepSpec
from faircore.records import Opening, Review, ReviewStore, frontier_of_review, trial_ids


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
    path = store.path(review.id) / "review.json"
    path.write_text(json.dumps({"id": review.id}))
    with pytest.raises(StoreError, match="damaged"):
        store.get(review.id)
    assert store.list() == []  # the others would still be listed


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
        store.update(
            review_id,
            lambda r, i=i: replace(r, openings=(*r.openings, Opening("t", f"{who}{i}", "c", 0.5))),
        )


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
    twice = replace(review, sweeps=review.sweeps * 2)
    assert trial_ids(twice) == trial_ids(review)
