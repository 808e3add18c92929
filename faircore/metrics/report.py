"""One call from labels, decisions and scores to every figure, group and disparity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.groups import Groups, Partition
from faircore.metrics.calibration import calibration_error
from faircore.metrics.disparities import DISPARITIES
from faircore.metrics.inputs import as_weights
from faircore.metrics.rates import RATES
from faircore.metrics.scores import auc, mean_loss
from faircore.metrics.tally import Tally, tally_rows


@dataclass(frozen=True, eq=False)
class Report:
    """Figures and disparities of a set of decisions, of scores, or of both.

    Attributes
    ----------
    overall : DataFrame
        One row: ``n`` and every figure, over all rows.
    by_group : DataFrame
        Indexed by partition and group: ``n``, ``weight``, every rate and, given scores, ``auc``,
        ``brier``, ``log_loss`` and ``ece`` (expected calibration error). Undefined (0/0) is NaN.
    disparities : DataFrame
        Indexed by partition; one column per disparity.
    counts : ndarray, shape (g, 2, 2)
        The weighted confusion counts the rates were computed from.
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
    """Measure decisions, scores, or both, per group; :func:`faircore.group_report` adds intervals.

    Parameters
    ----------
    y_true : array of 0 and 1, shape (n,)
        1 is the good outcome.
    y_pred : array of 0 and 1, shape (n,), optional
        Decisions; 1 is selected. From ``y_score`` and ``threshold`` when left out.
    y_score : array, shape (n,), optional
        Probabilities; a row is selected when its score is at least ``threshold``.
    sensitive_features : array, Series, DataFrame or Groups, n rows
        One attribute, or one column per attribute. A missing value is a group.
    sample_weight : array, shape (n,), optional
        Zero or more.
    threshold : float
        Used where there is no ``y_pred``.

    Raises
    ------
    InputError
        When lengths differ, values are not 0 and 1, scores are not probabilities, or neither
        ``y_pred`` nor ``y_score`` is given.

    Examples
    --------
    >>> report = evaluate([0, 1, 1, 1], [0, 1, 0, 1], sensitive_features=["a", "a", "b", "b"])
    >>> report.by_group["selection_rate"].tolist()
    [0.5, 0.5]
    >>> float(report.disparities["equal_opportunity_difference"].iloc[0])
    0.5
    """
    tally = tally_rows(
        y_true,
        y_pred,
        y_score=y_score,
        groups=Groups.of(sensitive_features),
        sample_weight=sample_weight,
        threshold=threshold,
    )
    everybody = tally.everybody()
    # The tally brings weights to mean 1; here they keep their unit.
    weights = as_weights(sample_weight, n_rows=tally.n_rows)
    counts = tally.counts * (1.0 if weights is None else weights.mean())
    by_group = group_table(counts, tally.partitions, sizes=tally.sizes)
    return Report(
        overall=pd.DataFrame(
            {"n": [tally.n_rows], **_rates(everybody.counts), **_of_scores(everybody)}
        ),
        by_group=by_group.assign(**_of_scores(tally)),
        disparities=disparity_table(counts, tally.partitions),
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


def _of_scores(tally: Tally) -> dict[str, NDArray[np.float64]]:
    if tally.scores is None:
        return {}
    return {
        "auc": auc(tally.scores).value,
        "brier": mean_loss(tally.scores, "brier").value,
        "log_loss": mean_loss(tally.scores, "log_loss").value,
        "ece": calibration_error(tally.scores).value,
    }


def _rates(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {name: rate(counts) for name, rate in RATES.items()}
