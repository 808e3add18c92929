"""Whether a score means the same in every group, and what of the difference is chance.

Three views of one question. ECE is what people know; its value grows as groups shrink, so it
comes with the mean it would have under perfect calibration and a p-value. ECCE, standardised, has
the same distribution at every size, so it ranks groups. The debiased squared error says how far
scores are off, apart from chance, with an interval.

References
----------
Guo et al. 2017; Kumar, Liang & Ma 2019; Roelofs et al. 2022; Arrieta-Ibarra et al. 2022;
Feller 1951 (the range of a Brownian motion).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array
from faircore.metrics.scores import missed

BINS = 10
MIN_PER_BIN = 10
REPLICATES = 1_000
_LARGEST_SCALE, _HALVINGS = 8.0, 12


@dataclass(frozen=True, eq=False)
class Reliability:
    """Scores against outcomes in a few bins, group by group.

    Attributes
    ----------
    weight, score, rate : ndarray, shape (g, bins)
        Weight of a bin, its mean score and its share of good outcomes; NaN in an empty bin.
    expected, seen : ndarray, shape (g, bins)
        Variance of ``rate - score``: if every score were exactly right, and as it was.
    """

    weight: Array
    score: Array
    rate: Array
    expected: Array
    seen: Array


def reliability(
    scores: ScoreHistogram, *, bins: int = BINS, equal_width: bool = False
) -> Reliability:
    """Gather fine bins into a few, each holding as many people of its group (or equally wide).

    A group of fewer than ``bins`` times ten people gets fewer bins, so that each holds ten.
    """
    n_groups = len(scores.weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        if equal_width:
            place = np.nan_to_num(scores.score / scores.weight) * bins + 1e-9
            coarse = np.clip(place, 0, bins - 1).astype(np.int64)
        else:
            coarse = _equal_mass(scores, bins)
    flat = (np.arange(n_groups)[:, None] * bins + coarse).ravel()

    def gather(values: Array) -> Array:
        sums = np.bincount(flat, values.ravel(), minlength=n_groups * bins)
        return sums.astype(np.float64).reshape(n_groups, bins)

    weight, squares = gather(scores.weight), gather(scores.squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        score, rate = gather(scores.score) / weight, gather(scores.positive) / weight
        people, gap = weight**2 / squares, score - rate
        spread = gather(scores.residual) - 2 * gap * gather(missed(scores)) + gap**2 * squares
        expected = gather(scores.variance) / weight**2
        unbiased = people / np.maximum(people - 1, 1e-9)
        # One person alone shows no spread: what the score expects takes its place.
        seen = np.where(people > 1 + 1e-9, np.maximum(spread, 0.0) / weight**2 * unbiased, expected)
    return Reliability(weight, score, rate, expected, seen)


def _equal_mass(scores: ScoreHistogram, bins: int) -> NDArray[np.int64]:
    """Bin of each fine bin, (g, fine): equally many people in each, ten unless ties forbid."""
    people = scores.weight.sum(-1, keepdims=True) ** 2 / scores.squares.sum(-1, keepdims=True)
    n_bins = np.clip(np.nan_to_num(people) // MIN_PER_BIN, 1, bins).astype(np.int64)
    share = np.nan_to_num(scores.weight / scores.weight.sum(-1, keepdims=True))
    place = (np.cumsum(share, -1) - share / 2) * n_bins
    found: NDArray[np.int64] = np.clip(place + 1e-9, 0, n_bins - 1).astype(np.int64)
    return found


@dataclass(frozen=True, eq=False)
class CalibrationError:
    """Expected calibration error per group, and what chance makes of it, all of shape (g,).

    Attributes
    ----------
    value : ndarray
        Mean distance of score and outcome over the bins, in [0, 1].
    by_chance : ndarray
        Its mean if every score were exactly right.
    p_value : ndarray
        Chance of a value this large if every score were exactly right.
    squared : ndarray
        Debiased mean squared distance; negative where the scores fit better than chance allows.
    squared_low, squared_high : ndarray
        Interval of the true one, 0 or more.
    """

    value: Array
    by_chance: Array
    p_value: Array
    squared: Array
    squared_low: Array
    squared_high: Array


def calibration_error(
    scores: ScoreHistogram,
    *,
    bins: int = BINS,
    equal_width: bool = False,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> CalibrationError:
    """Expected calibration error with its null reference, and the debiased squared error.

    An interval holds every size of the deviations from which a bootstrap of the bins could have
    drawn what was observed, the deviations keeping their proportions. A bootstrap around the raw
    deviations would count their noise twice.
    """
    table = reliability(scores, bins=bins, equal_width=equal_width)
    share = _share(table)
    deviation = np.nan_to_num(table.rate - table.score)
    expected, seen = (np.sqrt(np.nan_to_num(v)) for v in (table.expected, table.seen))
    noise = np.random.default_rng(seed).standard_normal((replicates, *deviation.shape))
    value = (share * np.abs(deviation)).sum(-1)
    by_chance = (share * expected).sum(-1) * np.sqrt(2 / np.pi)
    null = (share * expected * np.abs(noise)).sum(-1)
    p_value = (1 + (null >= value).sum(0)) / (1 + replicates)

    raw = (share * deviation**2).sum(-1)
    squared = raw - (share * seen**2).sum(-1)
    linear = 2 * (share * deviation * seen * noise).sum(-1)
    drawn = (share * seen**2 * (noise**2 - 1)).sum(-1)

    def squares(scale: Array) -> Array:
        found: Array = scale**2 * raw + scale * linear + drawn
        return found

    tail = (1 - confidence) / 2
    squared_low, squared_high = (
        _scale_where(squares, squared, at=at) ** 2 * raw for at in (1 - tail, tail)
    )
    people = scores.weight.sum(-1) ** 2 / np.maximum(scores.squares.sum(-1), 1e-300)
    undefined = np.where(people > 0, 0.0, np.nan)
    alone = np.where(people > 1 + 1e-9, 0.0, np.nan)
    return CalibrationError(
        value + undefined,
        by_chance + undefined,
        p_value + undefined,
        squared + alone,
        squared_low + alone,
        squared_high + alone,
    )


def _scale_where(drawn: Callable[[Array], Array], observed: Array, *, at: float) -> Array:
    """Scale of the deviations at which a bootstrap has its quantile ``at`` where it was observed.

    Quantiles rise with the scale; 0 where even no deviation at all reaches too high.
    """
    below, above = np.zeros(len(observed)), np.full(len(observed), _LARGEST_SCALE)
    for _ in range(_HALVINGS):
        scale = (below + above) / 2
        short = np.quantile(drawn(scale), at, axis=0) < observed
        below, above = np.where(short, scale, below), np.where(short, above, scale)
    return below


def cumulative_error(scores: ScoreHistogram) -> tuple[Array, Array]:
    """ECCE: how far the sum of (outcome - score), taken in the order of the scores, wanders.

    Returns
    -------
    statistic : ndarray, shape (g,)
        Its range in standard deviations: about 1.5 under calibration in a group of any size.
    p_value : ndarray, shape (g,)
        Chance of a range this wide for a Brownian motion.
    """
    wander = np.cumsum(scores.positive - scores.score, -1)
    span = np.maximum(wander.max(-1), 0.0) - np.minimum(wander.min(-1), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = span / np.sqrt(scores.variance.sum(-1))
    return statistic, range_survival(statistic)


def range_survival(width: Array) -> Array:
    """Chance that a Brownian motion on [0, 1] covers more than a width (Feller's series)."""
    k = np.arange(1, 40)
    with np.errstate(invalid="ignore", over="ignore"):
        series = 8 * (-1.0) ** (k - 1) * k * ndtr(-k * np.maximum(width, 0.25)[..., None])
    p: Array = np.clip(series.sum(-1), 0.0, 1.0)
    return np.where(np.isnan(width), np.nan, p)


def null_calibration(
    scores: ScoreHistogram, everybody: ScoreHistogram, *, noise: NDArray[np.float64]
) -> Array:
    """Draw the error each group would show if its scores missed as everybody's do.

    Parameters
    ----------
    scores : ScoreHistogram, g groups
    everybody : ScoreHistogram, one group
        The same rows, together.
    noise : ndarray, shape (b, g, bins)
        Standard normal.

    Returns
    -------
    ndarray, shape (b, g)
    """
    table, pooled = reliability(scores), reliability(everybody)
    # Shrunk to its debiased size: the noise of everybody's own bins is no miss of theirs.
    miss, share = np.nan_to_num(pooled.rate - pooled.score)[0], _share(pooled)[0]
    raw = float((share * miss**2).sum())
    true = raw - float((share * np.nan_to_num(pooled.seen[0])).sum())
    miss = miss * np.sqrt(max(true, 0.0) / raw) if raw > 0 else miss
    known = pooled.weight[0] > 0
    at = np.interp(np.nan_to_num(table.score), pooled.score[0, known], miss[known])
    error = np.sqrt(np.nan_to_num(table.seen))
    drawn: Array = (_share(table) * np.abs(at + error * noise)).sum(-1)
    return drawn


def _share(table: Reliability) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Array = np.nan_to_num(table.weight / table.weight.sum(-1, keepdims=True))
    return share
