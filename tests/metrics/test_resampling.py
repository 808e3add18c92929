from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from faircore.groups import Groups, Partition
from faircore.metrics import RATES
from faircore.metrics.resampling import (
    all_pairs,
    bootstrap_counts,
    equal_rates,
    equal_values,
    max_t,
    no_difference,
    trials,
)
from faircore.metrics.tally import Tally, tally_rows

SELECTED = RATES["selection_rate"]


def _tally(rows: np.ndarray) -> Tally:
    """Tally of unweighted counts (g, 2, 2)."""
    labels = tuple((str(i),) for i in range(len(rows)))
    rows = np.asarray(rows, float)
    return Tally((Partition(("a",), labels, 0),), rows, rows, rows)


def _selected(k: np.ndarray, n: np.ndarray) -> Tally:
    rows = np.zeros((len(k), 2, 2))
    rows[:, 0, 1], rows[:, 0, 0] = k, n - k
    return _tally(rows)


# --- Bootstrap ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_have_the_moments_of_drawing_rows(weighted: bool) -> None:
    rng = np.random.default_rng(0)
    n = 150
    y, p, g = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(0, 3, n)
    w = rng.choice([0.5, 1.0, 4.0], n) if weighted else np.ones(n)
    tally = tally_rows(y, p, groups=Groups.of(g), sample_weight=w)
    drawn = bootstrap_counts(tally, replicates=20_000, seed=1).reshape(20_000, -1)
    # In closed form: each of n draws adds one row's weight to one cell.
    counts, squares = tally.counts.ravel(), tally.squares.ravel()
    covariance = np.diag(squares) - np.outer(counts, counts) / n
    error = np.sqrt(np.diag(covariance) / 20_000)
    np.testing.assert_array_less(np.abs(drawn.mean(0) - counts), 4.5 * error)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(np.cov(drawn.T) / scale, covariance / scale, atol=0.045)
    # And by drawing rows.
    w = w / w.mean()
    cell = g * 4 + y * 2 + p
    at = rng.integers(0, n, (20_000, n))
    flat = (np.arange(20_000)[:, None] * 12 + cell[at]).ravel()
    rows = np.bincount(flat, w[at].ravel(), minlength=20_000 * 12).reshape(20_000, 12)
    np.testing.assert_allclose(np.cov(drawn.T) / scale, np.cov(rows.T) / scale, atol=0.06)
    for q in (0.025, 0.5, 0.975):
        gap = np.quantile(drawn, q, axis=0) - np.quantile(rows, q, axis=0)
        assert (np.abs(gap) <= 1.01 + 0.2 * weighted).all()


def test_a_bootstrap_repeats_and_keeps_empty_cells_empty() -> None:
    tally = _tally(np.array([[[5, 0], [2, 3]], [[0, 0], [0, 0]], [[0, 9], [1, 0]]]))
    drawn = bootstrap_counts(tally, replicates=50, seed=3)
    assert drawn.shape == (50, 3, 2, 2)
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, bootstrap_counts(tally, replicates=50, seed=3))
    assert not np.array_equal(drawn, bootstrap_counts(tally, replicates=50, seed=4))
    assert (drawn.sum((1, 2, 3)) == 20).all()
    assert not drawn[:, tally.rows == 0].any()
    assert bootstrap_counts(tally).shape == (2_000, 3, 2, 2)


def test_percentile_intervals_of_a_rate_cover() -> None:
    rng = np.random.default_rng(0)
    n = np.array([100, 150, 200, 300, 400, 600, 150, 300])
    p = np.array([0.3, 0.5, 0.2, 0.15, 0.9, 0.6, 0.7, 0.4])
    kept = []
    for seed in range(1_200):
        drawn = bootstrap_counts(_selected(rng.binomial(n, p), n), replicates=400, seed=seed)
        low, high = np.quantile(SELECTED(drawn), (0.025, 0.975), axis=0)
        kept.append((low <= p) & (p <= high))
    assert 0.935 <= np.mean(kept) <= 0.965, np.mean(kept, axis=0)


# --- Equal groups -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_groups", "n", "mean"),
    [(2, 200, 0.032), (8, 200, 0.081), (20, 200, 0.106), (8, 1_000, 0.036)],
)
def test_a_range_over_equal_groups_is_biased_as_published(
    n_groups: int, n: int, mean: float
) -> None:
    size = np.full(n_groups, float(n))
    drawn = equal_rates(0.2 * size, size, replicates=20_000, rng=np.random.default_rng(0))
    assert drawn.shape == (20_000, n_groups)
    assert np.ptp(drawn, axis=1).mean() == pytest.approx(mean, abs=0.0012)


def test_equal_groups_share_the_pooled_rate() -> None:
    k, n = np.array([10.0, 0.0, 3.3, 45.0]), np.array([100.0, 0.0, 20.4, 80.0])
    drawn = equal_rates(k, n, replicates=20_000, rng=np.random.default_rng(1))
    assert np.isnan(drawn[:, 1]).all()
    known = [0, 2, 3]
    pooled = k.sum() / n.sum()
    np.testing.assert_allclose(drawn[:, known].mean(0), pooled, atol=0.004)
    np.testing.assert_allclose(
        drawn[:, known].std(0), np.sqrt(pooled * (1 - pooled) / n[known]), rtol=0.03
    )
    nobody = equal_rates(np.zeros(2), np.zeros(2), replicates=9, rng=np.random.default_rng(1))
    assert np.isnan(nobody).all()


def test_equal_values_share_the_precision_weighted_mean() -> None:
    value, error = np.array([0.7, 0.9, np.nan, 0.1]), np.array([0.1, 0.2, 0.1, np.nan])
    drawn = equal_values(value, error, replicates=20_000, rng=np.random.default_rng(2))
    assert drawn.shape == (20_000, 4)
    assert np.isnan(drawn[:, 2:]).all()
    pooled = (0.7 * 100 + 0.9 * 25) / 125
    np.testing.assert_allclose(drawn[:, :2].mean(0), pooled, atol=0.006)
    np.testing.assert_allclose(drawn[:, :2].std(0), error[:2], rtol=0.03)
    nothing = equal_values(value * np.nan, error, replicates=5, rng=np.random.default_rng(2))
    assert np.isnan(nothing).all()


def test_bands_and_p_values_by_hand() -> None:
    drawn = np.concatenate([np.arange(99.0), [np.nan]])
    assert no_difference(95.0, drawn) == (pytest.approx(93.1), pytest.approx(5 / 100))
    assert no_difference(1000.0, drawn)[1] == pytest.approx(1 / 100)
    assert no_difference(-1.0, drawn)[1] == 1
    band, p = no_difference(2.0, drawn, larger_is_worse=False, confidence=0.9)
    assert (band, p) == (pytest.approx(9.8), pytest.approx(4 / 100))
    assert np.isnan(no_difference(float("nan"), drawn)).all()
    assert np.isnan(no_difference(1.0, np.full(3, np.nan))).all()


def test_ties_up_to_rounding_are_as_extreme() -> None:
    assert no_difference(0.1 + 0.2, np.full(9, 0.3))[1] == 1


@pytest.mark.parametrize("larger_is_worse", [True, False])
def test_p_values_of_equal_groups_are_uniform(larger_is_worse: bool) -> None:
    rng = np.random.default_rng(3)
    n = np.array([80.0, 120, 200, 200, 400, 60])
    found, inside = [], []
    for _ in range(1_500):
        k = rng.binomial(n.astype(int), 0.3).astype(float)
        drawn = equal_rates(k, n, replicates=300, rng=rng)
        if larger_is_worse:
            observed, null = np.ptp(k / n), np.ptp(drawn, axis=1)
        else:
            observed, null = (k / n).min() / (k / n).max(), drawn.min(1) / drawn.max(1)
        band, p = no_difference(observed, null, larger_is_worse=larger_is_worse)
        found.append(p)
        inside.append(observed <= band if larger_is_worse else observed >= band)
    for level in (0.05, 0.25, 0.5, 0.75):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.03)
    assert 0.93 <= np.mean(inside) <= 0.97


def test_a_percentile_interval_calls_equal_groups_unequal_and_the_band_does_not() -> None:
    rng = np.random.default_rng(4)
    n = np.full(8, 500)
    excludes, significant = 0, 0
    for run in range(20):
        k = rng.binomial(n, 0.3)
        tally = _selected(k, n)
        gaps = np.ptp(SELECTED(bootstrap_counts(tally, replicates=500, seed=run)), axis=1)
        excludes += int(np.quantile(gaps, 0.025) > 0)
        drawn = equal_rates(*trials(SELECTED, tally), replicates=500, rng=rng)
        significant += int(no_difference(np.ptp(k / n), np.ptp(drawn, axis=1))[1] < 0.05)
    assert excludes == 20
    assert significant <= 3


# --- Many at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_independent_contrasts_have_sidaks_quantile(n: int) -> None:
    found = max_t(np.eye(n), np.linspace(0.1, 3, n), draws=100_000)
    assert found == pytest.approx(norm.ppf(0.5 + 0.5 * 0.95 ** (1 / n)), abs=0.02)


@pytest.mark.parametrize(("n", "critical"), [(1, 1.96), (2, 2.21), (3, 2.35), (4, 2.44), (5, 2.51)])
def test_contrasts_to_one_control_have_dunnetts_quantile(n: int, critical: float) -> None:
    contrasts = np.column_stack([-np.ones(n), np.eye(n)])
    assert max_t(contrasts, np.ones(n + 1), draws=100_000) == pytest.approx(critical, abs=0.02)


def _pairs(n: int) -> np.ndarray:
    first, second = np.triu_indices(n, 1)
    return np.eye(n)[first] - np.eye(n)[second]


@pytest.mark.parametrize(("n", "q"), [(2, 2.772), (3, 3.314), (5, 3.858), (8, 4.286), (20, 5.012)])
def test_all_pairs_have_tukeys_quantile(n: int, q: float) -> None:
    assert all_pairs(n) == pytest.approx(q / np.sqrt(2), abs=0.001)
    assert max_t(_pairs(n), np.full(n, 0.3), draws=60_000) == pytest.approx(all_pairs(n), abs=0.02)
    assert all_pairs(n, 0.9) < all_pairs(n) < all_pairs(n, 0.99)


def test_a_critical_value_lies_between_one_and_bonferroni() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        n = int(rng.integers(2, 9))
        contrasts, errors = np.eye(n) - rng.dirichlet(np.ones(n)), rng.exponential(1, n)
        found = max_t(contrasts, errors)
        assert norm.ppf(0.975) - 0.06 <= found <= norm.ppf(1 - 0.025 / n) + 0.06
        assert max_t(contrasts, errors, confidence=0.8) < found


def test_unknown_errors_take_no_part() -> None:
    contrasts = np.eye(4)
    some = max_t(contrasts, np.array([1, np.nan, 2, np.inf]), draws=40_000)
    assert some == pytest.approx(norm.ppf(0.5 + 0.5 * 0.95**0.5), abs=0.03)
    assert np.isnan(max_t(contrasts, np.full(4, np.nan)))
    assert np.isnan(max_t(contrasts, np.zeros(4)))


def test_gaps_to_the_pooled_value_cover_together() -> None:
    rng = np.random.default_rng(6)
    n, p = np.array([250, 300, 400, 600, 900]), np.array([0.3, 0.5, 0.4, 0.25, 0.6])
    contrasts = np.eye(5) - n / n.sum()
    kept, single = [], []
    for seed in range(2_500):
        rate = rng.binomial(n, p) / n
        errors = np.sqrt(rate * (1 - rate) / n)
        size = np.sqrt((contrasts**2 * errors**2).sum(1))
        off = np.abs(contrasts @ (rate - p)) / size
        kept.append((off <= max_t(contrasts, errors, draws=800, seed=seed % 8)).all())
        single.append((off <= norm.ppf(0.975)).all())
    assert 0.935 <= np.mean(kept) <= 0.965
    assert np.mean(single) < 0.9


@pytest.mark.parametrize(("sizes", "highest"), [([400] * 6, 0.965), ([200, 250, 400, 900], 0.97)])
def test_all_pairs_cover_together(sizes: list[int], highest: float) -> None:
    rng = np.random.default_rng(7)
    n, p = np.array(sizes), np.linspace(0.25, 0.6, len(sizes))
    rate = rng.binomial(n, p, (20_000, len(n))) / n
    contrasts = _pairs(len(n))
    size = np.sqrt((rate * (1 - rate) / n) @ (contrasts**2).T)
    off = np.abs((rate - p) @ contrasts.T) / size
    assert 0.935 <= (off <= all_pairs(len(n))).all(1).mean() <= highest
    assert (off <= norm.ppf(0.975)).all(1).mean() < 0.85
