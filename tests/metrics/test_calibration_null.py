from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import kstest, poisson_binom, spearmanr

from faircore.metrics.calibration import calibration_error, cumulative_error, reliability
from faircore.metrics.cumulative import range_survival
from faircore.metrics.histograms import exact_histogram
from tests.metrics.drawn import histogram


def drawn(kind: str, n: int, sets: int, *, weighted: bool = False, width: bool = False) -> dict:
    """ECE, its mean by chance and both p-values of data sets whose scores are exactly right."""
    rng = np.random.default_rng(n)
    rows = []
    for seed in range(sets):
        score = {
            "uniform": lambda: rng.random(n),
            "skewed": lambda: rng.beta(1, 4, n),
            "rare": lambda: rng.beta(1, 50, n),
            "tied": lambda: rng.integers(0, 10, n) / 10 + 0.05,
            "log odds": lambda: expit(rng.normal(0, 2.5, n)),
        }[kind]()
        y_true = (rng.random(n) < score).astype(np.int8)
        scores = exact_histogram(y_true, score, rng.exponential(1, n) if weighted else None)
        error = calibration_error(scores, equal_width=width, replicates=200, seed=seed)
        ecce, p = cumulative_error(scores, replicates=200, seed=seed)
        rows.append((error.value[0], error.by_chance[0], error.p_value[0], ecce[0], p[0]))
    return dict(zip(("ece", "by_chance", "p", "ecce", "ecce_p"), np.array(rows).T, strict=True))


@pytest.mark.parametrize("kind", ["uniform", "skewed", "tied"])
def test_p_values_are_uniform(kind: str) -> None:
    found = drawn(kind, 200, 500)
    for name in ("p", "ecce_p"):
        assert kstest(found[name], "uniform").pvalue > 0.01, name
    # Taken for a Brownian motion's, ECCE's would be too large: their mean should be a half.
    plain = range_survival(found["ecce"])
    assert plain.mean() > 0.5 + 3 * np.sqrt(1 / 12 / len(plain))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "n", "weighted"),
    [*product(["uniform", "skewed"], [200, 2_000], [False]), ("skewed", 200, True)],
)
def test_p_values_are_uniform_in_many_simulations(kind: str, n: int, weighted: bool) -> None:
    found = drawn(kind, n, 2_000, weighted=weighted)
    for name in ("p", "ecce_p"):
        assert kstest(found[name], "uniform").pvalue > 0.005, name


def test_p_values_of_rare_outcomes_are_conservative_and_not_more() -> None:
    # One good outcome in fifty people: the error takes few values.
    found = drawn("rare", 50, 400)
    for name in ("p", "ecce_p"):
        for level in (0.05, 0.2, 0.5):
            assert (found[name] <= level).mean() <= level + 3 * np.sqrt(level / 400)


@pytest.mark.parametrize(("n", "mean"), [(50, 0.128), (200, 0.065), (1_000, 0.028), (5_000, 0.013)])
def test_mean_by_chance_is_the_published_bias(n: int, mean: float) -> None:
    found = drawn("log odds", n, 60 if n > 200 else 200, width=True)
    assert found["by_chance"].mean() == pytest.approx(mean, abs=0.0016)
    error = found["ece"].std() / np.sqrt(len(found["ece"]))
    assert found["ece"].mean() == pytest.approx(found["by_chance"].mean(), abs=3.5 * error)


def test_mean_by_chance_of_rare_outcomes_is_worked_out() -> None:
    score = np.random.default_rng(0).beta(1, 30, 40)
    found = calibration_error(histogram(np.zeros(40, int), score), bins=1, replicates=4_000)
    k = np.arange(41)
    law = poisson_binom.pmf(k, score)
    away = np.abs(k - score.sum()) / 40
    assert found.by_chance[0] == pytest.approx(law @ away, abs=1e-9)
    expected = law[away >= score.sum() / 40 - 1e-12].sum()
    assert found.p_value[0] == pytest.approx(expected, abs=0.03)
    # As of a normal number of outcomes, both would be off.
    table = reliability(histogram(np.zeros(40, int), score), bins=1)
    normal = np.sqrt(2 / np.pi * table.expected[0, 0])
    assert abs(normal - law @ away) > 0.02 * (law @ away)


def test_ranking_by_ecce_does_not_depend_on_size_but_for_the_smallest() -> None:
    sizes = np.array([50, 100, 200, 500, 1_000, 2_000, 5_000])
    found = [drawn("skewed", n, 120 if n < 2_000 else 60)["ecce"] for n in sizes.tolist()]
    n = np.repeat(sizes, [len(own) for own in found])
    assert abs(spearmanr(n, np.concatenate(found)).statistic) < 0.2
    assert all(1.3 < own.mean() < 1.75 for own in found)
    # ECE would rank by size almost alone.
    ece = [drawn("skewed", m, 60)["ece"] for m in (50, 200, 1_000)]
    assert spearmanr(np.repeat([50, 200, 1_000], 60), np.concatenate(ece)).statistic < -0.8


def test_hopeless_groups_have_p_values_below_what_draws_alone_can_say() -> None:
    score = np.full(200, 0.2) + np.linspace(0, 0.01, 200)
    _, p = cumulative_error(histogram(np.ones(200, int), score), replicates=100)
    assert 0 <= p[0] < 1e-6
    # Too rare for the smooth tail: more draws instead.
    score = np.linspace(0.001, 0.01, 300)
    y_true = (np.arange(300) > 295).astype(int) + (np.arange(300) < 4)
    _, p = cumulative_error(histogram(y_true, score), replicates=100)
    assert 1 / 1_001 <= p[0] < 0.01


def test_scores_that_leave_nothing_to_chance_have_no_ecce() -> None:
    y, score = np.array([0, 1] * 10), np.array([0.0, 1.0] * 10)
    statistic, p = cumulative_error(histogram(y, score))
    assert np.isnan([statistic[0], p[0]]).all()
    error = calibration_error(histogram(y, score), replicates=20)
    assert error.value[0] == error.by_chance[0] == 0
    assert error.p_value[0] == 1


# --- Every row ----------------------------------------------------------------------------------


def _both(score: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far ECE, squared error and ECCE of the histogram lie from those of every row."""
    exact, fine = (
        np.array([error.value[0], error.squared[0], cumulative_error(own)[0][0]])
        for own in (exact_histogram(y, score), histogram(y, score))
        for error in [calibration_error(own, replicates=2)]
    )
    away = (y - score)[np.argsort(score)]
    wander = np.concatenate([[0], np.cumsum(away)])
    assert exact[0] == pytest.approx(np.abs(away.reshape(10, -1).sum(1)).sum() / len(y), abs=1e-12)
    assert exact[2] == pytest.approx(np.ptp(wander) / np.sqrt((score * (1 - score)).sum()))
    return np.abs(fine - exact)


def test_histogram_figures_are_close_to_exact_ones_at_100000_distinct_scores() -> None:
    off = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        score = rng.beta(1, 4, 100_000)
        # Misses of both signs: of one sign only, they would add up to the same in any bins.
        chance = np.clip(score + 0.03 * np.sin(12 * score) * (seed % 2), 0, 1)
        off.append(_both(score, (rng.random(len(score)) < chance).astype(np.int8)))
    worst = np.max(off, axis=0)
    assert (worst > [1e-6, 1e-8, 1e-3]).all()
    assert (worst < [2e-4, 3e-6, 0.08]).all()


def test_exact_figures_matter_where_all_scores_crowd_into_a_hundredth() -> None:
    off = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        score = 0.5 + 0.01 * rng.random(100_000)
        off.append(_both(score, (rng.random(len(score)) < score).astype(np.int8)))
    worst = np.max(off, axis=0)
    assert 2e-4 < worst[0] < 4e-3
    assert 0.1 < worst[2] < 1
