"""Scores counted per group and fine bin: what ranking and calibration are computed from.

A histogram holds no row. Up to :data:`N_BINS` distinct scores each have a bin of their own, and
everything computed from it is exact; beyond that, scores within about a two-thousandth of each
other (far less near 0 and 1) count as ties in a ranking. That moves an AUC by less than 1e-4, or
1e-3 where all scores crowd into a hundredth; :func:`exact_histograms` loses nothing, one group at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Groups

N_BINS = 8_192
SOFT = 1e-4  # how close to 0 and 1 the bins still become finer
SPAN = float(np.log1p(SOFT) - np.log(SOFT))

LOSSES = ("brier", "log_loss")
TINY = float(np.finfo(np.float64).eps)  # a certain prediction that fails costs 36, not infinity


@dataclass(frozen=True, eq=False)
class ScoreHistogram:
    """Sums per group and score bin; bins run from the lowest to the highest score.

    Attributes
    ----------
    weight, positive, score : ndarray of float64, shape (g, bins)
        Sum of the weights, of the weights of those with the good outcome, and of weight times
        score.
    variance : ndarray, shape (g, bins)
        Sum of squared weight times score times (1 - score): the variance that the number of good
        outcomes has when each score is exactly right.
    residual : ndarray, shape (g, bins)
        Sum of squared weight times squared (label - score): what that variance was in fact.
    squares, positive_squares : ndarray, shape (g, bins)
        Sum of the squared weights, and of those with the good outcome.
    losses : dict of str to ndarray, shape (g, 3)
        For each of :data:`LOSSES`, the sums over rows of w·l, w²·l and w²·l².
    """

    weight: NDArray[np.float64]
    positive: NDArray[np.float64]
    score: NDArray[np.float64]
    variance: NDArray[np.float64]
    residual: NDArray[np.float64]
    squares: NDArray[np.float64]
    positive_squares: NDArray[np.float64]
    losses: dict[str, NDArray[np.float64]]

    @property
    def negative(self) -> NDArray[np.float64]:
        """Sum of the weights of those without the good outcome, shape (g, bins)."""
        return without(self.weight, self.positive)

    def each(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> ScoreHistogram:
        """The histogram with a linear change along the groups made to all its sums."""
        return ScoreHistogram(
            **{name: change(getattr(self, name)) for name in _SUMS},
            losses={name: change(sums) for name, sums in self.losses.items()},
        )


_SUMS = ("weight", "positive", "score", "variance", "residual", "squares", "positive_squares")


def without(total: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of a sum of weights; rounding residue of nothing is nothing, not somebody."""
    rest = total - part
    return np.where(rest > 1e-9 * np.abs(total), rest, 0.0)


def score_bins(scores: NDArray[np.float64]) -> NDArray[np.int32]:
    """Fine bin of each score, shape (n,), in [0, N_BINS): even steps on a softened logit scale."""
    place = (np.log(scores + SOFT) - np.log1p(SOFT - scores)) / (2 * SPAN) + 0.5
    return np.minimum(place * N_BINS, N_BINS - 1).astype(np.int32)


def score_histogram(
    y_true: NDArray[np.int8],
    y_score: NDArray[np.float64],
    groups: Groups,
    weights: NDArray[np.float64] | None = None,
) -> ScoreHistogram:
    """Count scores per group and bin.

    Parameters
    ----------
    y_true : ndarray of 0 and 1, shape (n,)
    y_score : ndarray, shape (n,)
        Probabilities.
    groups : Groups, n rows
    weights : ndarray, shape (n,), optional
    """
    distinct, rank = np.unique(y_score, return_inverse=True)
    bins, n_bins = (
        (rank, len(distinct)) if len(distinct) <= N_BINS else (score_bins(y_score), N_BINS)
    )
    w = np.ones(len(y_true)) if weights is None else weights
    return _of_rows(y_true, y_score, w, groups.codes, bins, shape=(groups.n_groups, n_bins))


def exact_histogram(
    y_true: NDArray[np.int8],
    y_score: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> ScoreHistogram:
    """All rows as one group, every distinct score with a bin of its own, however many.

    Parameters
    ----------
    y_true : ndarray of 0 and 1, shape (n,)
    y_score : ndarray, shape (n,)
        Probabilities.
    weights : ndarray, shape (n,), optional

    Returns
    -------
    ScoreHistogram
        Of one group; of one empty bin without rows.
    """
    distinct, rank = np.unique(y_score, return_inverse=True)
    w = np.ones(len(y_true)) if weights is None else weights
    one = np.zeros((1, len(y_true)), np.int32)
    return _of_rows(y_true, y_score, w, one, rank, shape=(1, max(len(distinct), 1)))


def exact_histograms(
    y_true: NDArray[np.int8],
    y_score: NDArray[np.float64],
    groups: Groups,
    weights: NDArray[np.float64] | None = None,
) -> Iterator[ScoreHistogram]:
    """Yield :func:`exact_histogram` of one group after another, in the order of their numbers.

    Only one is in memory at a time: together they would need as many bins as there are distinct
    scores in all for each group.
    """
    for codes, partition in zip(groups.codes, groups.partitions, strict=True):
        order = np.argsort(codes, kind="stable")
        numbers = np.arange(partition.groups.start, partition.groups.stop + 1)
        for start, stop in pairwise(np.searchsorted(codes[order], numbers).tolist()):
            rows = order[start:stop]
            own = None if weights is None else weights[rows]
            yield exact_histogram(y_true[rows], y_score[rows], own)


def _of_rows(
    y_true: NDArray[np.int8],
    y_score: NDArray[np.float64],
    w: NDArray[np.float64],
    codes: NDArray[np.int32],
    bins: NDArray[np.integer],
    *,
    shape: tuple[int, int],
) -> ScoreHistogram:
    sums = row_sums(y_true, y_score)
    return sum_histogram(
        codes,
        bins,
        shape=shape,
        weight=w,
        positive=w * y_true,
        score=w * y_score,
        variance=w * w * sums["variance"],
        residual=w * w * sums["brier"],
        squares=w * w,
        positive_squares=w * w * y_true,
        losses={
            name: np.stack([w * sums[name], w * w * sums[name], w * w * sums[name] ** 2])
            for name in LOSSES
        },
    )


def row_sums(
    y_true: NDArray[np.int8], y_score: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """What each row adds, weights aside: its variance and its losses, each of shape (n,)."""
    right = np.where(y_true == 1, y_score, 1 - y_score)
    return {
        "variance": y_score * (1 - y_score),
        "brier": (y_score - y_true) ** 2,
        "log_loss": -np.log(np.clip(right, TINY, 1 - TINY)),
    }


def sum_histogram(
    codes: NDArray[np.int32],
    bins: NDArray[np.integer],
    *,
    shape: tuple[int, int],
    losses: dict[str, NDArray[np.float64]],
    **sums: NDArray[np.float64],
) -> ScoreHistogram:
    """Add rows, or cells that are sums of rows already, into a histogram.

    Parameters
    ----------
    codes : ndarray, shape (p, m)
        Group of each row or cell in each partition.
    bins : ndarray, shape (m,)
    shape : (g, bins)
    losses : dict of str to ndarray, shape (3, m)
    **sums : ndarray, shape (m,)
        One for each sum of :class:`ScoreHistogram`.
    """
    flat = (codes.astype(np.int64) * shape[1] + bins).ravel()
    n_partitions = len(codes)

    def add(
        values: NDArray[np.float64], index: NDArray[np.int64], size: int
    ) -> NDArray[np.float64]:
        sums = np.bincount(index, np.tile(values, n_partitions), minlength=size)
        return sums.astype(np.float64)

    groups = codes.ravel().astype(np.int64)
    return ScoreHistogram(
        **{k: add(v, flat, shape[0] * shape[1]).reshape(shape) for k, v in sums.items()},
        losses={
            name: np.stack([add(row, groups, shape[0]) for row in rows], axis=1)
            for name, rows in losses.items()
        },
    )
