"""Weighted confusion counts per group, and the count cube.

A confusion array ends in the axes ``(group, true, predicted)``, in scikit-learn's order:
``[..., 0, 0]`` true negatives, ``[..., 0, 1]`` false positives, ``[..., 1, 0]`` false negatives,
``[..., 1, 1]`` true positives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.metrics.inputs import check_scores

THRESHOLDS: NDArray[np.float64] = np.round(np.linspace(0.0, 1.0, 101), 2)
"""The fixed grid of the count cube: a row is selected when its score is at least the threshold."""


def confusion_counts(
    y_true: NDArray[np.int8],
    y_pred: NDArray[np.int8],
    groups: Groups,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Count true and predicted outcomes in each group.

    Parameters
    ----------
    y_true, y_pred : ndarray of 0 and 1, shape (n,)
    groups : Groups, n rows
    weights : ndarray, shape (n,), optional

    Returns
    -------
    ndarray of float64, shape (g, 2, 2)
    """
    index = groups.codes * 4 + (y_true * 2 + y_pred).astype(np.int32)
    return _sum(index, weights, 4 * groups.n_groups).reshape(-1, 2, 2)


def count_cube(
    y_true: NDArray[np.int8],
    y_score: NDArray[np.floating],
    groups: Groups,
    *,
    weights: NDArray[np.float64] | None = None,
    thresholds: NDArray[np.float64] = THRESHOLDS,
) -> NDArray[np.float64]:
    """Confusion counts at every threshold, in one pass over the rows.

    Parameters
    ----------
    y_true : ndarray of 0 and 1, shape (n,)
    y_score : ndarray, shape (..., n)
        Probabilities; a row is selected when its score is at least the threshold.
    groups : Groups, n rows
    weights : ndarray, shape (n,), optional
    thresholds : ndarray, shape (t,)
        Strictly increasing.

    Returns
    -------
    ndarray of float64, shape (..., t, g, 2, 2)

    Raises
    ------
    InputError
        When a score is missing or outside [0, 1].
    """
    check_scores(y_score)
    n_bins = len(thresholds) + 1
    n_cells = groups.n_groups * 2 * n_bins
    base = (groups.codes.astype(np.int64) * 2 + y_true) * n_bins
    scores = y_score.reshape(-1, y_score.shape[-1])
    cube = np.empty((len(scores), len(thresholds), groups.n_groups, 2, 2))
    for k, row in enumerate(scores):
        passed = np.searchsorted(thresholds, row.astype(np.float64), side="right")
        histogram = _sum(base + passed, weights, n_cells).reshape(groups.n_groups, 2, n_bins)
        below = np.cumsum(histogram, axis=-1)  # rows that pass fewer than t thresholds
        refused = np.moveaxis(below[..., :-1], -1, 0)
        cube[k, ..., 0] = refused
        # Cancellation in a weighted sum may leave a tiny negative count.
        cube[k, ..., 1] = np.maximum(below[..., -1] - refused, 0.0)
    return cube.reshape(*y_score.shape[:-1], *cube.shape[1:])


def passed_thresholds(y_score: NDArray[np.floating]) -> NDArray[np.uint8]:
    """How many of :data:`THRESHOLDS` each score reaches, (n,); at the i-th it is selected if > i.

    Examples
    --------
    >>> passed_thresholds(np.array([0.0, 0.004, 0.5, 1.0])).tolist()
    [1, 1, 51, 101]
    """
    reached = np.searchsorted(THRESHOLDS, y_score.astype(np.float64), side="right")
    return reached.astype(np.uint8)


def threshold_index(threshold: float) -> int:
    """Position in the grid of the threshold nearest to a value."""
    return int(np.abs(THRESHOLDS - threshold).argmin())


def narrow_counts(counts: NDArray[np.float64]) -> NDArray[Any]:
    """The same counts in a quarter of the space where all are whole; as they are where not.

    For keeping only: a difference of unsigned integers runs below 0 without a word, so whoever
    computes with them widens them first.

    Examples
    --------
    >>> narrow_counts(np.array([3.0, 500.0])).dtype, narrow_counts(np.array([0.5])).dtype
    (dtype('uint16'), dtype('float64'))
    """
    most = float(counts.max(initial=0.0))
    if counts.min(initial=0.0) < 0:
        return counts
    for kind in (np.uint16, np.uint32):
        if most <= np.iinfo(kind).max:
            narrow: NDArray[Any] = counts.astype(kind)
            return narrow if np.array_equal(narrow, counts) else counts
    return counts


def _sum(
    index: NDArray[np.signedinteger], weights: NDArray[np.float64] | None, size: int
) -> NDArray[np.float64]:
    """Weighted bincount over all partitions at once."""
    repeated = None if weights is None else np.broadcast_to(weights, index.shape).ravel()
    return np.bincount(index.ravel(), repeated, minlength=size).astype(np.float64)
