from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import THRESHOLDS, confusion_counts, count_cube, threshold_index
from faircore.metrics.counts import narrow_counts


def _rows(n: int, seed: int) -> tuple[Any, Any, Groups, Any]:
    rng = np.random.default_rng(seed)
    frame = {"a": rng.integers(0, 3, n), "b": rng.choice(["u", "v", None], n)}
    groups = Groups.of(frame, partitions=[("a",), ("b",), ("a", "b")])
    weights = rng.choice([0.0, 0.25, 1.0, 3.5], n)
    return rng.integers(0, 2, n).astype(np.int8), rng.random(n), groups, weights


def test_a_table_counted_by_hand() -> None:
    groups = Groups.of(["f", "f", "f", "m", "m"])
    y_true = np.array([0, 1, 1, 0, 1], np.int8)
    y_pred = np.array([1, 0, 1, 0, 1], np.int8)
    counts = confusion_counts(y_true, y_pred, groups)
    assert counts.dtype == np.float64
    assert counts.tolist() == [[[0, 1], [1, 1]], [[1, 0], [0, 1]]]
    weighted = confusion_counts(y_true, y_pred, groups, np.array([0.5, 2, 3, 0, 4]))
    assert weighted.tolist() == [[[0, 0.5], [2, 3]], [[0, 0], [0, 4]]]


@pytest.mark.parametrize("seed", range(3))
def test_counts_agree_with_scikit_learn(seed: int) -> None:
    y_true, score, groups, weights = _rows(300, seed)
    y_pred = (score >= 0.4).astype(np.int8)
    for given_weights in (None, weights):
        counts = confusion_counts(y_true, y_pred, groups, given_weights)
        for codes in groups.codes:
            for group in np.unique(codes):
                own = codes == group
                expected = confusion_matrix(
                    y_true[own],
                    y_pred[own],
                    labels=[0, 1],
                    sample_weight=None if given_weights is None else given_weights[own],
                )
                np.testing.assert_allclose(counts[group], expected, atol=1e-12)


def test_a_score_on_a_grid_threshold_is_selected_at_it() -> None:
    groups = Groups.of(["a"] * len(THRESHOLDS))
    cube = count_cube(np.zeros(101, np.int8), THRESHOLDS, groups)
    # 101 scores, one on each threshold: threshold number t selects the last 101 - t.
    assert cube[:, 0, 0, 1].tolist() == list(range(101, 0, -1))
    assert cube[:, 0].sum((-1, -2)).tolist() == [101] * 101


def test_float32_scores_count_as_the_numbers_they_are() -> None:
    # The float32 nearest to .7 lies below .7, the one nearest to .3 above .3.
    score = np.array([0.7, 0.3], np.float32)
    cube = count_cube(np.ones(2, np.int8), score, Groups.of(["a", "a"]))
    assert cube[threshold_index(0.7), 0].tolist() == [[0, 0], [2, 0]]
    assert cube[threshold_index(0.3), 0].tolist() == [[0, 0], [0, 2]]


def test_one_row() -> None:
    cube = count_cube(np.array([1], np.int8), np.array([0.25]), Groups.of(["a"]))
    assert cube.shape == (101, 1, 2, 2)
    assert cube[25, 0].tolist() == [[0, 0], [0, 1]]
    assert cube[26, 0].tolist() == [[0, 0], [1, 0]]


def test_an_empty_group_counts_zero_at_every_threshold() -> None:
    groups = Groups.of(["a", "b", "a"]).take(np.array([0, 2]))
    cube = count_cube(np.array([0, 1], np.int8), np.array([0.2, 0.9]), groups)
    assert not cube[:, 1].any()
    assert cube[:, 0].sum((-1, -2)).tolist() == [2] * 101


def test_no_row_left_at_a_high_threshold_is_exactly_zero() -> None:
    # Sums of .1 are not exact; a count of nobody must still be nobody.
    n = 1000
    score = np.linspace(0, 0.8, n)
    weights = np.full(n, 0.1)
    cube = count_cube(np.ones(n, np.int8), score, Groups.of(["a"] * n), weights=weights)
    assert not cube[81:, ..., 1].any()
    assert not cube[0, ..., 0].any()


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.one_of(st.sampled_from(THRESHOLDS.tolist()), st.floats(0, 1)),
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([0.0, 0.3, 1.0, 7.0]),
        ),
        min_size=1,
        max_size=40,
    ),
    single=st.booleans(),
)
def test_the_cube_is_a_recount_at_every_threshold(
    rows: list[tuple[int, float, str, float]], single: bool
) -> None:
    y_true = np.array([r[0] for r in rows], np.int8)
    score = np.array([r[1] for r in rows], np.float32 if single else np.float64)
    groups = Groups.of([r[2] for r in rows])
    weights = np.array([r[3] for r in rows])
    cube = count_cube(y_true, score, groups, weights=weights)
    for t, threshold in enumerate(THRESHOLDS):
        y_pred = (score.astype(np.float64) >= threshold).astype(np.int8)
        recount = confusion_counts(y_true, y_pred, groups, weights)
        np.testing.assert_allclose(cube[t], recount, atol=1e-9)
    assert (cube >= 0).all()
    assert (np.diff(cube[..., 1], axis=0) <= 1e-9).all()


def test_leading_axes_are_candidates() -> None:
    y_true, _, groups, weights = _rows(50, 0)
    scores = np.random.default_rng(1).random((2, 3, 50))
    cube = count_cube(y_true, scores, groups, weights=weights)
    assert cube.shape == (2, 3, 101, groups.n_groups, 2, 2)
    np.testing.assert_array_equal(
        cube[1, 2], count_cube(y_true, scores[1, 2], groups, weights=weights)
    )


def test_thresholds_of_ones_own() -> None:
    cube = count_cube(
        np.array([0, 1], np.int8),
        np.array([0.5, 0.123]),
        Groups.of(["a", "a"]),
        thresholds=np.array([0.123, 0.4]),
    )
    assert cube[:, 0].tolist() == [[[0, 1], [0, 1]], [[0, 1], [1, 0]]]


@pytest.mark.parametrize("bad", [np.nan, -0.01, 1.01, np.inf])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="1 of 2"):
        count_cube(np.array([0, 1], np.int8), np.array([0.5, bad]), Groups.of(["a", "a"]))


def test_the_grid_holds_the_usual_thresholds_exactly() -> None:
    assert THRESHOLDS.tolist() == [round(i / 100, 2) for i in range(101)]
    assert [threshold_index(t) for t in (0.0, 0.29, 0.504, 1.0)] == [0, 29, 50, 100]


@pytest.mark.parametrize(
    ("most", "kind"), [(0, "uint16"), (65_535, "uint16"), (65_536, "uint32"), (2**32, "float64")]
)
def test_whole_counts_are_kept_narrow_to_the_last_one(most: int, kind: str) -> None:
    counts = np.array([0.0, most])
    assert narrow_counts(counts).dtype == kind
    assert narrow_counts(counts).tolist() == counts.tolist()
    assert narrow_counts(np.array([0.5, 3.0])).dtype == np.float64
    assert narrow_counts(np.array([-1.0])).dtype == np.float64
