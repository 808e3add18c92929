"""Thresholds by group, on a candidate as it is: no model is trained for a look at them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.rows import SplitRows
from faircore.groups import find_partition
from faircore.metrics import THRESHOLDS, confusion_counts, threshold_index


def decisions_at(
    rows: SplitRows,
    passed: NDArray[np.uint8],
    threshold: float | Mapping[str, float],
    *,
    partition: str = "",
) -> NDArray[np.int8]:
    """Whom a candidate selects at one threshold, or at one per group.

    Parameters
    ----------
    rows : SplitRows
    passed : ndarray of uint8, shape (n,)
        As :attr:`Candidate.passed` holds it.
    threshold : float or mapping of group name to float
        The nearest of :data:`faircore.metrics.THRESHOLDS` is taken. Every group of ``partition``
        needs one.
    partition : str
        The partition whose groups have thresholds of their own.

    Returns
    -------
    ndarray of 0 and 1, shape (n,)
    """
    if not isinstance(threshold, Mapping):
        return (passed > threshold_index(_checked(threshold))).astype(np.int8)
    whole = find_partition(rows.groups.partitions, partition)
    absent = [name for name in whole.group_names if name not in threshold]
    if absent:
        raise InputError(
            f"{len(absent)} of {len(whole.labels)} groups of {partition} have no threshold. Give "
            "each group one."
        )
    by_group = np.array([threshold_index(_checked(threshold[n])) for n in whole.group_names])
    codes = rows.groups.codes[rows.groups.partitions.index(whole)] - whole.start
    selected: NDArray[np.int8] = (passed > by_group[codes]).astype(np.int8)
    return selected


def counts_of(rows: SplitRows, decisions: NDArray[np.int8]) -> NDArray[np.float64]:
    """Confusion counts of decisions over every partition, shape (g, 2, 2)."""
    return confusion_counts(rows.y_true, decisions, rows.groups, rows.weights)


def evidence_of(
    rows: SplitRows, decisions: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows behind :func:`counts_of`, and their squared weights, each of shape (g, 2, 2).

    A squared sum of weights over the sum of their squares is the number of unweighted people who
    say as much (Kish 1965).
    """
    people = confusion_counts(rows.y_true, decisions, rows.groups)
    if rows.weights is None:
        return people, people
    return people, confusion_counts(rows.y_true, decisions, rows.groups, rows.weights**2)


def rows_by_score(rows: SplitRows, passed: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Rows whose score is at a threshold of the grid and below the next, shape (t, g)."""
    size = rows.groups.n_groups
    index = (passed.astype(np.int64) - 1) * size + rows.groups.codes
    counted = np.bincount(index.ravel(), minlength=len(THRESHOLDS) * size)
    return counted.reshape(-1, size).astype(np.float64)


def _checked(threshold: float) -> float:
    low, high = float(THRESHOLDS[0]), float(THRESHOLDS[-1])
    if not low <= threshold <= high:
        raise InputError(f"A threshold must lie between 0 and 1; one is {threshold}. Change it.")
    return threshold
