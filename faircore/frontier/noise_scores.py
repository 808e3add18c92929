"""How far ranking, loss and calibration of the scores move when the people are drawn again.

To first order a redraw moves a measure by the mean, over the rows as redrawn, of each row's
influence on it. Scores are known to a hundredth; the value itself is measured elsewhere, exactly,
and these moves go around it.

References
----------
Hampel 1974 (influence functions); DeLong, DeLong & Clarke-Pearson 1988 (of the AUC).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.noise import MAX_PRODUCT, REPLICATES, check_passed, row_weights
from faircore.frontier.rows import SplitRows
from faircore.metrics import THRESHOLDS
from faircore.metrics.reliability import BINS
from faircore.metrics.score_measures import SCORE_MEASURES

_LEVELS = len(THRESHOLDS) + 1
_BLOCK = 1 << 22  # influences held at a time: 16 MB


def draw_scores(
    rows: SplitRows,
    passed: NDArray[np.uint8],
    measure: str,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    max_product: float = MAX_PRODUCT,
) -> NDArray[np.float32]:
    """Redraw a measure of everybody's scores, by the weights of :func:`draw_counts`.

    Parameters
    ----------
    rows : SplitRows
    passed : ndarray of uint8, shape (k, n)
        As :attr:`Candidate.passed` holds it; a score is read as the middle of its hundredth.
    measure : str
        One of :data:`faircore.metrics.score_measures.SCORE_MEASURES`.
    replicates : int
        Redraws, 2 or more.
    seed : int
    max_product : float
        When candidates times rows exceed it, only some of the rows, evenly spread, are looked at,
        and the moves are scaled to the number of rows there are.

    Returns
    -------
    ndarray of float32, shape (b, k)
        Moves, about 0 on average; NaN for an AUC where only one outcome was seen.

    Raises
    ------
    InputError
        When there is no such measure, or ``passed`` does not fit the rows.
    """
    if measure not in SCORE_MEASURES:
        raise InputError(
            f"There is no measure of scores {measure!r}. Choose one of: "
            f"{', '.join(SCORE_MEASURES)}."
        )
    check_passed(rows, passed, replicates)
    n, k = len(rows), len(passed)
    size = n if n * k <= max_product else max(int(max_product / k), min(n, 1_000))
    picked = np.linspace(0, n - 1, size).astype(np.intp)
    weights = row_weights(n, replicates, seed)[:, picked]
    own = np.ones(n) if rows.weights is None else rows.weights
    weights = weights * own[picked].astype(np.float32)
    weights = weights / weights.sum(axis=1, keepdims=True)
    y = rows.y_true.astype(np.intp)
    moves = np.empty((replicates, k), np.float32)
    step = max(_BLOCK // size, 1)
    for start in range(0, k, step):
        chunk = passed[start : start + step]
        influence = np.empty((len(chunk), size), np.float32)
        for i, one in enumerate(chunk):
            cell = y * _LEVELS + one
            mass = np.bincount(cell, own, 2 * _LEVELS).astype(np.float64)
            table = _influence(mass.reshape(2, _LEVELS), measure)
            found = table.ravel()[cell[picked]]
            # Centred on the rows looked at, so that what they share is no move.
            influence[i] = found - found @ own[picked] / own[picked].sum()
        moves[:, start : start + step] = weights @ influence.T
    return moves * np.float32(np.sqrt(size / n))


def _influence(mass: NDArray[np.float64], measure: str) -> NDArray[np.float64]:
    """Influence of a row on a measure by outcome and level, (2, levels); ``mass`` alike."""
    if measure == "auc":
        return _of_auc(mass)
    score = (np.arange(_LEVELS) - 0.5) / (len(THRESHOLDS) - 1)
    score = np.clip(score, 0.0025, 0.9975)  # the ends of the grid: certain, up to its width
    if measure == "log_loss":
        return np.stack([-np.log1p(-score), -np.log(score)])
    return _of_calibration(mass, score)


def _of_auc(mass: NDArray[np.float64]) -> NDArray[np.float64]:
    negative, positive = mass / np.where(mass.sum(1) > 0, mass.sum(1), np.nan)[:, None]
    below = np.cumsum(negative) - negative / 2
    above = 1 - np.cumsum(positive) + positive / 2
    value = float(positive @ below)
    share = mass.sum(axis=1) / mass.sum()
    return np.stack([(above - value) / share[0], (below - value) / share[1]])


def _of_calibration(mass: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the mean absolute difference of score and outcome in bins of equal mass, kept as seen."""
    each = mass.sum(axis=0)
    place = (np.cumsum(each) - each / 2) / each.sum()
    bins = np.minimum((place * BINS).astype(np.intp), BINS - 1)
    off = mass[0] * score + mass[1] * (score - 1)
    sign = np.sign(np.bincount(bins, off, BINS))[bins]
    return np.stack([sign * score, sign * (score - 1)])
