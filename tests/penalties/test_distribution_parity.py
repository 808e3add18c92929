"""Distribution parity against SciPy's Wasserstein distance and a fine grid."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from faircore.penalties import PenaltyOptions
from faircore.penalties.apart import SMOOTH
from faircore.penalties.distribution_parity import BANDS
from tests.penalties.batches import charge

Floats = NDArray[np.float64]

TRUSTED = PenaltyOptions(small_group=0)
PAIRS = PenaltyOptions("pairs", small_group=0)


def _huber(distance: Floats) -> Floats:
    return np.where(distance < SMOOTH, distance**2 / (2 * SMOOTH), distance - SMOOTH / 2)


@pytest.mark.parametrize(("low", "high"), [(4, 20), (0, 32), (10, 13)])
def test_two_points_apart_are_charged_their_wasserstein_distance(low: int, high: int) -> None:
    # Between the two every band differs by all rows, so Huber's distance is linear there.
    scores, codes = np.repeat([low / BANDS, high / BANDS], [10, 30]), np.repeat([0, 1], [10, 30])
    distance = wasserstein_distance(scores[:10], scores[10:])
    expected = distance * (1 - SMOOTH / 2)
    assert charge("distribution_parity", scores, codes * 0, codes, None, PAIRS) == pytest.approx(
        expected, rel=1e-12
    )


def test_several_points_are_charged_their_wasserstein_distance() -> None:
    # At edges of bands, and so placed that every band in between differs by over SMOOTH.
    first, second = np.array([2, 5, 9, 20, 25]) / BANDS, np.array([8, 15, 28]) / BANDS
    scores, codes = np.r_[first, second], np.repeat([0, 1], [5, 3])
    edges = np.arange(BANDS) / BANDS
    apart = abs((first[:, None] > edges).mean(0) - (second[:, None] > edges).mean(0))
    assert ((apart == 0) | (apart > SMOOTH)).all()
    distance = wasserstein_distance(first, second)
    expected = distance - (apart > 0).mean() * SMOOTH / 2
    assert charge("distribution_parity", scores, codes * 0, codes, None, PAIRS) == pytest.approx(
        expected, rel=1e-12
    )


def _survival(scores: Floats, weights: Floats, points: int = 1000) -> Floats:
    """Mean over each band of the share above, on a fine grid."""
    grid = (np.arange(BANDS * points) + 0.5) / (BANDS * points)
    order = np.argsort(scores)
    above = np.r_[weights[order][::-1].cumsum()[::-1], 0.0]
    share: Floats = above[np.searchsorted(scores[order], grid)] / weights.sum()
    return share.reshape(BANDS, points).mean(1)


@pytest.mark.parametrize("versus", ["overall", "pairs"])
def test_scores_anywhere_are_charged_the_integral_over_a_fine_grid(versus: str) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 300)
    scores, weights = rng.beta(2, np.array([1, 2, 3])[codes]), rng.random(300)
    own = [_survival(scores[codes == g], weights[codes == g]) for g in range(3)]
    everybody = _survival(scores, weights)
    if versus == "overall":
        expected = sum(_huber(abs(one - everybody)).mean() for one in own)
    else:
        pairs = ((0, 1), (0, 2), (1, 2))
        expected = sum(_huber(abs(own[i] - own[j])).mean() for i, j in pairs) / 2
    options = PenaltyOptions(versus, small_group=0)
    value = charge("distribution_parity", scores, codes * 0, codes, weights, options)
    assert value == pytest.approx(expected, rel=1e-3)


def test_it_bounds_the_distance_of_mean_scores() -> None:
    rng = np.random.default_rng(1)
    codes = np.repeat([0, 1], 200)
    scores = rng.beta(2, 1 + codes)
    distance = wasserstein_distance(scores[:200], scores[200:])
    assert distance >= abs(scores[:200].mean() - scores[200:].mean()) - 1e-12
    value = charge("distribution_parity", scores, codes * 0, codes, None, PAIRS)
    assert distance - SMOOTH / 2 <= value <= distance


def test_it_sees_a_difference_of_spread_where_means_are_equal() -> None:
    scores, codes = np.array([0.5] * 40 + [0.2, 0.8] * 20), np.repeat([0, 1], 40)
    assert charge("demographic_parity", scores, codes * 0, codes, None, TRUSTED) < 1e-12
    assert charge("distribution_parity", scores, codes * 0, codes, None, TRUSTED) > 0.1
