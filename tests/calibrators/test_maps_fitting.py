from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from faircore.calibrators import fit_map
from faircore.calibrators.choosing import choose
from faircore.calibrators.fitting import fit_tally
from faircore.calibrators.tally import Sample
from faircore.errors import InputError
from faircore.predictors.score_map import ScoreMap, log_odds

METHODS = ("identity", "platt", "temperature", "beta", "isotonic")
Floats = NDArray[np.float64]


def rows(n: int, slope: float, offset: float, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Scores whose true log-odds are a straight line of their own."""
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-rng.normal(-0.5, 1.3, n)))
    return scores, (rng.random(n) < ScoreMap.platt(slope, offset)(scores)).astype(int)


DATA = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0]), st.integers(0, 1)),
    min_size=1,
    max_size=25,
)


@pytest.mark.parametrize("weighted", [False, True])
def test_platt_is_an_unpenalised_logistic_regression(weighted: bool) -> None:
    scores, y = rows(3000, 0.7, 0.4)
    weights = np.random.default_rng(1).exponential(1, 3000) if weighted else None
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    theirs.fit(log_odds(scores)[:, None], y, sample_weight=weights)
    slope, offset = fit_map("platt", scores, y, weights, smoothing=False).numbers
    assert slope == pytest.approx(theirs.coef_.item(), abs=1e-5)
    assert offset == pytest.approx(theirs.intercept_.item(), abs=1e-5)


def test_many_rows_are_fitted_like_few() -> None:
    scores, y = rows(60_000, 0.7, 0.4)  # more than are searched one by one from the start
    slope, offset = fit_map("platt", scores, y, smoothing=False).numbers
    p = ScoreMap.platt(slope, offset)(scores)
    assert abs((y - p).mean()) < 1e-9  # the two equations of the maximum
    assert abs(((y - p) * log_odds(scores)).mean()) < 1e-9


def test_beta_is_the_maximum() -> None:
    scores, y = rows(1500, 0.7, 0.4)
    mine = fit_map("beta", scores, y, smoothing=False)

    def loss(numbers: Floats) -> float:
        odds = numbers[0] * np.log(scores) - numbers[1] * np.log1p(-scores) + numbers[2]
        return float((np.logaddexp(0, odds) - y * odds).mean())

    found = minimize(loss, [1.0, 1.0, 0.0], bounds=[(0, None), (0, None), (None, None)], tol=1e-12)
    assert loss(np.array(mine.numbers)) <= found.fun + 1e-9


def test_beta_keeps_its_slopes_from_turning_round() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.01, 0.99, 4000)
    y = rng.random(4000) < 1 / (1 + np.exp(-np.log(scores) - 0.8 * np.log1p(-scores) - 1))
    a, b, _ = fit_map("beta", scores, y.astype(int)).numbers
    assert b == 0
    assert a > 0
    wrong = fit_map("beta", scores, (rng.random(4000) > scores).astype(int))
    assert wrong.numbers[:2] == (0.0, 0.0)


def test_isotonic_is_scikit_learns_with_outcomes_drawn_in() -> None:
    scores, y = rows(800, 0.7, 0.4)
    scores = np.round(scores, 2)
    mine = fit_map("isotonic", scores, y, smoothing=False)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, y)
    seen, grid = np.unique(scores), np.linspace(0, 1, 301)
    same = np.abs(mine(seen) - theirs.predict(seen)) < 1e-7
    assert same.mean() > 0.8  # all but steps of fewer than ten rows
    assert np.diff(mine(grid)).min() >= 0
    raw, _ = rows(800, 0.7, 0.4)
    knots = np.array(fit_map("isotonic", raw, y).knots)[:, 0]
    # The score of nobody is kept, nor can one be worked out from its neighbours.
    assert not set(np.round(knots, 12)) & set(np.round(raw, 12))
    guesses = np.add.outer(2 * knots, -knots).ravel()
    assert not set(np.round(guesses, 9)) & set(np.round(raw, 9))
    assert all(len(f"{x:.12g}") < 10 for x in knots[::2])
    low, high = 1 / ((y == 0).sum() + 2), (y.sum() + 1) / (y.sum() + 2)
    smooth = fit_map("isotonic", scores, y)(grid)
    np.testing.assert_allclose(smooth, low + (high - low) * mine(grid), atol=1e-7)
    assert 0 < smooth.min() < smooth.max() < 1


def test_a_planted_slope_and_offset_are_found() -> None:
    scores, y = rows(200_000, 0.6, 0.8)
    slope, offset = fit_map("platt", scores, y).numbers
    assert slope == pytest.approx(0.6, abs=0.02)
    assert offset == pytest.approx(0.8, abs=0.02)
    (temperature,) = fit_map("temperature", *rows(200_000, 0.6, 0.0)).numbers
    assert temperature == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_calibration_in_the_large(method: str) -> None:
    scores, y = rows(2000, 0.7, 1.0)
    one = fit_map(method, scores, y, smoothing=False)  # type: ignore[arg-type]
    assert one(scores).mean() == pytest.approx(y.mean(), abs=1e-6)


def test_a_temperature_cannot_repair_an_offset() -> None:
    scores, y = rows(20_000, 1.0, 1.0)
    off = y.mean() - fit_map("temperature", scores, y)(scores).mean()
    assert off > 0.1


@settings(max_examples=60, deadline=None)
@given(DATA, st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_any_rows_give_a_map(data: list[tuple[float, int]], method: str, random: object) -> None:
    # Separable rows, rows of one outcome or of one score included.
    scores, y = np.array(data).T
    one = fit_map(method, scores, y)  # type: ignore[arg-type]
    found = one(np.linspace(0, 1, 21))
    assert np.diff(found).min() >= -1e-12
    assert np.abs(one.numbers).max(initial=0) < 100
    if method not in ("identity", "temperature"):
        assert found.min() > 0
        assert found.max() < 1
    random.shuffle(data)  # type: ignore[attr-defined]
    assert fit_map(method, *np.array(data).T) == one  # type: ignore[arg-type]
    assert ScoreMap.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@settings(max_examples=60, deadline=None)
@given(DATA, st.sampled_from(METHODS), st.integers(0, 99))
def test_a_weight_of_two_is_a_row_twice(
    data: list[tuple[float, int]], method: str, seed: int
) -> None:
    scores, y = np.array(data).T
    counts = np.random.default_rng(seed).integers(0, 3, len(data))
    counts[0] = 2
    weighted = fit_map(method, scores, y, counts)  # type: ignore[arg-type]
    repeated = fit_map(method, np.repeat(scores, counts), np.repeat(y, counts))  # type: ignore[arg-type]
    grid = np.linspace(0, 1, 21)
    np.testing.assert_allclose(weighted(grid), repeated(grid), atol=1e-6)


def test_the_simplest_map_that_is_as_good_is_chosen() -> None:
    kinds = ("platt", "beta", "isotonic")
    fits = {kind: lambda tally, k=kind: fit_tally(k, tally) for kind in kinds}
    # Folds alike in score as well would make an isotonic map look best here.
    straight = [choose(Sample.read(*rows(5000, 0.7, 0.5, i)), fits, seed=0) for i in range(5)]
    assert straight.count("platt") >= 4
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=5000)
    stepped = rng.random(5000) < np.where((scores > 0.3) & (scores < 0.7), 0.5, scores.round())
    assert choose(Sample.read(scores, stepped.astype(int)), fits, seed=0) == "isotonic"
    skewed = rng.random(5000) < ScoreMap.beta(0.3, 2.0, 0.5)(scores)
    assert choose(Sample.read(scores, skewed.astype(int)), fits, seed=0) == "beta"


@pytest.mark.parametrize(
    ("scores", "y", "weights", "message"),
    [
        ([0.1, 0.2], [1], None, "one value per row"),
        ([0.1, 1.2], [1, 0], None, "between 0 and 1"),
        ([0.1, np.nan], [1, 0], None, "between 0 and 1"),
        ([0.1, 0.2], [1, 2], None, "only 0 and 1"),
        ([], [], None, "at least one row"),
        ([0.1, 0.2], [1, 0], [1, -1], "zero or more"),
        ([0.1, 0.2], [1, 0], [0, 0], "not all zero"),
    ],
)
def test_rows_that_cannot_be_used(scores: object, y: object, weights: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_map("platt", scores, y, weights)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(InputError, match="one of identity, platt"):
        fit_map("spline", [0.5], [1])  # type: ignore[arg-type]
