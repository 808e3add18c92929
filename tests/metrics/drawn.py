"""Many small data sets at once: each is a group of one histogram."""

from __future__ import annotations

from typing import Any

import numpy as np

from faircore.groups import Groups, Partition
from faircore.metrics.histograms import ScoreHistogram, score_histogram

LEVELS = np.round(np.linspace(0.01, 0.99, 99), 2)


def numbered(codes: Any, n_groups: int) -> Groups:
    """Groups 0 … n-1, some of which may be empty."""
    labels = tuple((str(i),) for i in range(n_groups))
    return Groups((Partition(("group",), labels, 0),), np.asarray(codes, np.int32)[None])


def histogram(y_true: Any, y_score: Any, weights: Any = None) -> ScoreHistogram:
    """Each row of a table (data sets, n), or a single data set, as one group."""
    y_true, y_score = np.atleast_2d(y_true), np.atleast_2d(np.asarray(y_score, float))
    n_sets, n = y_true.shape
    return score_histogram(
        y_true.ravel().astype(np.int8),
        y_score.ravel(),
        numbered(np.repeat(np.arange(n_sets), n), n_sets),
        None if weights is None else np.atleast_2d(np.asarray(weights, float)).ravel(),
    )


def covered(low: np.ndarray, high: np.ndarray, truth: float) -> float:
    """Share of the intervals, where there is one, that hold the truth."""
    known = np.isfinite(low) & np.isfinite(high)
    assert known.mean() > 0.97
    return float(((low <= truth) & (truth <= high))[known].mean())
