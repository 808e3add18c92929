"""Individual fairness: whether people who are alike are treated alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.metrics.inputs import as_numbers, as_scores, same_length

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lipschitz:
    """How fast the score changes from one person to the next: |difference| / distance.

    Attributes
    ----------
    median, high, maximum : float
        Median, 95th percentile and largest ratio, in score per unit of distance, over
        ``n_pairs``; NaN without pairs.
    n_pairs : int
        Pairs of neighbours at a distance above 0, each counted once.
    n_contradictions : int
        Pairs at distance 0 with different scores, whose ratio is infinite: people whom the
        features do not tell apart, scored differently.
    n_identical : int
        Pairs at distance 0 with the same score, whose ratio is undefined.
    """

    median: float
    high: float
    maximum: float
    n_pairs: int
    n_contradictions: int
    n_identical: int


def consistency(X: Any, y_pred: Any, *, n_neighbors: int = 5) -> float:
    """One minus the mean gap between a person's decision and the mean of the neighbours'.

    A person is among the own neighbours, unless others at distance 0 take the place, as in
    AIF360's ``consistency_score``.

    Parameters
    ----------
    X : array, shape (n, d)
        Features, in a unit that makes their differences comparable. Distances are Euclidean.
    y_pred : array, shape (n,)
        Decisions, 0 and 1, or any other finite numbers.
    n_neighbors : int
        From 1 to n.

    Returns
    -------
    float
        In [0, 1] for decisions; 1 when all are decided like their neighbours.

    Raises
    ------
    InputError
        When values are not finite, lengths differ or there are too few people.

    References
    ----------
    Zemel, Wu, Swersky, Pitassi and Dwork, "Learning Fair Representations", ICML 2013, yNN.

    Examples
    --------
    >>> round(consistency([[0.0], [0.1], [9.0], [9.2]], [1, 1, 1, 0], n_neighbors=2), 3)
    0.75
    """
    gaps = decision_gaps(_matrix(X), _column(y_pred, len(X)), n_neighbors)
    return float(1 - gaps.mean())


def neighbour_differences(X: Any, y_score: Any, *, n_neighbors: int = 5) -> Lipschitz:
    """Score differences between nearest neighbours in relation to their distance.

    Parameters
    ----------
    X : array, shape (n, d)
        As in :func:`consistency`.
    y_score : array, shape (n,)
        Scores in [0, 1].
    n_neighbors : int
        From 1 to n - 1; nobody is their own neighbour here.

    Returns
    -------
    Lipschitz

    Raises
    ------
    InputError
        As in :func:`consistency`, and when a score is no probability.

    References
    ----------
    Dwork, Hardt, Pitassi, Reingold and Zemel, "Fairness Through Awareness", ITCS 2012: similar
    people must have similar scores. Here the bound is not given but measured, near each person.

    Examples
    --------
    >>> neighbour_differences([[0.0], [2.0], [6.0]], [0.1, 0.5, 0.6], n_neighbors=1).maximum
    0.2
    """
    matrix, score = _matrix(X), as_scores(y_score)
    same_length("y_score", score, len(matrix))
    near = _neighbours(matrix, n_neighbors, with_self=False)
    ends = np.column_stack([np.repeat(np.arange(len(near)), near.shape[1]), near.ravel()])
    first, second = np.unique(np.sort(ends, axis=1), axis=0).T
    distance = np.linalg.norm(matrix[first].astype(float) - matrix[second], axis=1)
    change = np.abs(score[first] - score[second])
    apart = distance > 0
    ratios = change[apart] / distance[apart]
    n_contradictions = int((change[~apart] > 0).sum())
    none = [math.nan] * 3
    median, high, maximum = np.quantile(ratios, (0.5, 0.95, 1)).tolist() if len(ratios) else none
    return Lipschitz(
        median,
        high,
        maximum,
        n_pairs=len(ratios),
        n_contradictions=n_contradictions,
        n_identical=int((~apart).sum()) - n_contradictions,
    )


def decision_gaps(matrix: NDArray[Any], decisions: _Floats, n_neighbors: int) -> _Floats:
    """Gap (n,) between each decision (n,) and the mean of its neighbours' in a matrix (n, d)."""
    near = _neighbours(matrix, n_neighbors, with_self=True)
    return np.asarray(np.abs(decisions - decisions[near].mean(axis=1)))


def _neighbours(matrix: NDArray[Any], n_neighbors: int, *, with_self: bool) -> NDArray[np.int64]:
    """Row numbers (n, n_neighbors) of the nearest rows of (n, d)."""
    from sklearn.neighbors import NearestNeighbors

    most = len(matrix) if with_self else len(matrix) - 1
    if not 1 <= n_neighbors <= most:
        raise InputError(
            f"n_neighbors must be from 1 to {most:,} for {len(matrix):,} people; it is "
            f"{n_neighbors}. Ask for fewer neighbours or give more people."
        )
    # A ball tree, since ties between people who are alike then fall as they do in AIF360.
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="ball_tree").fit(matrix)
    found = search.kneighbors(matrix if with_self else None, return_distance=False)
    return np.asarray(found, dtype=np.int64)


def _matrix(X: Any) -> NDArray[Any]:
    """Features (n, d), in single precision where they come so."""
    matrix = np.asarray(X)
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.number):
        raise InputError(
            f"X must be a table of numbers, people by features; it has shape {matrix.shape} and "
            f"type {matrix.dtype}. Encode it first."
        )
    if not np.isfinite(matrix).all():
        raise InputError("X must hold finite numbers, and some are not. Fill or remove them.")
    return matrix


def _column(values: Any, n_rows: int) -> _Floats:
    """Decisions (n,), finite."""
    decisions = as_numbers(values, name="y_pred")
    same_length("y_pred", decisions, n_rows)
    if not np.isfinite(decisions).all():
        raise InputError("y_pred must hold finite numbers, and some are not. Correct them.")
    return decisions
