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
from faircore.decide.figures import Figures, Move, decisions_of, design_effects, figures_of
from faircore.errors import InputError
from faircore.frontier import SplitRows
from faircore.groups import Groups
from faircore.records import Act, Event, Review, ReviewStore, canonical, frontier_of_review
from faircore.training import Prepared
from tests.decide.committee import prepared_for

finite = st.floats(0, 1e6)


def rows_of(groups: list[str], weights: list[float] | None = None) -> SplitRows:
    truth = np.zeros(len(groups), np.int8)
    own = None if weights is None else np.array(weights)
    return SplitRows(truth, Groups.of({"sex": np.array(groups)}), own)


def test_effects_of_weights_by_hand() -> None:
    # Of f: (1 + 9) / (1 + 3) = 2.5 people are worth one; of m: (4 + 4) / (2 + 2) = 2.
    rows = rows_of(["f", "f", "m", "m"], [1.0, 3.0, 2.0, 2.0])
    np.testing.assert_allclose(design_effects(rows), [2.5, 2.0])


def test_effects_of_entities_by_hand() -> None:
    # Of f: one person with 3 rows and one with 1: (9 + 1) / 4 = 2.5; of m: two people, 1 row each.
    rows = rows_of(["f", "f", "f", "f", "m", "m"])
    entities = np.array([7, 7, 7, 9, 7, 8])  # one entity in two groups counts in each
    np.testing.assert_allclose(design_effects(rows, entities), [2.5, 1.0])
    # Both together: sums of weights by person are 1 + 2 = 3, and 3: (9 + 9) / 6 = 3.
    both = rows_of(["f", "f", "f"], [1.0, 2.0, 3.0])
    np.testing.assert_allclose(design_effects(both, np.array([1, 1, 2])), [3.0])


def test_rows_that_count_alike_are_worth_themselves() -> None:
    rows = rows_of(["f", "f", "m"])
    np.testing.assert_array_equal(design_effects(rows), [1.0, 1.0])
    np.testing.assert_array_equal(design_effects(rows, np.arange(3)), [1.0, 1.0])
    groups = Groups.of({"sex": np.array(["f", "m"])})
    empty = SplitRows(np.zeros(1, np.int8), groups.take(np.array([0])))
    np.testing.assert_array_equal(design_effects(empty), [1.0, np.nan])


@given(
    hnp.arrays(np.float64, 12, elements=st.floats(0.1, 10)),
    hnp.arrays(np.int64, 12, elements=st.integers(0, 5)),
)
def test_effects_grow_with_repetition_and_scale_with_weights(
    weights: np.ndarray, entities: np.ndarray
) -> None:
    rows = rows_of(["f"] * 6 + ["m"] * 6, weights.tolist())
    alone, repeated = design_effects(rows), design_effects(rows, entities)
    assert (repeated >= alone - 1e-9).all()
    np.testing.assert_allclose(
        design_effects(replace(rows, weights=3 * weights), entities), 3 * repeated
    )
    assert (repeated <= 6 * weights.max() + 1e-9).all()


@given(
    st.dictionaries(
        st.sampled_from("ABCDE"), hnp.arrays(np.float64, (3, 2, 2), elements=finite), min_size=1
    ),
    st.lists(st.builds(Move, st.just("A"), st.just("B"), st.text(),
                       st.lists(st.text(), max_size=2).map(tuple)), max_size=2).map(tuple),
    st.lists(finite | st.just(float("nan")), min_size=3, max_size=3),
)  # fmt: skip
def test_figures_survive_their_record(
    counts: dict[str, np.ndarray], moves: tuple[Move, ...], effects: list[float]
) -> None:
    sizes = np.array([1, 2, 3])
    figures = Figures("certify", 6, counts, sizes, np.array(effects), moves)
    text = canonical(figures.to_dict())
    read = Figures.from_dict(json.loads(text))
    assert canonical(read.to_dict()) == text
    assert (read.moves, read.sizes.dtype) == (moves, np.int64)
    np.testing.assert_array_equal(read.effects, figures.effects)


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
