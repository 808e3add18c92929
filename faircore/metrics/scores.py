"""How good scores are in each group: ranking (AUC), Brier score, log loss.

References
----------
DeLong, DeLong & Clarke-Pearson 1988; Newcombe 2006, method 5; Brier 1950.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array, edge, wilson, z_of

_FEW_OF_ONE_OUTCOME = 5


@dataclass(frozen=True, eq=False)
class Estimated:
    """A measure per group, with its interval.

    Attributes
    ----------
    value, low, high : ndarray, shape (g,)
        NaN where undefined.
    error : ndarray, shape (g,)
        Standard error.
    """

    value: Array
    low: Array
    high: Array
    error: Array


def auc(scores: ScoreHistogram, *, confidence: float = 0.95) -> Estimated:
    """Chance that a person with the good outcome has the higher score; ties count half.

    The interval is DeLong's on the logit scale, which keeps it inside [0, 1]; where everybody
    is ranked right, or wrong, and DeLong's variance is 0, Newcombe's method takes its place.
    NaN in a group of one outcome.
    """
    positive, negative = scores.positive, scores.negative
    m, n = positive.sum(-1), negative.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (np.cumsum(negative, -1) - negative / 2) / n[:, None]
        above = (m[:, None] - np.cumsum(positive, -1) + positive / 2) / m[:, None]
        value = (positive * below).sum(-1) / m
        seen_m = m**2 / scores.positive_squares.sum(-1)
        negative_squares = np.maximum(scores.squares - scores.positive_squares, 0.0)
        seen_n = n**2 / negative_squares.sum(-1)
        variance = _placed(scores.positive_squares, below, value) / m**2 * _unbiased(
            seen_m
        ) + _placed(negative_squares, above, value) / n**2 * _unbiased(seen_n)
    error = np.sqrt(variance)
    z = z_of(confidence)
    low, high = _auc_limits(value, error, seen_m, seen_n, z)
    # Where DeLong's error says that nothing can vary, the limits know better.
    reach = np.fmax(value - low, high - value) / z
    return Estimated(value, low, high, np.where(error > 0, error, reach))


def _placed(squares: Array, place: Array, value: Array) -> Array:
    """Sum of squared deviations of the placements, (g,)."""
    # Where a group has nobody of this outcome its placements are undefined and weigh nothing.
    deviation = np.where(squares > 0, place - value[:, None], 0.0)
    total: Array = (squares * deviation**2).sum(-1)
    return total


def _unbiased(seen: Array) -> Array:
    """Factor n/(n-1); a single row says nothing about its own variance."""
    return np.where(seen > 1 + 1e-9, seen / np.maximum(seen - 1, 1e-9), np.nan)


def _auc_limits(value: Array, error: Array, m: Array, n: Array, z: float) -> tuple[Array, Array]:
    with np.errstate(divide="ignore", invalid="ignore"):
        logit = np.log(value / (1 - value))
        half = z * error / (value * (1 - value))
        low, high = 1 / (1 + np.exp(half - logit)), 1 / (1 + np.exp(-half - logit))
    plain = (error > 0) & (value > 0) & (value < 1)

    def kept(candidate: Array) -> NDArray[np.bool_]:
        return np.abs(value - candidate) <= z * _supposed_error(candidate, m, n) + 1e-15

    return (
        np.where(plain, low, edge(kept, value, np.zeros(value.shape))),
        np.where(plain, high, edge(kept, value, np.ones(value.shape))),
    )


def _supposed_error(value: Array, m: Array, n: Array) -> Array:
    """Standard error that an AUC of this size has under Newcombe's model."""
    half = (m + n) / 2 - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = 1 + half * (1 - value) / (2 - value) + half * value / (1 + value)
        return np.sqrt(value * (1 - value) * spread / (m * n))


def mean_loss(scores: ScoreHistogram, loss: str, *, confidence: float = 0.95) -> Estimated:
    """Mean of a loss over the rows of each group; lower is better.

    The interval is Student's on the logarithm, since losses are positive and skewed; there is none
    (NaN) where one outcome was seen fewer than five times, since the loss of the next is then
    anybody's guess. ``brier`` is the squared distance of score and outcome, in [0, 1];
    ``log_loss`` is -log of the probability given to what happened, a certain failure counting as
    36.
    """
    weight, seen_squares = scores.weight.sum(-1), scores.squares.sum(-1)
    first, second, third = scores.losses[loss].T
    with np.errstate(divide="ignore", invalid="ignore"):
        value = first / weight
        seen = weight**2 / seen_squares
        spread = np.maximum(third - 2 * value * second + value**2 * seen_squares, 0.0)
        error = np.sqrt(spread / weight**2 * _unbiased(seen))
        half = student.ppf(0.5 + confidence / 2, np.maximum(seen - 1, 1e-9)) * error / value
        share = scores.positive.sum(-1) / weight
        rarer = np.minimum(share, 1 - share) * seen
    half = np.where(rarer >= _FEW_OF_ONE_OUTCOME * (1 - 1e-9), half, np.nan)
    return Estimated(value, value * np.exp(-half), value * np.exp(half), error)


def calibration_gap(scores: ScoreHistogram, *, confidence: float = 0.95) -> Estimated:
    """Mean score minus the share with the good outcome: above 0, a group is promised too much.

    The interval is Wilson's of the share, narrowed by what the scores explain of it: a normal
    one would shrink to nothing where nobody, or everybody, has the good outcome.
    """
    weight, squares = scores.weight.sum(-1), scores.squares.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = scores.positive.sum(-1) / weight
        value = scores.score.sum(-1) / weight - rate
        seen = weight**2 / squares
        # Sum over rows of w² (score - label), then of w² (score - label - value)².
        cross = missed(scores).sum(-1)
        spread = scores.residual.sum(-1) - 2 * value * cross + value**2 * squares
        error = np.sqrt(np.maximum(spread, 0.0) / weight**2 * _unbiased(seen))
        plain = np.sqrt(rate * (1 - rate) / np.maximum(seen - 1, 1e-9))
        part = np.where((rate > 0) & (rate < 1), np.minimum(error / plain, 1.0), 1.0)
        low, high = wilson(rate * seen, seen, z=z_of(confidence))
    below, above = (high - rate) * part, (rate - low) * part
    # Where everybody has one outcome, the residuals of few distinct scores hardly vary.
    reach = np.maximum(below, above) / z_of(confidence)
    error = np.where((rate > 0) & (rate < 1), error, np.fmax(error, reach))
    return Estimated(value, value - below, value + above, error)


def missed(scores: ScoreHistogram) -> Array:
    """Sum of squared weight times (score - label) per group and bin."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(scores.weight > 0, scores.score / scores.weight, 0.0)
    found: Array = scores.squares * mean - scores.positive_squares
    return found
