"""Limits of one candidate's performance: where the true value may lie, whichever candidate it is.

A share of people has Wilson's limits, which are right near 0 and 1 too, where redraws hardly move.
Measures of scores and worth are known by their redraws alone; they are normal on a scale that their
range does not cut off. Gaps between groups are :mod:`faircore.frontier.noise_gaps`.

References
----------
Wilson 1927; Zou & Donner 2008 (limits of a sum from those of its parts); Efron & Tibshirani 1993.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.noise import Replicates
from faircore.metrics import RATES, find_performance, find_rate
from faircore.metrics.intervals import wilson, z_of

Scale = Literal["share", "positive", "plain"]
_SCALES = ("share", "positive", "plain")


def share_limits(
    replicates: Replicates, performance: str, *, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of a performance of decisions over everybody, candidate by candidate.

    Parameters
    ----------
    replicates : Replicates
        Only what was observed is used.
    performance : str
        A name in :data:`faircore.metrics.PERFORMANCES`.
    confidence : float

    Returns
    -------
    low, high : ndarray, shape (k,)
        In [0, 1]; NaN where the value is undefined. Weighted people count as many as they are
        worth. In simulation (benchmarks/frontier_noise.py) 95% limits hold the true value in
        94 to 96%.

    Raises
    ------
    InputError
        When there is no such performance.
    """
    find_performance(performance)
    z = z_of(confidence)
    counts = replicates.observed.sum(axis=1)
    if performance in RATES:
        people = replicates.worth_overall(performance)
        return wilson(find_rate(performance)(counts) * people, people, z=z)
    middle, below, above = np.zeros((3, replicates.n_candidates))
    for name in ("true_positive_rate", "true_negative_rate"):
        share, people = find_rate(name)(counts), replicates.worth_overall(name)
        low, high = wilson(share * people, people, z=z)
        middle += share / 2
        below += ((share - low) / 2) ** 2
        above += ((high - share) / 2) ** 2
    return middle - np.sqrt(below), middle + np.sqrt(above)


def limits(
    values: NDArray[np.float64],
    draws: NDArray[np.floating],
    *,
    scale: Scale = "share",
    confidence: float = 0.95,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of a measure of scores or of worth, candidate by candidate.

    Parameters
    ----------
    values : ndarray, shape (k,)
        As observed.
    draws : ndarray, shape (b, k)
        Redraws of the values, or their deviations: only their spread counts.
    scale : {"share", "positive", "plain"}
        Where errors are taken as normal: the log odds of a share in [0, 1], the logarithm of a
        positive value, the value itself.
    confidence : float

    Returns
    -------
    low, high : ndarray, shape (k,)
        Inside the range of the scale; NaN where the value is undefined, or at an end of its range,
        which no redraw leaves. In simulation 95% limits of AUC and log loss hold the true value in
        94 to 96% (benchmarks/frontier_noise.py). Those of the calibration error do not (57 to 71%
        near calibration): by chance alone it is seen too large.

    Raises
    ------
    InputError
        When there is no such scale.
    """
    if scale not in _SCALES:
        raise InputError(f"There is no scale {scale!r}. Choose one of: {', '.join(_SCALES)}.")
    values = np.asarray(values, np.float64)
    half = z_of(confidence) * draws.std(axis=0, ddof=1, dtype=np.float64)
    if scale == "plain":
        return values - half, values + half
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if scale == "positive":
            factor = np.exp(half / values)
            low, high = values / factor, values * factor
        else:
            odds, reach = np.log(values / (1 - values)), half / (values * (1 - values))
            low, high = 1 / (1 + np.exp(reach - odds)), 1 / (1 + np.exp(-reach - odds))
    inside = (values > 0) & ((values < 1) | (scale == "positive"))
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
