"""Whether a score means the same in every group, and what of the difference is chance.

Three views of one question. ECE is what people know; its value grows as groups shrink, so it
comes with the mean it would have under perfect calibration and a p-value. ECCE, standardised, has
the same distribution at every size, so it ranks groups. The debiased squared error says how far
scores are off, apart from chance, with an interval.

References
----------
Guo et al. 2017; Kumar, Liang & Ma 2019; Roelofs et al. 2022; Arrieta-Ibarra et al. 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from faircore.metrics.chance import errors_by_chance
from faircore.metrics.cumulative import cumulative_error, range_survival
from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array
from faircore.metrics.reliability import BINS, Reliability, coarse_bins, reliability

__all__ = [
    "BINS",
    "REPLICATES",
    "CalibrationError",
    "Reliability",
    "calibration_error",
    "cumulative_error",
    "null_calibration",
    "null_errors",
    "range_survival",
    "reliability",
]

REPLICATES = 1_000
_LARGEST_SCALE, _HALVINGS = 8.0, 12


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

    @classmethod
    def join(cls, parts: Sequence[CalibrationError]) -> CalibrationError:
        """The groups of several, one after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


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

    The p-value is that of the scores as they are, outcomes drawn (:mod:`faircore.metrics.chance`).
    With few distinct scores the error takes few values and the p-value is conservative.

    An interval holds every size of the deviations from which a bootstrap of the bins could have
    drawn what was observed, the deviations keeping their proportions. A bootstrap around the raw
    deviations would count their noise twice.
    """
    table = reliability(scores, bins=bins, equal_width=equal_width)
    share, seen = table.share, np.sqrt(np.nan_to_num(table.seen))
    deviation = np.nan_to_num(table.rate - table.score)
    noise = np.random.default_rng(seed).standard_normal((replicates, *deviation.shape))
    value = (share * np.abs(deviation)).sum(-1)
    coarse = coarse_bins(scores, bins=bins, equal_width=equal_width)
    by_chance, null = errors_by_chance(scores, table, coarse, noise)
    # A hair, so that ties up to rounding count as reached.
    p_value = (1 + (null >= value - 1e-12).sum(0)) / (1 + replicates)

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


def null_calibration(
    scores: ScoreHistogram,
    everybody: ScoreHistogram,
    *,
    noise: NDArray[np.float64],
    equal_width: bool = False,
) -> Array:
    """Draw the error each group would show if its scores missed as everybody's do.

    Parameters
    ----------
    scores : ScoreHistogram, g groups
    everybody : ScoreHistogram, one group
        The same rows, together.
    noise : ndarray, shape (b, g, bins)
        Standard normal.
    equal_width : bool
        Whether the bins are equally wide rather than of equal mass.

    Returns
    -------
    ndarray, shape (b, g)
    """
    table, pooled = (
        reliability(own, bins=noise.shape[-1], equal_width=equal_width)
        for own in (scores, everybody)
    )
    return null_errors(table, pooled, noise=noise)


def null_errors(table: Reliability, pooled: Reliability, *, noise: NDArray[np.float64]) -> Array:
    """:func:`null_calibration` from bins that are known already."""
    # Shrunk to its debiased size: the noise of everybody's own bins is no miss of theirs.
    miss, share = np.nan_to_num(pooled.rate - pooled.score)[0], pooled.share[0]
    raw = float((share * miss**2).sum())
    true = raw - float((share * np.nan_to_num(pooled.seen[0])).sum())
    miss = miss * np.sqrt(max(true, 0.0) / raw) if raw > 0 else miss
    known = pooled.weight[0] > 0
    at = np.interp(np.nan_to_num(table.score), pooled.score[0, known], miss[known])
    # What the scores say of the noise: what was seen of it is nothing where no outcome is good.
    error = np.sqrt(np.nan_to_num(table.expected))
    drawn: Array = (table.share * np.abs(at + error * noise)).sum(-1)
    return drawn
