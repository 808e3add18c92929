"""All that measuring needs to know about a system, without its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups, Partition
from faircore.metrics.counts import confusion_counts
from faircore.metrics.histograms import ScoreHistogram, score_histogram, without
from faircore.metrics.inputs import as_binary, as_scores, as_weights, check_threshold, same_length


@dataclass(frozen=True, eq=False)
class Tally:
    """Confusion counts, and scores per bin, of every group.

    Attributes
    ----------
    partitions : tuple of Partition
    rows : ndarray of float64, shape (g, 2, 2)
        Rows per (true, predicted).
    counts, squares : ndarray of float64, shape (g, 2, 2)
        Sum of the weights, and of their squares. Weights have mean 1, so that counts read as
        people.
    scores : ScoreHistogram, optional
        Absent where only decisions are known.
    """

    partitions: tuple[Partition, ...]
    rows: NDArray[np.float64]
    counts: NDArray[np.float64]
    squares: NDArray[np.float64]
    scores: ScoreHistogram | None = None

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows per group, shape (g,)."""
        sizes: NDArray[np.int64] = self.rows.sum((-2, -1)).astype(np.int64)
        return sizes

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.sizes[self.partitions[0].groups].sum())

    @property
    def weighted(self) -> bool:
        """Whether some row counts more than another."""
        return not np.array_equal(self.counts, self.rows)

    def everybody(self) -> Tally:
        """All rows as a single group."""
        groups = self.partitions[0].groups
        return self._each(
            lambda sums: sums[groups].sum(axis=0, keepdims=True),
            (Partition((), (("everybody",),), 0),),
        )

    def rest(self) -> Tally:
        """In place of each group, everybody who is not in it."""
        groups = self.partitions[0].groups

        def others(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            return without(sums[groups].sum(axis=0), sums)

        return self._each(others, self.partitions)

    def of(self, partition: Partition) -> Tally:
        """The groups of one partition alone."""
        return self._each(lambda sums: sums[partition.groups], (replace(partition, start=0),))

    def pick(self, groups: NDArray[np.intp]) -> Tally:
        """Some groups of a tally of one partition."""
        (whole,) = self.partitions
        labels = tuple(whole.labels[i] for i in groups)
        return self._each(lambda sums: sums[groups], (replace(whole, labels=labels),))

    def _each(
        self,
        change: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        partitions: tuple[Partition, ...],
    ) -> Tally:
        return Tally(
            partitions,
            change(self.rows),
            change(self.counts),
            change(self.squares),
            None if self.scores is None else self.scores.each(change),
        )


def tally_rows(
    y_true: Any,
    y_pred: Any = None,
    *,
    y_score: Any = None,
    groups: Groups,
    sample_weight: Any = None,
    threshold: float = 0.5,
) -> Tally:
    """Count rows.

    Parameters
    ----------
    y_true : array of 0 and 1, shape (n,)
    y_pred : array of 0 and 1, shape (n,), optional
        Decisions; from ``y_score`` and ``threshold`` when left out.
    y_score : array, shape (n,), optional
        Probabilities.
    groups : Groups, n rows
    sample_weight : array, shape (n,), optional
    threshold : float
        A row is selected when its score is at least this.

    Raises
    ------
    InputError
        When lengths differ, values are not 0 and 1, scores are not probabilities, or neither
        decisions nor scores are given.
    """
    check_threshold(threshold)
    truth = as_binary(y_true, name="y_true")
    if y_pred is None and y_score is None:
        raise InputError("Pass decisions as y_pred, probabilities as y_score, or both.")
    score = None if y_score is None else as_scores(y_score)
    if score is not None:
        same_length("y_score", score, len(truth))
    if y_pred is not None:
        pred = as_binary(y_pred, name="y_pred")
        same_length("y_pred", pred, len(truth))
    else:
        assert score is not None
        pred = (score >= threshold).astype(np.int8)
    weights = as_weights(sample_weight, n_rows=len(truth))
    same_length("sensitive_features", groups.codes[0], len(truth))
    rows = confusion_counts(truth, pred, groups)
    if weights is None:
        counts = squares = rows
    else:
        weights = weights / weights.mean()
        counts = confusion_counts(truth, pred, groups, weights)
        squares = confusion_counts(truth, pred, groups, weights**2)
    histogram = None if score is None else score_histogram(truth, score, groups, weights)
    return Tally(groups.partitions, rows, counts, squares, histogram)
