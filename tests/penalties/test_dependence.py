"""Penalties on dependence of score and group, against definitions written out in NumPy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from faircore.penalties import PenaltyOptions
from tests.penalties.batches import charge

Floats = NDArray[np.float64]

PAIRS = PenaltyOptions("pairs")


def _rows(seed: int, n: int = 400) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Scores that differ between three groups, and weights."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    return rng.beta(2, np.array([1, 2, 4])[codes]), codes, rng.random(n) + 0.1


def _shares(codes: NDArray[np.int64], weights: Floats) -> Floats:
    share: Floats = np.bincount(codes, weights) / weights.sum()
    return share


def _rates(scores: Floats, codes: NDArray[np.int64], weights: Floats) -> Floats:
    rate: Floats = np.bincount(codes, weights * scores) / np.bincount(codes, weights)
    return rate


@pytest.mark.parametrize("seed", range(3))
def test_mutual_information_of_hard_decisions_is_that_of_scikit_learn(seed: int) -> None:
    scores, codes, _ = _rows(seed)
    hard = (scores > 0.5).astype(int)
    value = charge("mutual_information", hard, codes * 0, codes)
    assert value == pytest.approx(mutual_info_score(hard, codes), rel=1e-9)
    assert value > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_mutual_information_of_soft_decisions_is_that_of_the_joint_table(seed: int) -> None:
    scores, codes, weights = _rows(seed)
    joint = np.array([np.bincount(codes, weights * one) for one in (scores, 1 - scores)])
    joint /= joint.sum()
    independent = joint.sum(0) * joint.sum(1, keepdims=True)
    expected = (joint * np.log(joint / independent)).sum()
    value = charge("mutual_information", scores, codes * 0, codes, weights)
    assert value == pytest.approx(expected, rel=1e-9)


def test_mutual_information_in_pairs_is_the_mean_of_both_divergences() -> None:
    scores, codes, weights = _rows(0)
    share, rate = _shares(codes, weights), _rates(scores, codes, weights)

    def kl(p: float, q: float) -> float:
        return float(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))

    expected = sum(
        share[i] * share[j] * (kl(rate[i], rate[j]) + kl(rate[j], rate[i])) / 2
        for i, j in combinations(range(3), 2)
    )
    value = charge("mutual_information", scores, codes * 0, codes, weights, PAIRS)
    assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_ermi_of_hard_decisions_is_chi_square_per_row(seed: int) -> None:
    scores, codes, _ = _rows(seed)
    hard = (scores > 0.5).astype(int)
    table = np.array([np.bincount(codes[hard == one], minlength=3) for one in (0, 1)])
    expected = chi2_contingency(table, correction=False).statistic / len(codes)
    assert charge("ermi", hard, codes * 0, codes) == pytest.approx(expected, rel=1e-9)


def test_ermi_is_one_when_a_binary_attribute_decides_alone() -> None:
    codes = np.repeat([0, 1], [30, 170])
    assert charge("ermi", codes, codes * 0, codes) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ermi_bounds_mutual_information_from_above(seed: int) -> None:
    scores, codes, weights = _rows(seed)
    ermi = charge("ermi", scores, codes * 0, codes, weights)
    assert 0 < charge("mutual_information", scores, codes * 0, codes, weights) < ermi


def test_ermi_in_pairs_divides_by_the_variance_half_way() -> None:
    scores, codes, weights = _rows(0)
    share, rate = _shares(codes, weights), _rates(scores, codes, weights)
    expected = 0.0
    for i, j in combinations(range(3), 2):
        middle = (rate[i] + rate[j]) / 2
        expected += share[i] * share[j] * (rate[i] - rate[j]) ** 2 / (middle * (1 - middle))
    assert charge("ermi", scores, codes * 0, codes, weights, PAIRS) == pytest.approx(expected)


def _kernel(scores: Floats) -> Floats:
    matrix: Floats = np.exp(-((scores[:, None] - scores) ** 2) / (2 * 0.2**2))
    return matrix


@pytest.mark.parametrize("seed", range(3))
def test_hsic_is_its_definition_by_full_kernel_matrices(seed: int) -> None:
    scores, codes, _ = _rows(seed, 150)
    n = len(scores)
    centre = np.eye(n) - 1 / n
    same = (codes[:, None] == codes).astype(float)
    expected = np.trace(_kernel(scores) @ centre @ same @ centre) / n**2
    assert charge("hsic", scores, codes * 0, codes) == pytest.approx(expected, rel=1e-4)


def test_hsic_holds_for_scores_at_both_ends() -> None:
    scores, codes = np.array([0.0, 0, 1, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 1])
    centre = np.eye(6) - 1 / 6
    same = (codes[:, None] == codes).astype(float)
    expected = np.trace(_kernel(scores) @ centre @ same @ centre) / 36
    assert charge("hsic", scores, codes * 0, codes) == pytest.approx(expected, rel=1e-4)


def test_hsic_with_weights_is_a_sum_over_pairs_of_rows() -> None:
    scores, codes, weights = _rows(1, 150)
    mass, kernel = weights / weights.sum(), _kernel(scores)
    expected = 0.0
    for group in range(3):
        lean = mass * (codes == group) - mass * mass[codes == group].sum()
        expected += lean @ kernel @ lean
    assert charge("hsic", scores, codes * 0, codes, weights) == pytest.approx(expected, rel=1e-4)


def test_hsic_in_pairs_is_the_discrepancy_of_two_groups() -> None:
    scores, codes, weights = _rows(2, 150)
    share, kernel = _shares(codes, weights), _kernel(scores)
    mean = np.array([weights * (codes == g) / weights[codes == g].sum() for g in range(3)])
    expected = sum(
        (share[i] * share[j]) ** 2 * (mean[i] - mean[j]) @ kernel @ (mean[i] - mean[j])
        for i, j in combinations(range(3), 2)
    )
    value = charge("hsic", scores, codes * 0, codes, weights, PAIRS)
    assert value == pytest.approx(expected, rel=1e-4)


def test_hsic_sees_a_difference_of_spread_where_means_are_equal() -> None:
    scores, codes = np.array([0.5] * 40 + [0.2, 0.8] * 20), np.repeat([0, 1], 40)
    assert charge("demographic_parity", scores, codes * 0, codes) < 1e-12
    assert charge("hsic", scores, codes * 0, codes) > 0.02


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_covariance_with_a_binary_attribute(share: float) -> None:
    rng = np.random.default_rng(0)
    attribute = (rng.random(200) < share).astype(int)
    scores, weights = rng.random(200) * 0.5 + 0.3 * attribute, rng.random(200)
    expected = abs(np.cov(scores, attribute, aweights=weights, bias=True)[0, 1])
    for options in (PenaltyOptions(), PAIRS):
        value = charge("covariance", scores, attribute * 0, attribute, weights, options)
        assert value == pytest.approx(expected, rel=1e-10)


def test_covariance_with_three_groups_is_half_the_sum_over_memberships() -> None:
    scores, codes, weights = _rows(0)
    expected = sum(
        abs(np.cov(scores, codes == g, aweights=weights, bias=True)[0, 1]) / 2 for g in range(3)
    )
    assert charge("covariance", scores, codes * 0, codes, weights) == pytest.approx(expected)
    share, rate = _shares(codes, weights), _rates(scores, codes, weights)
    expected = sum(
        share[i] * share[j] * abs(rate[i] - rate[j]) for i, j in ((0, 1), (0, 2), (1, 2))
    )
    assert charge("covariance", scores, codes * 0, codes, weights, PAIRS) == pytest.approx(expected)


@pytest.mark.parametrize("versus", ["overall", "pairs"])
@pytest.mark.parametrize("name", ["covariance", "ermi", "mutual_information"])
def test_imagined_rows_change_rates_and_not_shares(name: str, versus: str) -> None:
    scores, codes, _ = _rows(0)
    sizes, rate, overall = np.bincount(codes), _rates(scores, codes, np.ones(400)), scores.mean()
    drawn = (sizes * rate + 25 * overall) / (sizes + 25)
    # The same rates without imagined rows; the overall rate is compared with in one mode only.
    value = charge(name, scores, codes * 0, codes, None, PenaltyOptions(versus, shrinkage=25))
    share = sizes / 400
    if versus == "pairs":
        expected = charge(name, drawn[codes], codes * 0, codes, None, PAIRS)
    elif name == "covariance":
        expected = (share * abs(drawn - overall)).sum() / 2
    elif name == "ermi":
        expected = (share * (drawn - overall) ** 2).sum() / (overall * (1 - overall))
    else:
        odds = drawn * np.log(drawn / overall)
        expected = (share * (odds + (1 - drawn) * np.log((1 - drawn) / (1 - overall)))).sum()
    assert value == pytest.approx(expected, rel=1e-9)
