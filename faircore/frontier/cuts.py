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


def _checked(threshold: float) -> float:
    low, high = float(THRESHOLDS[0]), float(THRESHOLDS[-1])
    if not low <= threshold <= high:
        raise InputError(f"A threshold must lie between 0 and 1; one is {threshold}. Change it.")
    return threshold
