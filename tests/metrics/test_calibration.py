from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from faircore.metrics.calibration import (
    calibration_error,
    cumulative_error,
    null_calibration,
    range_survival,
    reliability,
)
from faircore.metrics.histograms import ScoreHistogram
from tests.metrics.drawn import LEVELS, covered, histogram

MIDDLES = np.round(np.arange(10) / 10 + 0.05, 2)


def _direct(y: np.ndarray, s: np.ndarray, w: np.ndarray) -> float:
    """ECE over ten equally wide bins, bin by bin."""
    total = 0.0
    for low in range(10):
        own = np.floor(s * 10 + 1e-9).clip(max=9) == low
        if w[own].sum() > 0:
            total += abs((w[own] * (y[own] - s[own])).sum())
    return total / w.sum()


@pytest.mark.parametrize("seed", range(4))
def test_ece_of_equal_width_is_a_direct_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, s = rng.integers(0, 2, (5, 90)), rng.integers(0, 201, (5, 90)) / 200
    w = rng.choice([0.0, 0.5, 2.0], (5, 90))
    plain = calibration_error(histogram(y, s), equal_width=True, replicates=20)
    heavy = calibration_error(histogram(y, s, w), equal_width=True, replicates=20)
    for i in range(5):
        assert plain.value[i] == pytest.approx(_direct(y[i], s[i], np.ones(90)))
        assert heavy.value[i] == pytest.approx(_direct(y[i], s[i], w[i]))


@pytest.mark.parametrize(("n", "bins"), [(5, 1), (19, 1), (20, 2), (57, 5), (100, 10), (999, 10)])
def test_bins_of_equal_mass_hold_ten_each(n: int, bins: int) -> None:
    rng = np.random.default_rng(0)
    s = np.sort(rng.random(n))
    y = rng.integers(0, 2, n)
    table = reliability(histogram(y, s))
    held = table.weight[0] > 0
    assert held.sum() == bins
    assert table.weight[0].sum() == n
    weight = table.weight[0, held]
    assert weight.max() - weight.min() <= 1
    starts = np.concatenate([[0], np.cumsum(weight)[:-1]]).astype(int)
    np.testing.assert_allclose(table.score[0, held], np.add.reduceat(s, starts) / weight)
    np.testing.assert_allclose(table.rate[0, held], np.add.reduceat(y, starts) / weight)
    assert np.isnan(table.rate[0, ~held]).all()


def test_variances_of_bins() -> None:
    rng = np.random.default_rng(1)
    y, s, w = rng.integers(0, 2, 40), rng.random(40), rng.choice([1.0, 3.0], 40)
    table = reliability(histogram(y, s, w), bins=1)
    assert table.expected[0, 0] == pytest.approx((w**2 * s * (1 - s)).sum() / w.sum() ** 2)
    gap = np.average(y - s, weights=w)
    people = w.sum() ** 2 / (w**2).sum()
    seen = (w**2 * (y - s - gap) ** 2).sum() / w.sum() ** 2 * people / (people - 1)
    assert table.seen[0, 0] == pytest.approx(seen)


def test_tied_scores_do_not_leave_a_bin_to_one_person() -> None:
    # Of a hundred people one has a score that nobody shares.
    s = np.repeat([0.2, 0.3, 0.8], [45, 1, 54])
    found = calibration_error(histogram(np.arange(100) % 3 == 0, s), replicates=50)
    assert np.isfinite(found.squared).all()


def test_whole_weights_are_repeated_rows() -> None:
    rng = np.random.default_rng(2)
    y, s, w = rng.integers(0, 2, 60), rng.random(60), rng.integers(0, 4, 60)
    for equal_width in (True, False):
        heavy = reliability(histogram(y, s, w), bins=1, equal_width=equal_width)
        plain = reliability(
            histogram(np.repeat(y, w), np.repeat(s, w)), bins=1, equal_width=equal_width
        )
        np.testing.assert_allclose(heavy.rate, plain.rate)
        np.testing.assert_allclose(heavy.score, plain.score)
    one, other = (
        calibration_error(found, equal_width=True, replicates=20).value
        for found in (histogram(y, s, w), histogram(np.repeat(y, w), np.repeat(s, w)))
    )
    np.testing.assert_allclose(one, other)


def test_nobody_and_one_person() -> None:
    found = histogram([[1, 0], [1, 0]], [[0.5, 0.5]] * 2, [[1.0, 0.0], [0.0, 0.0]])
    error = calibration_error(found, replicates=20)
    assert error.value[0] == pytest.approx(0.5)
    assert np.isnan(error.value[1])
    assert np.isnan(error.p_value[1])
    assert np.isnan(error.squared).all()
    statistic, p = cumulative_error(found, replicates=200)
    assert statistic[0] == pytest.approx(1.0)
    assert np.isnan([statistic[1], p[1]]).all()


def _calibrated(rng: np.random.Generator, sets: int, n: int, spread: float) -> ScoreHistogram:
    score = np.round(expit(rng.normal(0, spread, (sets, n))) * 200) / 200
    return histogram(rng.random(score.shape) < score, score)


@pytest.mark.parametrize(
    ("n", "sets", "mean"),
    [(50, 1_500, 0.128), (200, 800, 0.065), (1_000, 400, 0.028), (5_000, 120, 0.013)],
)
def test_plain_ece_of_perfect_calibration_is_biased_as_published(
    n: int, sets: int, mean: float
) -> None:
    # The table does not name its scores. Ten equally wide bins of log odds with a standard
    # deviation of 2.5 give all four of its figures; uniform scores give a tenth more (.140 … .014).
    found = _calibrated(np.random.default_rng(0), sets, n, spread=2.5)
    error = calibration_error(found, equal_width=True, replicates=2)
    assert error.value.mean() == pytest.approx(mean, abs=0.0016)
    assert error.by_chance.mean() == pytest.approx(error.value.mean(), rel=0.04)


@pytest.mark.parametrize("n", [60, 200])
def test_p_values_of_calibrated_scores_are_uniform(n: int) -> None:
    found = _calibrated(np.random.default_rng(n), 1_200, n, spread=1.0)
    for equal_width in (False, True):
        p = calibration_error(found, equal_width=equal_width, replicates=200).p_value
        for level in (0.05, 0.2, 0.5, 0.8):
            assert (p <= level).mean() == pytest.approx(level, abs=0.01 + 0.05 * level**0.5)
    statistic, p = cumulative_error(found, replicates=200)
    assert 1.4 <= statistic.mean() <= 1.6
    assert (2.2 if n < 100 else 2.3) <= np.quantile(statistic, 0.95) <= 2.6
    standard_error = np.sqrt(0.05 * 0.95 / 1_200)
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=3.5 * standard_error)


def test_what_is_off_is_found() -> None:
    rng = np.random.default_rng(5)
    score = rng.choice(LEVELS, (200, 600))
    found = histogram(rng.random(score.shape) < 0.5 + 0.6 * (score - 0.5), score)
    assert (calibration_error(found, replicates=200).p_value < 0.05).mean() > 0.95
    assert (cumulative_error(found, replicates=100)[1] < 0.05).mean() > 0.95


def test_ecce_by_hand() -> None:
    # Sums of outcome minus score in the order of the scores: +.8, +.3, -.3 and +.1 with the tie.
    y, s = np.array([1, 0, 0, 1]), np.array([0.2, 0.5, 0.6, 0.6])
    statistic, p = cumulative_error(histogram(y, s))
    deviation = np.sqrt(0.16 + 0.25 + 0.24 + 0.24)
    assert statistic[0] == pytest.approx(0.8 / deviation)
    # All sixteen outcomes, each with its chance, that wander as far.
    chance = 0.0
    for bits in itertools.product((0, 1), repeat=4):
        own = np.array(bits)
        sums = np.cumsum(own - s)[[0, 1, 3]]
        far = max(sums.max(), 0) - min(sums.min(), 0) >= 0.8 - 1e-9
        chance += far * np.where(own == 1, s, 1 - s).prod()
    assert p[0] == pytest.approx(chance, abs=0.045)
    # Up and down: the range, not the largest distance from 0.
    y, s = np.array([1, 0, 0]), np.array([0.3, 0.6, 0.7])
    statistic, _ = cumulative_error(histogram(y, s))
    assert statistic[0] == pytest.approx(1.3 / np.sqrt(0.21 + 0.24 + 0.21))


def test_range_of_a_brownian_motion_has_fellers_moments() -> None:
    def survival(x: float) -> float:
        return float(range_survival(np.array([x]))[0])

    mean = quad(survival, 0, 12, limit=200)[0]
    square = quad(lambda x: 2 * x * survival(x), 0, 12, limit=200)[0]
    assert mean == pytest.approx(np.sqrt(8 / np.pi), abs=1e-5)
    assert square == pytest.approx(4 * np.log(2), abs=1e-5)
    assert survival(2.4977) == pytest.approx(0.05, abs=1e-4)
    x = np.array([0.0, 0.1, 0.2, 0.3, 0.6, 1.0, 2.0, 5.0, 30.0, np.inf])
    p = range_survival(x)
    assert p[0] == pytest.approx(1)
    assert p[-1] == 0
    assert (np.diff(p) <= 1e-12).all()
    assert np.isnan(range_survival(np.array([np.nan]))).all()


def test_range_of_simulated_walks() -> None:
    rng = np.random.default_rng(0)
    steps = 3_000
    walks = np.cumsum(rng.standard_normal((2_500, steps), dtype=np.float32), axis=1)
    walks /= np.sqrt(steps)
    # A walk in steps misses a little of both ends of a continuous one (Siegmund: .5826 a step).
    width = np.maximum(walks.max(1), 0) - np.minimum(walks.min(1), 0) + 2 * 0.5826 / np.sqrt(steps)
    for x in (0.9, 1.2, 1.5, 2.0, 2.5):
        expected = float(range_survival(np.array([x]))[0])
        tolerance = 3.5 * np.sqrt(expected * (1 - expected) / 2_500)
        assert (width > x).mean() == pytest.approx(expected, abs=tolerance)


# --- The debiased squared error -----------------------------------------------------------------

# Chance of each of ten scores, and how far it is off.
MISSES = {
    "all alike": np.full(9, 0.1),
    "slightly": np.full(9, 0.05),
    "slope": np.array([0.04, 0.15, 0.1, 0.05, 0, 0, -0.05, -0.1, -0.15, -0.04]),
    "two ways": np.array([0, 0.1, 0, 0.1, 0, -0.1, 0, -0.1, 0, 0]),
    "nowhere": np.zeros(10),
}


def _missed(name: str, sets: int, n: int, seed: int) -> tuple[ScoreHistogram, float]:
    rng = np.random.default_rng(seed)
    miss = MISSES[name]
    at = rng.integers(0, len(miss), (sets, n))
    y_true = rng.random(at.shape) < MIDDLES[at] + miss[at]
    return histogram(y_true, MIDDLES[at]), float((miss**2).mean())


@pytest.mark.parametrize("name", MISSES)
@pytest.mark.parametrize("n", [200, 600])
def test_squared_error_is_unbiased_and_its_interval_covers(name: str, n: int) -> None:
    found, truth = _missed(name, 1_200, n, seed=n)
    error = calibration_error(found, equal_width=True, replicates=200)
    known = np.isfinite(error.squared)
    assert known.mean() > 0.98
    standard_error = error.squared[known].std() / np.sqrt(known.sum())
    assert error.squared[known].mean() == pytest.approx(truth, abs=3.5 * standard_error)
    # Plain squares would be far off.
    raw = error.squared[known] + (0.25 * 9 / n)
    assert raw.mean() > truth + 3.5 * standard_error
    # At no error at all the lower end cannot be wrong.
    highest = 0.985 if name == "nowhere" else 0.965
    assert 0.92 <= covered(error.squared_low, error.squared_high, truth) <= highest


@pytest.mark.slow
def test_intervals_of_the_squared_error_cover_on_average() -> None:
    kept = []
    for n in (300, 800):
        for name in ("all alike", "slightly", "slope", "two ways"):
            found, truth = _missed(name, 1_000, n, seed=1)
            error = calibration_error(found, equal_width=True, replicates=200)
            kept.append(covered(error.squared_low, error.squared_high, truth))
    assert 0.935 <= np.mean(kept) <= 0.965, kept


def test_a_bootstrap_around_the_raw_squares_would_not_cover() -> None:
    found, truth = _missed("slightly", 1_000, 300, seed=2)
    table = reliability(found, equal_width=True)
    share = np.nan_to_num(table.weight / 300)
    noise = np.random.default_rng(0).standard_normal((300, *share.shape))
    spread = np.sqrt(np.nan_to_num(table.seen))
    deviation = np.nan_to_num(table.rate - table.score)
    drawn = (share * (deviation + spread * noise) ** 2).sum(-1)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    assert covered(low, high, truth) < 0.8


# --- Groups that miss alike ---------------------------------------------------------------------


def test_null_of_groups_is_the_pooled_miss_with_their_noise() -> None:
    rng = np.random.default_rng(3)
    score = rng.choice(MIDDLES, (3, 400))
    y_true = rng.random(score.shape) < score * 0.8
    found = histogram(y_true, score)
    pooled = found.each(lambda sums: sums.sum(0, keepdims=True))
    still = null_calibration(found, pooled, noise=np.zeros((1, 3, 10)))
    # The miss is .2 of the score, and straight lines are interpolated exactly but for noise.
    np.testing.assert_allclose(still, 0.2 * score.mean(1)[None], atol=0.03)
    noise = rng.standard_normal((500, 3, 10))
    drawn = null_calibration(found, pooled, noise=noise)
    assert drawn.shape == (500, 3)
    assert (drawn.mean(0) > still[0] - 0.005).all()


def test_null_of_groups_takes_its_miss_from_everybody() -> None:
    # One group of two is promised .2 too much: everybody, and so each in the null, is by .1.
    rng = np.random.default_rng(6)
    score = rng.choice(MIDDLES[3:], (2, 20_000))
    found = histogram(rng.random(score.shape) < score - np.array([[0.2], [0.0]]), score)
    pooled = found.each(lambda sums: sums.sum(0, keepdims=True))
    still = null_calibration(found, pooled, noise=np.zeros((1, 2, 10)))
    np.testing.assert_allclose(still, [[0.1, 0.1]], atol=0.01)


@pytest.mark.parametrize("off", [0.0, 0.8])
def test_gaps_between_groups_that_miss_alike_are_rarely_called_real(off: float) -> None:
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(200):
        score = rng.choice(LEVELS, (4, 250))
        y_true = rng.random(score.shape) < expit(np.log(score / (1 - score)) + off)
        groups = histogram(y_true, score)
        pooled = groups.each(lambda sums: sums.sum(0, keepdims=True))
        drawn = null_calibration(groups, pooled, noise=rng.standard_normal((200, 4, 10)))
        value = calibration_error(groups, replicates=2).value
        found += int((np.ptp(drawn, axis=1) >= np.ptp(value)).mean() < 0.05)
    assert found <= 20
