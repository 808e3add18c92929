"""Small tables with a known injustice, shared by the tests of training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.predictors.network import Network
from faircore.training import EncodedRows


def two_groups(n: int, seed: int, *, weighted: bool = False) -> EncodedRows:
    """Rows of which the first column gives the group away and the next two the outcome."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(int)
    X = rng.normal(size=(n, 5))
    X[:, 0] += 2.0 * group
    logit = 1.2 * X[:, 0] + X[:, 1] - 0.8 * X[:, 2] - 1.0
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    groups = Groups.of({"a": group, "b": rng.integers(0, 3, n)}, partitions=[("a",), ("a", "b")])
    weights = rng.exponential(1.0, n) if weighted else None
    return EncodedRows(X.astype(np.float32), y, groups, weights)


def log_loss(y: NDArray[np.int8], score: NDArray[np.float32]) -> float:
    """Mean cross-entropy of probabilities that are neither 0 nor 1."""
    p = score.astype(np.float64)
    return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


def mean_gap(network: Network, rows: EncodedRows) -> float:
    """Difference of the mean scores of the first attribute's two groups."""
    score = network.predict_proba(rows.X)
    return abs(
        float(score[rows.groups.codes[0] == 1].mean() - score[rows.groups.codes[0] == 0].mean())
    )
