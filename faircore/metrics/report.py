"""One call from labels and decisions to every rate, group and disparity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups, Partition
from faircore.metrics.counts import confusion_counts
from faircore.metrics.disparities import DISPARITIES, overall_counts
from faircore.metrics.inputs import as_binary, as_scores, as_weights, same_length
from faircore.metrics.rates import RATES


@dataclass(frozen=True, eq=False)
class Report:
    """Rates and disparities of a set of decisions.

    Attributes
    ----------
    overall : DataFrame
        One row: ``n`` and every rate, over all rows.
    by_group : DataFrame
        Indexed by partition and group: ``n``, ``weight`` and every rate. An undefined rate (0/0)
        is NaN.
    disparities : DataFrame
        Indexed by partition; one column per disparity.
    counts : ndarray, shape (g, 2, 2)
        The weighted confusion counts all of it was computed from.
    """

    overall: pd.DataFrame
    by_group: pd.DataFrame
    disparities: pd.DataFrame
    counts: NDArray[np.float64]


def evaluate(
    y_true: Any,
    y_pred: Any = None,
    *,
    y_score: Any = None,
    sensitive_features: Any,
    sample_weight: Any = None,
    threshold: float = 0.5,
) -> Report:
    """Measure decisions, or scores at a threshold, per group.

    Parameters
    ----------
    y_true : array of 0 and 1, shape (n,)
        1 is the good outcome.
    y_pred : array of 0 and 1, shape (n,), optional
        Decisions; 1 is selected.
    y_score : array, shape (n,), optional
        Probabilities; a row is selected when its score is at least ``threshold``.
    sensitive_features : array, Series, DataFrame or Groups, n rows
        One attribute, or one column per attribute. A missing value is a group.
    sample_weight : array, shape (n,), optional
        Zero or more.
    threshold : float
        Used with ``y_score`` only.

    Raises
    ------
    InputError
        When lengths differ, values are not 0 and 1, scores are not probabilities, or neither or
        both of ``y_pred`` and ``y_score`` are given.

    Examples
    --------
    >>> report = evaluate([0, 1, 1, 1], [0, 1, 0, 1], sensitive_features=["a", "a", "b", "b"])
    >>> report.by_group["selection_rate"].tolist()
    [0.5, 0.5]
    >>> float(report.disparities["equal_opportunity_difference"].iloc[0])
    0.5
    """
    truth = as_binary(y_true, name="y_true")
    if (y_pred is None) == (y_score is None):
        raise InputError("Pass either y_pred (decisions) or y_score (probabilities), not both.")
    if y_pred is None:
        score = as_scores(y_score)
        same_length("y_score", score, len(truth))
        pred = (score >= threshold).astype(np.int8)
    else:
        pred = as_binary(y_pred, name="y_pred")
        same_length("y_pred", pred, len(truth))
    weights = as_weights(sample_weight, n_rows=len(truth))
    groups = Groups.of(sensitive_features)
    same_length("sensitive_features", groups.codes[0], len(truth))
    counts = confusion_counts(truth, pred, groups, weights)
    return Report(
        overall=pd.DataFrame(
            {"n": [len(truth)], **_rates(overall_counts(counts, groups.partitions[0])[None])}
        ),
        by_group=group_table(counts, groups.partitions, sizes=groups.sizes),
        disparities=disparity_table(counts, groups.partitions),
        counts=counts,
    )


def group_table(
    counts: NDArray[np.float64], partitions: tuple[Partition, ...], *, sizes: NDArray[np.int64]
) -> pd.DataFrame:
    """Every rate of every group.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
    partitions : tuple of Partition
    sizes : ndarray of int, shape (g,)
        Rows in each group.
    """
    index = pd.MultiIndex.from_tuples(
        [(p.name, name) for p in partitions for name in p.group_names],
        names=["partition", "group"],
    )
    columns = {"n": sizes, "weight": counts.sum((-2, -1)), **_rates(counts)}
    return pd.DataFrame(columns, index=index)


def disparity_table(counts: NDArray[np.float64], partitions: tuple[Partition, ...]) -> pd.DataFrame:
    """Every disparity of every partition, from counts of shape (g, 2, 2)."""
    rows = [
        {name: float(d(counts[p.groups])) for name, d in DISPARITIES.items()} for p in partitions
    ]
    return pd.DataFrame(rows, index=pd.Index([p.name for p in partitions], name="partition"))


def _rates(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {name: rate(counts) for name, rate in RATES.items()}
