from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier import SplitRows
from faircore.frontier.noise import Replicates, draw_counts, row_weights
from faircore.frontier.noise_scores import draw_scores
from faircore.groups import Groups
from faircore.metrics import RATES, confusion_counts
from faircore.metrics.score_measures import SCORE_MEASURES, score_measures


def _rows(n: int, seed: int = 0, *, weighted: bool = False) -> SplitRows:
    rng = np.random.default_rng(seed)
    groups = Groups.of({"a": rng.integers(0, 3, n), "b": rng.integers(0, 2, n)})
    weights = rng.uniform(0.2, 3, n) if weighted else None
    return SplitRows((rng.random(n) < 0.4).astype(np.int8), groups, weights)


def _passed(n: int, k: int, seed: int = 1) -> NDArray[np.uint8]:
    """Candidates that share most of one score."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=n)
    score = 1 / (1 + np.exp(-(base + 0.4 * rng.normal(size=(k, n)))))
    return np.floor(score * 100).astype(np.uint8) + 1


@given(st.integers(0, 99), st.booleans(), st.integers(0, 1))
@settings(max_examples=15, deadline=None)
def test_redrawn_counts_are_weighted_sums_of_rows(t: int, weighted: bool, which: int) -> None:
    rows, passed = _rows(60, weighted=weighted), _passed(60, 4)
    partition = rows.groups.partitions[which]
    drawn = draw_counts(rows, passed, t, partition, replicates=3, seed=5)
    own = np.ones(60) if rows.weights is None else rows.weights
    for b, weight in enumerate(row_weights(60, 3, 5)):
        for c, one in enumerate(passed):
            chosen = (one > t).astype(np.int8)
            plain = confusion_counts(rows.y_true, chosen, rows.groups, weight * own)
            np.testing.assert_allclose(
                drawn.counts[b, c], plain[partition.groups], rtol=1e-4, atol=1e-4
            )


@pytest.mark.parametrize("weighted", [False, True])
def test_observed_counts_and_squares(weighted: bool) -> None:
    rows, passed = _rows(500, weighted=weighted), _passed(500, 5)
    partition = rows.groups.partitions[0]
    drawn = draw_counts(rows, passed, 50, partition, replicates=2)
    for c, one in enumerate(passed):
        chosen = (one > 50).astype(np.int8)
        counts = confusion_counts(rows.y_true, chosen, rows.groups, rows.weights)
        np.testing.assert_allclose(drawn.observed[c], counts[partition.groups], rtol=1e-5)
        squared = None if rows.weights is None else rows.weights**2
        squares = confusion_counts(rows.y_true, chosen, rows.groups, squared)
        np.testing.assert_allclose(
            drawn.squares[:, :, c], squares[partition.groups], rtol=1e-4, atol=1e-4
        )


def test_weights_of_one_are_no_weights() -> None:
    rows, passed = _rows(300), _passed(300, 4)
    ones = SplitRows(rows.y_true, rows.groups, np.ones(300))
    for partition in rows.groups.partitions:
        a, b = (draw_counts(r, passed, 40, partition, replicates=4) for r in (rows, ones))
        np.testing.assert_array_equal(a.counts, b.counts)


def test_people_are_redrawn_alike_whatever_is_asked() -> None:
    rows, passed = _rows(400), _passed(400, 6)
    first, second = rows.groups.partitions
    all_of = draw_counts(rows, passed, 50, first, replicates=5, seed=3)
    across = draw_counts(rows, passed, 50, second, replicates=5, seed=3)
    some = draw_counts(rows, passed[[4, 1]], 50, first, replicates=5, seed=3)
    np.testing.assert_allclose(all_of.counts.sum(2), across.counts.sum(2), rtol=1e-4)
    np.testing.assert_allclose(some.counts, all_of.counts[:, [4, 1]], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(all_of.only(np.array([4, 1])).counts, all_of.counts[:, [4, 1]])
    other = draw_counts(rows, passed, 50, first, replicates=5, seed=4)
    assert np.abs(other.counts - all_of.counts).max() > 1


def test_candidates_that_decide_alike_are_equal_to_the_bit() -> None:
    rows, passed = _rows(3_000), _passed(3_000, 37)
    passed[[5, 36]] = passed[0]
    drawn = draw_counts(rows, passed, 50, rows.groups.partitions[0])
    for twin in (5, 36):
        np.testing.assert_array_equal(drawn.chosen[..., twin], drawn.chosen[..., 0])
    assert (drawn.chosen[..., 1] != drawn.chosen[..., 0]).any()


@pytest.mark.parametrize("name", sorted(RATES))
def test_rates_are_those_of_the_counts(name: str) -> None:
    rows, passed = _rows(200, weighted=True), _passed(200, 5)
    passed[0] = 1  # selects nobody
    drawn = draw_counts(rows, passed, 60, rows.groups.partitions[0], replicates=6)
    rates = drawn.rate(name)
    found, seen = np.moveaxis(rates[:, :-1], 0, -1), RATES[name](drawn.observed)
    np.testing.assert_allclose(rates[:, -1].T, seen, rtol=1e-4, atol=1e-5)
    between = ~((seen < 1e-5) | (seen > 1 - 1e-5))
    expected = RATES[name](drawn.counts)
    np.testing.assert_allclose(found[:, between], expected[:, between], rtol=1e-4, atol=1e-5)
    assert between[1:].any()
    every, whole = drawn.overall(name), RATES[name](drawn.counts.sum(axis=2))
    np.testing.assert_allclose(every[:-1, 1:], whole[:, 1:], rtol=1e-4, atol=1e-5)


def test_nobody_in_a_hundred_is_no_proof_of_never() -> None:
    """Of a share of 0 or 1 the redraws of the rows say nothing: what is left is Beta(1, n)."""
    rows, passed = _rows(400), _passed(400, 3)
    passed[0], passed[1] = 1, 101  # select nobody, and everybody
    drawn = draw_counts(rows, passed, 60, rows.groups.partitions[0], replicates=4_000)
    rates, n = drawn.rate("selection_rate"), rows.groups.sizes[:3]
    assert rates[:, -1, :2].T.tolist() == [[0, 0, 0], [1, 1, 1]]
    for off in (rates[:, :-1, 0], 1 - rates[:, :-1, 1]):
        np.testing.assert_allclose(off.mean(axis=1), 1 / (n + 1), rtol=0.06)
        np.testing.assert_allclose(np.quantile(off, 0.95, axis=1), 1 - 0.05 ** (1 / n), rtol=0.1)
    # The luck of one group is not that of another.
    assert np.abs(np.corrcoef(rates[:, :-1, 0])[np.triu_indices(3, 1)]).max() < 0.1
    everybody = drawn.overall("selection_rate")
    assert everybody[-1, :2].tolist() == [0, 1]
    assert everybody[:-1, 0].mean() == pytest.approx(1 / 401, rel=0.06)
    # Weighted people are worth fewer.
    heavy = Replicates(drawn.totals, drawn.chosen, 4 * drawn.squares)
    np.testing.assert_allclose(heavy.worth("selection_rate")[:, 0], n / 4)
    assert heavy.rate("selection_rate")[0, :-1, 0].mean() > 3 * rates[0, :-1, 0].mean()


def test_errors_are_those_of_shares() -> None:
    rows, passed = _rows(4_000), _passed(4_000, 6)
    drawn = draw_counts(rows, passed, 50, rows.groups.partitions[0], replicates=2_000)
    rates = drawn.rate("selection_rate")
    share, n = rates[:, -1], rows.groups.sizes[:3, None]
    np.testing.assert_allclose(
        rates[:, :-1].std(axis=1), np.sqrt(share * (1 - share) / n), rtol=0.07
    )
    # Two candidates' errors are as correlated as their decisions.
    accuracy = drawn.overall("accuracy")[:-1]
    right = (passed > 50) == rows.y_true
    np.testing.assert_allclose(np.corrcoef(accuracy.T), np.corrcoef(right), atol=0.07)


def test_a_sample_of_the_rows_tells_the_same_errors() -> None:
    rows, passed = _rows(24_000, weighted=True), _passed(24_000, 8)
    partition = rows.groups.partitions[0]
    whole = draw_counts(rows, passed, 50, partition, replicates=1_000)
    part = draw_counts(rows, passed, 50, partition, replicates=1_000, max_product=8 * 4_000)
    np.testing.assert_allclose(part.observed, whole.observed, rtol=1e-6)
    for name in ("selection_rate", "true_positive_rate", "positive_predictive_value"):
        a, b = whole.rate(name)[:, :-1], part.rate(name)[:, :-1]
        np.testing.assert_allclose(b.std(axis=1), a.std(axis=1), rtol=0.12)
    a, b = whole.overall("accuracy")[:-1], part.overall("accuracy")[:-1]
    np.testing.assert_allclose(b.std(axis=0), a.std(axis=0), rtol=0.12)
    gaps = [(x[:, 0] - x[:, 1]).std() for x in (a, b)]
    assert gaps[1] == pytest.approx(gaps[0], rel=0.15)


def test_wrong_shapes_are_refused() -> None:
    rows, passed = _rows(50), _passed(50, 2)
    partition = rows.groups.partitions[0]
    with pytest.raises(InputError, match="passed must have one row per candidate"):
        draw_counts(rows, passed[:, :-1], 50, partition)
    with pytest.raises(InputError, match="two redraws or more"):
        draw_counts(rows, passed, 50, partition, replicates=1)
    with pytest.raises(InputError, match="no measure of scores"):
        draw_scores(rows, passed, "brier")


def _measured(rows: SplitRows, passed: NDArray[np.uint8], column: int) -> NDArray[np.float64]:
    score = np.clip((passed - 0.5) / 100, 0, 1)
    return np.array(
        [score_measures(rows.y_true, s, rows.groups, rows.weights)[-1, column] for s in score]
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("column", "measure"), list(enumerate(SCORE_MEASURES)))
def test_moves_of_scores_are_what_redrawing_does(column: int, measure: str, weighted: bool) -> None:
    rows, passed = _rows(3_000, weighted=weighted), _passed(3_000, 3)
    moves = draw_scores(rows, passed, measure, replicates=25, seed=2)
    own = np.ones(3_000) if rows.weights is None else rows.weights
    exact = [
        _measured(SplitRows(rows.y_true, rows.groups, own * w), passed, column)
        for w in row_weights(3_000, 25, 2).astype(np.float64)
    ]
    off = np.array(exact) - _measured(rows, passed, column)
    # A redraw also moves the edges of the bins, which is left out.
    least = 0.85 if measure == "calibration_error" else 0.98
    assert np.corrcoef(off.ravel(), moves.ravel())[0, 1] > least
    np.testing.assert_allclose(moves.std(), off.std(), rtol=0.15)


def test_moves_of_a_sample_of_rows_are_as_large() -> None:
    rows, passed = _rows(20_000), _passed(20_000, 4)
    whole = draw_scores(rows, passed, "auc", replicates=1_000)
    part = draw_scores(rows, passed, "auc", replicates=1_000, max_product=4 * 4_000)
    np.testing.assert_allclose(part.std(axis=0), whole.std(axis=0), rtol=0.12)


def test_only_one_outcome_has_no_auc() -> None:
    rows, passed = _rows(50), _passed(50, 2)
    alone = SplitRows(np.ones(50, np.int8), rows.groups)
    assert np.isnan(draw_scores(alone, passed, "auc", replicates=3)).all()
    assert np.isfinite(draw_scores(alone, passed, "log_loss", replicates=3)).all()


def test_replicates_know_their_candidates() -> None:
    rows, passed = _rows(80), _passed(80, 7)
    drawn = draw_counts(rows, passed, 50, rows.groups.partitions[1], replicates=3)
    assert isinstance(drawn, Replicates)
    assert drawn.n_candidates == 7
    assert drawn.counts.shape == (3, 7, 2, 2, 2)


@pytest.mark.parametrize("max_product", [1e9, 1e4])
def test_redraws_do_not_depend_on_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, max_product: float
) -> None:
    rows, passed = _rows(2_000, weighted=True), _passed(2_000, 40)
    found = []
    for cores in (1, 2, 7):
        monkeypatch.setattr("faircore.frontier.threads.os.cpu_count", lambda cores=cores: cores)
        found.append(
            draw_counts(rows, passed, 50, rows.groups.partitions[0], max_product=max_product)
        )
    for other in found[1:]:
        np.testing.assert_array_equal(other.totals, found[0].totals)
        np.testing.assert_array_equal(other.chosen, found[0].chosen)
        np.testing.assert_array_equal(other.squares, found[0].squares)
