"""What a change of the scores did to everything else: two scores of the same people, compared.

Calibration, thresholds and fairness pull in different directions. Both scores are of the same
rows, so what is told is the change of each figure with an interval of its own, which is far
narrower than the intervals of the two figures suggest.

References
----------
DeLong, DeLong & Clarke-Pearson 1988 (two AUCs of the same people); Efron & Tibshirani 1993.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from faircore.groups import Groups, Partition, find_partition
from faircore.metrics import (
    DISPARITIES,
    MIN_PEOPLE,
    PERFORMANCES,
    confusion_counts,
    overall_counts,
)
from faircore.metrics.histograms import LOSSES, row_sums
from faircore.metrics.inputs import (
    as_binary,
    as_scores,
    as_weights,
    check_threshold,
    same_length,
)
from faircore.metrics.intervals import Array, z_of
from faircore.metrics.multiple import holm
from faircore.metrics.resampling import REPLICATES, bootstrap_cells

AUC = "auc"
_SCORES = {AUC: "Ranking (AUC)", "brier": "Brier score", "log_loss": "Log loss"}

Figure = Callable[[Array], Array]


def score_effect(
    y_true: Any,
    before: Any,
    after: Any,
    *,
    sensitive_features: Any,
    partition: str | None = None,
    threshold: float = 0.5,
    sample_weight: Any = None,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare two scores of the same people in every figure but calibration.

    Parameters
    ----------
    y_true : array of 0 and 1, shape (n,)
        1 is the good outcome.
    before, after : array, shape (n,)
        Probabilities of the good outcome.
    sensitive_features : array, Series, DataFrame or Groups, n rows
    partition : str, optional
        Groups that gaps are between; the first by default.
    threshold : float
        From which score a person is selected, in both.
    sample_weight : array, shape (n,), optional
    confidence : float
    replicates, seed : int
        Of the bootstrap of decisions.

    Returns
    -------
    DataFrame
        One row per figure: ``title``, ``kind`` (``performance``, ``score`` or ``disparity``),
        ``better`` (1 where higher is better, -1 where lower is), ``before``, ``after``,
        ``change`` (after - before), ``low`` and ``high``, the interval of the change, and
        ``p_holm``, the p-value of no change with all figures considered together (Holm). NaN
        where undefined. The interval of a gap's change is the reflected one of the bootstrap: the
        gap itself is biased upwards, the more so the more equal the groups are.

    Raises
    ------
    InputError
        When lengths differ, or values are no labels, probabilities or weights.

    Examples
    --------
    >>> y, score = np.tile([0, 1], 300), np.tile([0.2, 0.6], 300)
    >>> sex = np.repeat(["f", "m"], 300)
    >>> table = score_effect(y, score, score, sensitive_features={"sex": sex})
    >>> table.loc["accuracy", ["before", "after", "change"]].tolist()
    [1.0, 1.0, 0.0]
    """
    y = as_binary(y_true, name="y_true")
    scores = (as_scores(before, name="before"), as_scores(after, name="after"))
    groups = Groups.of(sensitive_features)
    for name, column in (("before", scores[0]), ("after", scores[1])):
        same_length(name, column, len(y))
    same_length("sensitive_features", groups.codes[0], len(y))
    check_threshold(threshold)
    weights = as_weights(sample_weight, n_rows=len(y))
    own = (
        groups.partitions[0] if partition is None else find_partition(groups.partitions, partition)
    )
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    cells = _Cells.of(y, scores, groups, weights, threshold)
    drawn = cells.drawn(own, replicates, seed)
    rows = {
        name: (title, kind, better, *_of_counts(figure, cells, drawn, own, (low, high)))
        for name, title, kind, better, figure in _figures(own)
    }
    w = np.ones(len(y)) if weights is None else weights
    rows |= {
        name: (
            title,
            "score",
            1 if name == AUC else -1,
            *_of_scores(name, y, scores, w, confidence),
        )
        for name, title in _SCORES.items()
    }
    columns = ["title", "kind", "better", "before", "after", "change", "low", "high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    error = (table["high"] - table["low"]).to_numpy(float) / (2 * z_of(confidence))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * norm.sf(np.abs(table["change"].to_numpy(float)) / error)
    return table.assign(p_holm=holm(np.where(error == 0, 1.0, p)))


def _figures(partition: Partition) -> list[tuple[str, str, str, int, Figure]]:
    """Every figure of counts: name, title, kind, which way is better, and how it is computed."""

    def of_all(performance: Figure) -> Figure:
        return lambda counts: performance(overall_counts(counts, partition))

    def of_groups(disparity: Callable[..., Array]) -> Figure:
        return lambda counts: disparity(counts[..., partition.groups, :, :], min_people=MIN_PEOPLE)

    return [
        *((p.name, p.title, "performance", 1, of_all(p)) for p in PERFORMANCES.values()),
        *(
            (d.name, d.title, "disparity", 1 if d.kind == "ratio" else -1, of_groups(d))
            for d in DISPARITIES.values()
        ),
    ]


class _Cells:
    """Rows counted by group, outcome, decision before and decision after."""

    def __init__(self, rows: Array, weights: tuple[Array, Array] | None) -> None:
        self.rows, self.weights = rows, weights
        self.counts = rows if weights is None else weights[0]

    @classmethod
    def of(
        cls,
        y: NDArray[np.int8],
        scores: tuple[Array, Array],
        groups: Groups,
        weights: NDArray[np.float64] | None,
        threshold: float,
    ) -> _Cells:
        """Count them: shape (g, 2, 2, 2)."""
        chosen = [(s >= threshold).astype(np.int8) for s in scores]

        def count(w: NDArray[np.float64] | None) -> Array:
            halves = []
            for first in (0, 1):
                inside = np.flatnonzero(chosen[0] == first)
                halves.append(
                    confusion_counts(
                        y[inside], chosen[1][inside], groups.take(inside),
                        None if w is None else w[inside],
                    )
                )  # fmt: skip
            return np.stack(halves, axis=-2)

        return cls(count(None), None if weights is None else (count(weights), count(weights**2)))

    def drawn(self, partition: Partition, replicates: int, seed: int) -> Array:
        """Counts drawn anew within a partition, zero elsewhere, (b, g, 2, 2, 2)."""
        own = partition.groups
        weights = None if self.weights is None else (self.weights[0][own], self.weights[1][own])
        found = np.zeros((replicates, *self.rows.shape))
        found[:, own] = bootstrap_cells(self.rows[own], weights, replicates=replicates, seed=seed)
        return found


def _of_counts(
    figure: Figure, cells: _Cells, drawn: Array, partition: Partition, tails: tuple[float, float]
) -> tuple[float, ...]:
    """Before, after, change and its limits of a figure of counts (..., g, 2, 2)."""

    def both(counts: Array) -> tuple[Array, Array]:
        return figure(counts.sum(axis=-1)), figure(counts.sum(axis=-2))

    before, after = (float(value) for value in both(cells.counts))
    first, second = both(drawn)
    changes = (second - first)[np.isfinite(second - first)]
    known = len(changes) >= len(drawn) / 2 and np.isfinite(after - before)
    if not known:
        return before, after, after - before, float("nan"), float("nan")
    # Reflected, so that the bias of a range over groups is taken out and not counted twice.
    high, low = (2 * (after - before) - float(q) for q in np.quantile(changes, tails))
    return before, after, after - before, low, high


def _of_scores(
    name: str,
    y: NDArray[np.int8],
    scores: tuple[Array, Array],
    weights: NDArray[np.float64],
    confidence: float,
) -> tuple[float, ...]:
    """Before, after, change and its limits of a figure of scores."""
    if name == AUC:
        return _auc_change(y, scores, weights, confidence)
    assert name in LOSSES
    losses = [row_sums(y, s)[name] for s in scores]
    means = [float(np.average(loss, weights=weights)) for loss in losses]
    change, error = _mean_change(losses[1] - losses[0], weights)
    people = weights.sum() ** 2 / (weights**2).sum()
    half = float(student.ppf(0.5 + confidence / 2, max(people - 1, 1e-9))) * error
    return (*means, change, change - half, change + half)


def _mean_change(values: Array, weights: Array) -> tuple[float, float]:
    """Weighted mean of values and its standard error."""
    mean = float(np.average(values, weights=weights))
    total, squares = weights.sum(), (weights**2).sum()
    people = total**2 / squares
    if people <= 1:
        return mean, float("nan")
    spread = float((weights**2 * (values - mean) ** 2).sum()) / total**2
    return mean, float(np.sqrt(spread * people / (people - 1)))


def _auc_change(
    y: NDArray[np.int8], scores: tuple[Array, Array], weights: Array, confidence: float
) -> tuple[float, ...]:
    """DeLong's comparison of two AUCs over the same people."""
    if not 0 < y.sum() < len(y):
        return (float("nan"),) * 5
    good = y == 1
    places = [_placements(s, good, weights) for s in scores]
    values = [float(np.average(above, weights=weights[good])) for above, _ in places]
    change = values[1] - values[0]
    (_, of_good), (_, of_others) = (
        _mean_change(places[1][side] - places[0][side], weights[rows])
        for side, rows in ((0, good), (1, ~good))
    )
    half = z_of(confidence) * float(np.hypot(of_good, of_others))
    return (*values, change, change - half, change + half)


def _placements(scores: Array, good: NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
    """Share of those of the other outcome that each is ranked right against, ties half."""
    distinct, rank = np.unique(scores, return_inverse=True)
    found = []
    for own, others in ((good, ~good), (~good, good)):
        mass = np.bincount(rank[others], weights[others], minlength=len(distinct))
        share = (np.cumsum(mass) - mass / 2) / mass.sum()
        found.append(share[rank[own]])
    return found[0], 1 - found[1]
