from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from faircore.groups import Groups
from faircore.metrics.histograms import (
    LOSSES,
    N_BINS,
    ScoreHistogram,
    row_sums,
    score_bins,
    score_histogram,
    sum_histogram,
)
from faircore.metrics.scores import auc
from tests.metrics.drawn import histogram, numbered

SUMS = ("weight", "positive", "score", "variance", "residual", "squares", "positive_squares")


def test_a_histogram_added_up_by_hand() -> None:
    y_true = np.array([1, 0, 1, 1, 0], np.int8)
    score = np.array([0.25, 0.5, 0.5, 0.25, 0.5])
    weights = np.array([1.0, 2.0, 3.0, 0.5, 0.0])
    groups = Groups.of(["a", "a", "b", "a", "b"])
    found = score_histogram(y_true, score, groups, weights)
    expected = {
        "weight": [[1.5, 2], [0, 3]],
        "positive": [[1.5, 0], [0, 3]],
        "score": [[0.375, 1], [0, 1.5]],
        "variance": [[1.25 * 3 / 16, 4 / 4], [0, 9 / 4]],
        "residual": [[1.25 * 9 / 16, 4 / 4], [0, 9 / 4]],
        "squares": [[1.25, 4], [0, 9]],
        "positive_squares": [[1.25, 0], [0, 9]],
    }
    assert set(expected) == set(SUMS)
    for name, sums in expected.items():
        np.testing.assert_allclose(getattr(found, name), sums, err_msg=name)
    np.testing.assert_allclose(found.negative, [[0, 2], [0, 0]])
    np.testing.assert_allclose(
        found.losses["brier"],
        [
            [1.5 * 9 / 16 + 2 / 4, 1.25 * 9 / 16 + 4 / 4, 1.25 * 81 / 256 + 4 / 16],
            [3 / 4, 9 / 4, 9 / 16],
        ],
    )
    four, two = np.log(4), np.log(2)
    np.testing.assert_allclose(
        found.losses["log_loss"],
        [
            [1.5 * four + 2 * two, 1.25 * four + 4 * two, 1.25 * four**2 + 4 * two**2],
            [3 * two, 9 * two, 9 * two**2],
        ],
    )
    assert set(found.losses) == set(LOSSES)


def test_every_partition_holds_every_row() -> None:
    rng = np.random.default_rng(0)
    groups = Groups.of({"a": rng.integers(0, 3, 90), "b": rng.integers(0, 2, 90)})
    y_true, score = rng.integers(0, 2, 90).astype(np.int8), rng.integers(0, 9, 90) / 8
    weights = rng.exponential(1, 90)
    found = score_histogram(y_true, score, groups, weights)
    whole = histogram(y_true, score, weights)
    for partition in groups.partitions:
        for name in SUMS:
            together = getattr(found, name)[partition.groups].sum(0)
            np.testing.assert_allclose(together, getattr(whole, name)[0], atol=1e-12)
        for loss in LOSSES:
            np.testing.assert_allclose(
                found.losses[loss][partition.groups].sum(0), whole.losses[loss][0]
            )


def test_a_certain_failure_costs_36_and_not_infinity() -> None:
    sums = row_sums(np.array([1, 0, 1, 0], np.int8), np.array([0.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(sums["log_loss"], [36.04, 36.04, 0, 0], atol=0.01)
    np.testing.assert_array_equal(sums["brier"], [1, 1, 0, 0])
    np.testing.assert_array_equal(sums["variance"], [0, 0, 0, 0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_bins_keep_the_order_of_scores(scores: list[float]) -> None:
    bins = score_bins(np.sort(np.array(scores)))
    assert (np.diff(bins) >= 0).all()
    assert bins.min() >= 0
    assert bins.max() < N_BINS


def test_bins_are_as_fine_as_promised() -> None:
    assert score_bins(np.array([0.0, 1.0])).tolist() == [0, N_BINS - 1]
    # Nowhere do scores a two-thousandth apart share a bin by much, and near 0 and 1 far less.
    edges = np.linspace(0, 1, 1_700)
    assert (np.diff(score_bins(edges)) >= 1).all()
    for end in (np.linspace(0, 1e-3, 200), np.linspace(1 - 1e-3, 1, 200)):
        assert (np.diff(score_bins(end)) >= 1).all()


@pytest.mark.parametrize("n_distinct", [N_BINS, N_BINS + 1])
def test_up_to_8192_distinct_scores_nothing_is_lost(n_distinct: int) -> None:
    rng = np.random.default_rng(0)
    score = rng.permutation(np.linspace(0, 1, n_distinct))
    y_true = (rng.random(n_distinct) < score).astype(np.int8)
    found = histogram(y_true, score)
    assert found.weight.shape == (1, N_BINS)
    error = abs(auc(found).value[0] - roc_auc_score(y_true, score))
    assert error < 1e-12 if n_distinct == N_BINS else 0 < error < 1e-4


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.01), (0.3, 0.7), (0.9, 1)])
def test_many_scores_move_an_auc_by_less_than_1e_3(low: float, high: float) -> None:
    rng = np.random.default_rng(1)
    u = rng.random(30_000)
    y_true, score = (rng.random(30_000) < 0.1 + 0.8 * u).astype(np.int8), low + (high - low) * u
    assert auc(histogram(y_true, score)).value[0] == pytest.approx(
        roc_auc_score(y_true, score), abs=1e-3
    )


def test_scores_crowded_in_one_hundredth_move_an_auc_by_less_than_1e_3() -> None:
    rng = np.random.default_rng(1)
    u = rng.random(30_000)
    y_true, score = (rng.random(30_000) < 0.1 + 0.8 * u).astype(np.int8), 0.5 + 0.01 * u
    assert auc(histogram(y_true, score)).value[0] == pytest.approx(
        roc_auc_score(y_true, score), abs=1e-3
    )


def test_cells_that_are_sums_already_add_up_alike() -> None:
    rng = np.random.default_rng(2)
    n, n_groups, n_bins = 400, 3, 11
    codes, bins = rng.integers(0, n_groups, n).astype(np.int32), rng.integers(0, n_bins, n)
    rows = {name: rng.random(n) for name in SUMS}
    losses = {name: rng.random((3, n)) for name in LOSSES}
    whole = sum_histogram(codes[None], bins, shape=(n_groups, n_bins), losses=losses, **rows)
    # First into cells of group and bin, then cells into the histogram.
    cell, inverse = np.unique(codes * n_bins + bins, return_inverse=True)
    add = lambda values: np.bincount(inverse, values)  # noqa: E731
    again = sum_histogram(
        (cell // n_bins).astype(np.int32)[None],
        cell % n_bins,
        shape=(n_groups, n_bins),
        losses={k: np.stack([add(row) for row in v]) for k, v in losses.items()},
        **{k: add(v) for k, v in rows.items()},
    )
    for name in SUMS:
        np.testing.assert_allclose(getattr(whole, name), getattr(again, name), atol=1e-12)
    for name in LOSSES:
        np.testing.assert_allclose(whole.losses[name], again.losses[name], atol=1e-12)


def test_a_change_reaches_every_sum() -> None:
    rng = np.random.default_rng(3)
    y_true, score = rng.integers(0, 2, (2, 30)), rng.integers(1, 9, (2, 30)) / 9
    apart = histogram(y_true, score)
    changed = apart.each(lambda sums: sums.sum(0, keepdims=True))
    together = histogram(y_true.ravel(), score.ravel())
    assert isinstance(changed, ScoreHistogram)
    for name in SUMS:
        np.testing.assert_allclose(getattr(changed, name), getattr(together, name))
    for name in LOSSES:
        np.testing.assert_allclose(changed.losses[name], together.losses[name])


def test_an_empty_group_holds_zeros() -> None:
    found = score_histogram(
        np.array([1, 0], np.int8), np.array([0.2, 0.3]), numbered([0, 2], n_groups=4)
    )
    assert found.weight.sum(-1).tolist() == [1, 0, 1, 0]
    assert not found.losses["brier"][[1, 3]].any()
