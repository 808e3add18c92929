from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faircore.decide import CalibrationLimit, Option
from faircore.decide.calibration_lines import calibration_lines
from faircore.decide.figures import Figures, Move, decisions_of, figures_of
from faircore.decide.thinning import moments_of_effects
from faircore.errors import InputError
from faircore.records import Act, Event, Review, ReviewStore, canonical, frontier_of_review
from faircore.training import Prepared
from tests.decide.committee import prepared_for

finite = st.floats(0, 1e6)


@given(
    st.dictionaries(
        st.sampled_from("ABCDE"), hnp.arrays(np.float64, (3, 2, 2), elements=finite), min_size=1
    ),
    st.lists(st.builds(Move, st.just("A"), st.just("B"), st.text(),
                       st.lists(st.text(), max_size=2).map(tuple)), max_size=2).map(tuple),
)  # fmt: skip
def test_figures_survive_their_record(
    counts: dict[str, np.ndarray], moves: tuple[Move, ...]
) -> None:
    sizes = np.array([1, 2, 3])
    moments = {letter: moments_of_effects(sizes / 2, found) for letter, found in counts.items()}
    figures = Figures("certify", 6, counts, sizes, moments, moves)
    text = canonical(figures.to_dict())
    read = Figures.from_dict(json.loads(text))
    assert canonical(read.to_dict()) == text
    assert (read.moves, read.sizes.dtype) == (moves, np.int64)
    older = {**figures.to_dict(), "effects": (sizes / 2).tolist()}
    del older["moments"]  # the first version kept an effect per group
    for one in (read, Figures.from_dict(older)):
        for letter, found in moments.items():
            np.testing.assert_array_equal(one.moments[letter], found)


def test_todays_decisions_have_to_be_in_the_data(trained: tuple[Path, Review]) -> None:
    workspace, review = trained
    prepared = prepared_for(workspace, review)
    today = Option("A", ("today",), None)
    found = decisions_of([today], "select", workspace=workspace, prepared=prepared)
    assert prepared.dataset.decision is not None
    np.testing.assert_array_equal(found["A"], prepared.dataset.decision[prepared.rows("select")])
    without = replace(prepared, dataset=replace(prepared.dataset, decision=None))
    with pytest.raises(InputError, match="no decisions made until now"):
        decisions_of([today], "select", workspace=workspace, prepared=without)


def test_neighbours_are_told_of_once_each(trained: tuple[Path, Review]) -> None:
    prepared = prepared_for(*trained)
    n = len(prepared.rows("select"))
    decisions = {"A": np.zeros(n, np.int8), "B": np.zeros(n, np.int8), "C": np.ones(n, np.int8)}
    figures = figures_of(decisions, "select", prepared=prepared, partition="race")
    assert [(m.before, m.after) for m in figures.moves] == [("A", "B"), ("B", "C")]
    assert all(found.sum() == n * len(prepared.groups.partitions)
               for found in figures.counts.values())  # fmt: skip


def test_the_sealed_rows_are_counted_for_a_recorded_opening_only(
    trained: tuple[Path, Review],
) -> None:
    workspace, review = trained
    prepared = Prepared.of(ReviewStore(workspace).dataset(review.id))
    nobody = {"A": np.zeros(len(prepared.rows("certify")), np.int8)}
    candidate = frontier_of_review(workspace, review.id).candidates[0].id
    asked = Event("now", "Eve", Act.PROPOSED, {})
    partition = prepared.groups.partitions[0].name
    for opening in (None, asked):
        with pytest.raises(InputError, match="recorded opening only"):
            figures_of(nobody, "certify", prepared=prepared, partition=partition, opening=opening)
        with pytest.raises(InputError, match="recorded opening only"):
            calibration_lines(
                candidate, CalibrationLimit(), "certify", workspace=workspace, prepared=prepared,
                opening=opening,
            )  # fmt: skip
