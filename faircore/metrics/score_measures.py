"""How good the scores themselves are, group by group: ranking, loss and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.metrics.histograms import score_histogram
from faircore.metrics.reliability import reliability
from faircore.metrics.scores import auc, mean_loss

SCORE_MEASURES = ("auc", "log_loss", "calibration_error")
"""What :func:`score_measures` measures, in the order of its columns."""


def score_measures(
    y_true: NDArray[np.int8],
    y_score: NDArray[np.floating[Any]],
    groups: Groups,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Measure the scores of each group of every partition, and of everybody last.

    Parameters
    ----------
    y_true : ndarray of 0 and 1, shape (n,)
    y_score : ndarray, shape (n,)
        Probabilities.
    groups : Groups, n rows
    weights : ndarray, shape (n,), optional

    Returns
    -------
    ndarray of float64, shape (g + 1, 3)
        One column for each of :data:`SCORE_MEASURES`: the area under the ROC curve; the mean of
        -log of the probability given to what happened; the expected calibration error in ten bins
        of equal mass, which is above 0 by chance alone. NaN where undefined.
    """
    by_group = score_histogram(y_true, y_score.astype(np.float64), groups, weights)
    first = groups.partitions[0].groups
    everybody = by_group.each(lambda sums: sums[first].sum(axis=0, keepdims=True))
    found = []
    for histogram in (by_group, everybody):
        table = reliability(histogram)
        off = np.nan_to_num(np.abs(table.score - table.rate)) * table.weight
        with np.errstate(divide="ignore", invalid="ignore"):
            ece = off.sum(-1) / table.weight.sum(-1)
        columns = [auc(histogram).value, mean_loss(histogram, "log_loss").value, ece]
        found.append(np.stack(columns, axis=1))
    return np.concatenate(found)
