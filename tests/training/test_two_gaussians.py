"""Two Gaussian groups, for which the best possible trade-off of linear rules is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm

from faircore.groups import Groups
from faircore.penalties import PENALTIES
from faircore.predictors import Network
from faircore.training import EncodedRows, TrainingConfig, train_networks

SHIFT, NOISE = 1.5, 1.0
"""The first column of the second group is shifted; an outcome is good when x1 + x2 + noise > 1."""


def rows(n: int, seed: int) -> EncodedRows:
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 2
    X = rng.normal(size=(n, 2)) + np.outer(group, [SHIFT, 0])
    y = (X.sum(axis=1) + NOISE * rng.normal(size=n) > 1).astype(np.int8)
    return EncodedRows(X.astype(np.float32), y, Groups.of(group))


def exact(a: float, b: float, cut: float) -> tuple[float, float]:
    """Accuracy and gap in selection of "a x1 + b x2 > cut", with a² + b² = 1, from the law."""
    right, selected = 0.0, []
    for shift in (0.0, SHIFT):
        mean = np.array([a * shift - cut, shift - 1])  # of the rule's margin, of the outcome's
        cross = a + b
        law = multivariate_normal(mean, [[1.0, cross], [cross, 2 + NOISE**2]])
        both_low = float(law.cdf([0, 0]))
        low, bad = norm.cdf(-mean[0]), norm.cdf(-mean[1] / np.sqrt(2 + NOISE**2))
        right += (both_low + (1 - low - bad + both_low)) / 2
        selected.append(1 - low)
    return right, abs(selected[1] - selected[0])


def rule(network: Network) -> tuple[float, float, float]:
    weights, bias = network.weights[0][0].astype(float), float(network.biases[0][0])
    size = float(np.hypot(*weights))
    return float(weights[0]) / size, float(weights[1]) / size, -bias / size


@pytest.fixture(scope="module")
def frontier() -> NDArray[np.float64]:
    """Gap and accuracy of rules on a fine grid of angles and cuts."""
    grid = [
        exact(np.sin(angle), np.cos(angle), cut)[::-1]
        for angle in np.linspace(-0.5, np.pi / 2, 40)
        for cut in np.linspace(0.0, 1.6, 25)
    ]
    return np.array(grid)


def test_the_sweep_lies_on_the_best_possible_frontier(frontier: NDArray[np.float64]) -> None:
    config = TrainingConfig(
        hidden=(), epochs=40, batch_size=2_000, learning_rate=0.03, patience=40, sharpness=2.0
    )
    found = train_networks(
        rows(30_000, 0), rows(10_000, 1), penalty=PENALTIES["demographic_parity"],
        etas=[0.0, 0.1, 0.2, 0.4, 1.2], seeds=[0] * 5, config=config, device="cpu",
    )  # fmt: skip
    points = {}
    for one in found:
        assert isinstance(one.predictor, Network)
        points[one.position] = exact(*rule(one.predictor))
    accuracies, gaps = np.array([points[k] for k in range(5)]).T
    assert (np.diff(gaps) < 0).all()
    assert gaps[0] > 0.35
    assert gaps[-1] < 0.1
    for accuracy, gap in zip(accuracies, gaps, strict=True):
        # The grid is coarse: a rule lies between those of a little less and a little more gap.
        below, above = (frontier[frontier[:, 0] <= gap + slack, 1].max() for slack in (0.0, 0.02))
        assert below - 0.01 < accuracy < above + 0.003
    assert accuracies[0] == pytest.approx(frontier[:, 1].max(), abs=0.003)
