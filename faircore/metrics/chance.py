"""What calibration errors are when every score is exactly right.

The good outcomes of a bin are then a sum of independent draws, each with its own chance. Where
few are expected their number is far from normal, so its distribution is worked out; a normal null
would call rare outcomes miscalibrated too rarely.

References
----------
Hong 2013 (the distribution, from its characteristic function).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array
from faircore.metrics.reliability import Reliability

_NORMAL = 30.0  # variance, in people, from which a bin is taken as normal
_BLOCKS = 48  # more distinct scores of one bin are taken together


def errors_by_chance(
    scores: ScoreHistogram, table: Reliability, coarse: NDArray[np.int64], noise: Array
) -> tuple[Array, Array]:
    """Expected calibration errors under perfect calibration.

    Parameters
    ----------
    scores : ScoreHistogram, g groups
    table : Reliability
        Its bins.
    coarse : ndarray of int, shape (g, fine)
        Which bin a fine bin is in.
    noise : ndarray, shape (b, g, bins)
        Standard normal.

    Returns
    -------
    mean : ndarray, shape (g,)
    drawn : ndarray, shape (b, g)

    Notes
    -----
    Exact without weights. Weighted people are taken for as many of one common weight as leave
    mean and variance of the bin what they are.
    """
    spread = table.share * np.sqrt(np.nan_to_num(table.expected))
    mean, drawn = spread * np.sqrt(2 / np.pi), spread * np.abs(noise)
    for group, own in enumerate(scores.weight):
        total = own.sum()
        held = np.flatnonzero(own > 0)
        if not len(held):
            continue
        bins, starts = np.unique(coarse[group, held], return_index=True)
        for b, cells in zip(bins.tolist(), np.split(held, starts[1:]), strict=True):
            bin_ = _Bin.of(scores, group, cells)
            if bin_ is not None and bin_.variance < _NORMAL:
                mean[group, b], drawn[:, group, b] = bin_.deviations(noise[:, group, b])
                mean[group, b] /= total
                drawn[:, group, b] /= total
    return mean.sum(-1), drawn.sum(-1)


class _Bin:
    """People of one weight each, with their chances of the good outcome."""

    def __init__(self, chance: Array, people: Array, unit: float) -> None:
        self.chance, self.people, self.unit = chance, people, unit

    @classmethod
    def of(cls, scores: ScoreHistogram, group: int, cells: NDArray[np.intp]) -> _Bin | None:
        """Those of some fine bins; none where no outcome is left to chance."""
        weight, squares, score = (
            v[group, cells] for v in (scores.weight, scores.squares, scores.score)
        )
        if len(cells) > _BLOCKS:
            starts = np.linspace(0, len(cells), _BLOCKS, endpoint=False).astype(np.intp)
            weight, squares, score = (np.add.reduceat(v, starts) for v in (weight, squares, score))
        chance = np.clip(score / weight, 0.0, 1.0)
        open_ = chance * (1 - chance)
        expected = float(weight @ open_)
        if expected <= 0:
            return None
        unit = float(squares @ open_) / expected
        return cls(chance, weight / unit, unit)

    @property
    def variance(self) -> float:
        """Of the number of good outcomes, in people."""
        return float(self.people @ (self.chance * (1 - self.chance)))

    def deviations(self, noise: Array) -> tuple[float, Array]:
        """Distance of the number of good outcomes from its mean: on average, and drawn."""
        low, law = self._law()
        away = self.unit * np.abs(low + np.arange(len(law)) - self.people @ self.chance)
        place = np.searchsorted(np.cumsum(law), ndtr(noise))
        return float(law @ away), away[np.minimum(place, len(law) - 1)]

    def _law(self) -> tuple[int, Array]:
        """The first number worth telling, and the chances of it and of those that follow."""
        mean, deviation = float(self.people @ self.chance), np.sqrt(self.variance)
        low = max(int(mean - 10 * deviation - 3), 0)
        high = min(int(np.ceil(self.people.sum())), int(mean + 10 * deviation + 12))
        n = high - low + 1
        around = np.exp(2j * np.pi * np.arange(n) / n)
        one = 1 - self.chance[:, None] * (1 - around)
        logs = np.log(np.where(np.abs(one) < 1e-150, 1e-150, one))
        transform = np.exp(self.people @ logs) * around**-low
        law = np.maximum(np.fft.fft(transform).real / n, 0.0)
        return low, law / law.sum()
