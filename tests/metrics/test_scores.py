from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm, t
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from faircore.metrics.histograms import score_histogram
from faircore.metrics.scores import auc, calibration_gap, mean_loss
from tests.metrics.drawn import LEVELS, covered, histogram, numbered

Z = norm.ppf(0.975)


def test_an_auc_by_hand() -> None:
    # Of six pairs four are in order, one is tied, one is wrong.
    found = auc(histogram([1, 1, 0, 0, 0], [0.8, 0.4, 0.4, 0.1, 0.6]))
    assert found.value == pytest.approx([4.5 / 6])


def test_losses_by_hand() -> None:
    one = histogram([1, 0], [0.75, 0.5])
    assert mean_loss(one, "brier").value == pytest.approx([(1 / 16 + 1 / 4) / 2])
    assert mean_loss(one, "log_loss").value == pytest.approx([np.log(8 / 3) / 2])
    assert calibration_gap(one).value == pytest.approx([0.625 - 0.5])


def _rows(seed: int, n: int, n_levels: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    score = rng.integers(1, n_levels, n) / n_levels
    y_true = (rng.random(n) < 0.2 + 0.6 * score).astype(np.int8)
    return y_true, score, rng.integers(0, 4, n), rng.choice([0.0, 0.2, 1.0, 3.0], n)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_levels", [5, 50, 10**6])
def test_scores_agree_with_scikit_learn(n_levels: int, weighted: bool) -> None:
    y_true, score, codes, weights = _rows(n_levels, 400, n_levels)
    weights = weights if weighted else np.ones(400)
    found = score_histogram(y_true, score, numbered(codes, n_groups=5), weights)
    for group in range(4):
        own = codes == group
        given_rows = {"sample_weight": weights[own]}
        y, s = y_true[own], score[own]
        assert auc(found).value[group] == pytest.approx(roc_auc_score(y, s, **given_rows))
        assert mean_loss(found, "brier").value[group] == pytest.approx(
            brier_score_loss(y, s, **given_rows)
        )
        assert mean_loss(found, "log_loss").value[group] == pytest.approx(
            log_loss(y, s, labels=[0, 1], **given_rows)
        )
        assert calibration_gap(found).value[group] == pytest.approx(
            np.average(s - y, weights=weights[own])
        )
    for estimate in (auc(found), mean_loss(found, "brier"), calibration_gap(found)):
        for part in (estimate.value, estimate.low, estimate.high, estimate.error):
            assert np.isnan(part[4])


def _delong(y: np.ndarray, s: np.ndarray) -> float:
    """DeLong's variance from all pairs of a good and another outcome."""
    pairs = (s[y == 1][:, None] > s[y == 0]) + 0.5 * (s[y == 1][:, None] == s[y == 0])
    m, n = pairs.shape
    return float(pairs.mean(1).var(ddof=1) / m + pairs.mean(0).var(ddof=1) / n)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=4, max_size=40),
)
def test_delongs_variance_from_all_pairs(rows: list[tuple[int, int]]) -> None:
    y = np.array([0, 0, 1, 1, *(r[0] for r in rows)])
    s = np.array([1, 2, 3, 1, *(r[1] for r in rows)]) / 6
    found = auc(histogram(y, s))
    assert found.error[0] ** 2 == pytest.approx(_delong(y, s), abs=1e-12)
    value, error = found.value[0], found.error[0]
    logit, spread = np.log(value / (1 - value)), error / (value * (1 - value))
    for limit, sign in ((found.low, -1), (found.high, 1)):
        expected = 1 / (1 + np.exp(-(logit + sign * Z * spread)))
        assert limit[0] == pytest.approx(expected, abs=1e-9)


def test_delongs_variance_does_not_depend_on_the_scale_of_weights() -> None:
    y, s, _, w = _rows(0, 200, 20)
    plain = auc(histogram(y, s)).error
    np.testing.assert_allclose(auc(histogram(y, s, np.full(200, 7.0))).error, plain)
    np.testing.assert_allclose(
        auc(histogram(y, s, w)).error, auc(histogram(y, s, 100 * w)).error, rtol=1e-9
    )


@pytest.mark.parametrize("seed", range(3))
def test_errors_of_weighted_means_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, s = rng.integers(0, 2, 60), rng.random(60)
    w = np.where(y == 1, 4.0, rng.choice([0.5, 1.0], 60))  # good outcomes are rare and count more
    people = w.sum() ** 2 / (w**2).sum()
    found = histogram(y, s, w)
    for estimate, rows in (
        (mean_loss(found, "brier"), (y - s) ** 2),
        (mean_loss(found, "log_loss"), -np.log(np.where(y == 1, s, 1 - s))),
        (calibration_gap(found), s - y),
    ):
        mean = np.average(rows, weights=w)
        variance = (w**2 * (rows - mean) ** 2).sum() / w.sum() ** 2 * people / (people - 1)
        assert estimate.value[0] == pytest.approx(mean)
        assert estimate.error[0] == pytest.approx(np.sqrt(variance))


def test_unequal_weights_widen_every_interval() -> None:
    # The variance of a weighted estimate, simulated: errors must follow it.
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 2, (3_000, 120)), rng.integers(1, 40, (3_000, 120)) / 40
    weights = np.broadcast_to(rng.choice([0.2, 1.0, 5.0], 120), y.shape)
    heavy = histogram(y, s, weights)
    for estimate in (
        auc(heavy),
        mean_loss(heavy, "brier"),
        mean_loss(heavy, "log_loss"),
        calibration_gap(heavy),
    ):
        true_error = estimate.value.std()
        assert np.sqrt((estimate.error**2).mean()) == pytest.approx(true_error, rel=0.06)


@pytest.mark.parametrize(("m", "n"), [(2, 2), (5, 20), (60, 30)])
def test_perfect_ranking_has_newcombes_limits(m: int, n: int) -> None:
    def distance(a: float) -> float:
        spread = 1 + ((m + n) / 2 - 1) * ((1 - a) / (2 - a) + a / (1 + a))
        return 1 - a - Z * float(np.sqrt(a * (1 - a) * spread / (m * n)))

    score = np.repeat([0.9, 0.1], [m, n])
    right = auc(histogram(score > 0.5, score))
    assert right.value == right.high == 1
    assert right.low[0] == pytest.approx(brentq(distance, 1e-9, 1 - 1e-9), abs=1e-8)
    wrong = auc(histogram(score < 0.5, score))
    assert wrong.value == wrong.low == 0
    m, n = n, m
    assert wrong.high[0] == pytest.approx(1 - brentq(distance, 1e-9, 1 - 1e-9), abs=1e-8)


def test_one_outcome_has_no_ranking_and_one_row_no_spread() -> None:
    one_class = histogram([[1, 1, 1], [0, 0, 0]], [[0.2, 0.5, 0.9]] * 2)
    assert np.isnan(auc(one_class).value).all()
    assert np.isnan(auc(one_class).low).all()
    assert np.isfinite(mean_loss(one_class, "brier").value).all()
    assert np.isnan(mean_loss(one_class, "brier").high).all()  # too few of one outcome
    row = histogram([1], [0.7])
    for estimate in (mean_loss(row, "brier"), mean_loss(row, "log_loss")):
        assert np.isfinite(estimate.value).all()
        assert np.isnan([estimate.error, estimate.low, estimate.high]).all()
    gap = calibration_gap(row)  # Wilson's interval of a single person is wide, not empty
    assert gap.low[0] <= gap.value[0] <= gap.high[0]
    assert gap.high[0] - gap.low[0] > 0.7
    assert np.isnan(auc(row).value).all()


def test_equal_scores_rank_nobody() -> None:
    found = auc(histogram([0, 1, 1, 0, 1], [0.3] * 5))
    assert found.value == pytest.approx([0.5])
    assert 0 <= found.low[0] < 0.2
    assert 0.8 < found.high[0] <= 1


def test_the_interval_of_a_loss_is_students_on_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 2, 25), rng.random(25)
    loss = (s - y) ** 2
    found = mean_loss(histogram(y, s), "brier", confidence=0.9)
    error = loss.std(ddof=1) / 5
    assert found.error[0] == pytest.approx(error)
    half = t.ppf(0.95, 24) * error / loss.mean()
    assert found.low[0] == pytest.approx(loss.mean() * np.exp(-half))
    assert found.high[0] == pytest.approx(loss.mean() * np.exp(half))


# --- Coverage -----------------------------------------------------------------------------------


def _shape(a: float, b: float) -> np.ndarray:
    chance = LEVELS ** (a - 1) * (1 - LEVELS) ** (b - 1)
    return np.asarray(chance / chance.sum())


# Chances of the scores, and how far their log odds are off.
SHAPES = [(2, 2, 0.0), (1, 3, 0.0), (0.6, 0.6, 0.0), (2, 2, 0.8), (3, 1.5, -0.5)]


def test_intervals_of_losses_and_of_the_calibration_gap_cover() -> None:
    rng = np.random.default_rng(0)
    kept: dict[str, list[float]] = {"brier": [], "log_loss": [], "gap": []}
    for n in (50, 100, 300):
        for a, b, off in SHAPES:
            chance = _shape(a, b)
            good = 1 / (1 + (1 - LEVELS) / LEVELS * np.exp(-off))
            at = rng.choice(99, size=(1_500, n), p=chance)
            found = histogram(rng.random(at.shape) < good[at], LEVELS[at])
            truth = {
                "brier": chance @ (good * (1 - LEVELS) ** 2 + (1 - good) * LEVELS**2),
                "log_loss": -chance @ (good * np.log(LEVELS) + (1 - good) * np.log(1 - LEVELS)),
                "gap": chance @ (LEVELS - good),
            }
            for loss in ("brier", "log_loss"):
                estimate = mean_loss(found, loss)
                kept[loss].append(covered(estimate.low, estimate.high, truth[loss]))
            gap = calibration_gap(found)
            kept["gap"].append(covered(gap.low, gap.high, truth["gap"]))
    for name in ("brier", "log_loss", "gap"):
        assert 0.935 <= np.mean(kept[name]) <= 0.965, (name, kept[name])
        assert min(kept[name]) > 0.92, (name, kept[name])


def _ranked(m: int, n: int, apart: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Scores of two normal curves on a grid, and the AUC that the grid has exactly."""
    grid = norm.ppf(LEVELS)
    good, other = norm.pdf(grid * 2 - apart), norm.pdf(grid * 2)
    good, other = good / good.sum(), other / other.sum()
    score = np.concatenate(
        [rng.choice(LEVELS, (1_500, m), p=good), rng.choice(LEVELS, (1_500, n), p=other)], axis=1
    )
    truth = good @ (np.cumsum(other) - other / 2)
    return np.repeat([[1] * m + [0] * n], 1_500, axis=0), score, truth


def test_intervals_of_an_auc_cover_and_plain_delong_would_not() -> None:
    rng = np.random.default_rng(1)
    logit, plain = [], []
    for m, n in ((15, 15), (10, 60), (40, 60), (100, 300)):
        for apart in (0.0, 1.0, 2.5):
            y_true, score, truth = _ranked(m, n, apart, rng)
            found = auc(histogram(y_true, score))
            logit.append(covered(found.low, found.high, float(truth)))
            plain.append(np.abs(found.value - truth) <= Z * found.error)
    assert 0.935 <= np.mean(logit) <= 0.965, logit
    assert min(logit) > 0.92, logit
    # Small and well ranked: what the logit scale is for.
    assert plain[2].mean() < 0.92
    assert plain[5].mean() < 0.92


def test_few_good_outcomes_leave_the_calibration_gap_uncertain() -> None:
    # Calibrated scores of about .03: two in five groups of 30 have nobody with the good outcome.
    rng = np.random.default_rng(2)
    score = rng.choice([0.02, 0.03, 0.04], (4_000, 30))
    gap = calibration_gap(histogram(rng.random(score.shape) < score, score))
    assert covered(gap.low, gap.high, 0.0) > 0.9


def test_ten_alike_do_not_settle_the_calibration_gap() -> None:
    gap = calibration_gap(histogram(np.ones(10), np.full(10, 0.9)))
    assert gap.value == pytest.approx([-0.1])
    assert gap.high[0] > 0.05
