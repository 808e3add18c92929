"""ECCE: how far outcomes run away from scores, added up in the order of the scores.

Under calibration the sum is a random walk, and its range in standard deviations is nearly that of
a Brownian motion whatever the size of the group. A walk in steps misses a little of both ends:
long walks are corrected for that, short ones are drawn.

References
----------
Arrieta-Ibarra et al. 2022; Feller 1951 (the range of a Brownian motion); Siegmund 1985 (what a
walk in steps misses).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array

REPLICATES = 1_000
_BOTH_ENDS = 2 * 0.5826  # what a walk of normal steps misses, in standard deviations of a step
_RARE = 1 / 3  # the same of rare steps all one way, in lengths of a step
_SHORT = 0.05  # a walk that misses more, in its own standard deviations, is drawn
_MOST_STEPS = 4_096  # of a walk that is drawn
_ENOUGH = 20  # draws beyond what was observed, below which their share is a guess
_AGAIN = 10  # times as many draws where it is, and
_HOPELESS = 1e-4  # smooth chance below which, when no draw reaches it, no more are made
_RARELY = 10.0  # the good outcomes vary by less than so many people
_NORMAL = 50.0  # variance, in people, from which a step is taken as normal
_CELLS = 2_000_000


def cumulative_error(
    scores: ScoreHistogram, *, replicates: int = REPLICATES, seed: int = 0
) -> tuple[Array, Array]:
    """ECCE: how far the sum of (outcome - score), taken in the order of the scores, wanders.

    Parameters
    ----------
    scores : ScoreHistogram
    replicates : int
        Walks drawn for a group of few people or few distinct scores. Where hardly any of them
        reaches as far as observed, ten times as many are drawn; where none does, the corrected
        chance of a Brownian motion takes over, unless good outcomes are too rare for it.
    seed : int

    Returns
    -------
    statistic : ndarray, shape (g,)
        Its range in standard deviations: about 1.5 under calibration in a group of any size, a
        little less in the smallest. NaN in an empty group, and where every score is 0 or 1.
    p_value : ndarray, shape (g,)
        Chance of a range this wide under calibration: of a Brownian motion, less what a walk in
        steps misses of it, or drawn. With few distinct scores, of which the range takes few
        values, it is conservative.
    """
    wander = np.cumsum(scores.positive - scores.score, -1)
    span = np.maximum(wander.max(-1), 0.0) - np.minimum(wander.min(-1), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = span / np.sqrt(scores.variance.sum(-1))
    statistic[~np.isfinite(statistic)] = np.nan
    missing, steps = _missing(scores), (scores.weight > 0).sum(-1)
    p_value = range_survival(statistic + missing)
    drawn = (missing > _SHORT) & (steps <= _MOST_STEPS) & np.isfinite(statistic)
    rng = np.random.default_rng(seed)
    for group in np.flatnonzero(drawn):
        walk = _Walk.of(scores, int(group))
        p_value[group] = _drawn_p(walk, span[group], p_value[group], replicates, rng)
    return statistic, p_value


def _missing(scores: ScoreHistogram) -> Array:
    """What a walk misses of both ends of a Brownian motion, in its standard deviations, (g,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        people = np.nan_to_num(scores.weight**2 / scores.squares)
        # Weights are mixed along the walk, scores are sorted: one length of step, many variances.
        squared = scores.squares.sum(-1, keepdims=True) / people.sum(-1, keepdims=True)
        step = people * np.nan_to_num(scores.variance / scores.squares)
        missed = np.sqrt(squared) * np.maximum(_BOTH_ENDS * np.sqrt(step), _RARE)
        total = scores.variance.sum(-1)
        found: Array = (scores.variance * missed).sum(-1) / total**1.5
    return found


class _Walk:
    """The steps of one group's walk, as whole numbers of people with one score each."""

    def __init__(self, score: Array, people: NDArray[np.int64], length: Array) -> None:
        self.score, self.people, self.length = score, people, length

    @classmethod
    def of(cls, scores: ScoreHistogram, group: int) -> _Walk:
        held = scores.weight[group] > 0
        weight, squares = scores.weight[group, held], scores.squares[group, held]
        mean = np.clip(scores.score[group, held] / weight, 0.0, 1.0)
        effective = weight**2 / squares
        people = np.maximum(np.rint(effective), 1.0)
        # A step has the variance of the weighted people it stands for.
        return cls(mean, people.astype(np.int64), np.sqrt(squares / people))

    @property
    def variance(self) -> float:
        """Of the number of good outcomes, in people."""
        return float(self.people @ (self.score * (1 - self.score)))

    def spans(self, replicates: int, rng: np.random.Generator) -> Array:
        """Ranges of walks drawn under calibration, shape (b,)."""
        n = len(self.score)
        found = []
        for start in range(0, replicates, rows := max(1, _CELLS // n)):
            shape = (min(rows, replicates - start), n)
            walk = np.cumsum(self._steps(shape, rng), axis=-1)
            found.append(np.maximum(walk.max(-1), 0.0) - np.minimum(walk.min(-1), 0.0))
        return np.concatenate(found)

    def _steps(self, shape: tuple[int, int], rng: np.random.Generator) -> Array:
        p, n = self.score, self.people
        variance = n * p * (1 - p)
        many = variance >= _NORMAL
        alone = n == 1
        steps = np.empty(shape)
        steps[:, many] = rng.standard_normal((shape[0], many.sum())) * np.sqrt(variance[many])
        steps[:, alone] = (rng.random((shape[0], alone.sum())) < p[alone]) - p[alone]
        few = ~many & ~alone
        counts = rng.binomial(n[few], p[few], (shape[0], few.sum()))
        steps[:, few] = counts - n[few] * p[few]
        return steps * self.length


def _drawn_p(
    walk: _Walk, span: float, smooth: float, replicates: int, rng: np.random.Generator
) -> float:
    """Share of walks that go as far; far out, where hardly any does, the smooth chance."""
    far = span * (1 - 1e-9)  # a hair, so that ties up to rounding count as reached
    smooth_will_do = walk.variance >= _RARELY
    reached = int((walk.spans(replicates, rng) >= far).sum())
    if reached < _ENOUGH:
        if reached == 0 and smooth_will_do and smooth < _HOPELESS:
            return smooth
        replicates *= _AGAIN
        reached = int((walk.spans(replicates, rng) >= far).sum())
    # Not the lesser of the two wherever both are known: that would be too small too often.
    if reached == 0 and smooth_will_do:
        return min(smooth, 1 / (1 + replicates))
    return (1 + reached) / (1 + replicates)


def range_survival(width: Array) -> Array:
    """Chance that a Brownian motion on [0, 1] covers more than a width (Feller's series).

    Parameters
    ----------
    width : ndarray
        In standard deviations of its end; NaN stays.

    Examples
    --------
    >>> range_survival(np.array([1.5, 2.4977])).round(3).tolist()
    [0.513, 0.05]
    """
    k = np.arange(1, 40)
    with np.errstate(invalid="ignore", over="ignore"):
        series = 8 * (-1.0) ** (k - 1) * k * ndtr(-k * np.maximum(width, 0.25)[..., None])
    p: Array = np.clip(series.sum(-1), 0.0, 1.0)
    return np.where(np.isnan(width), np.nan, p)
