"""Tests of "these two groups are further apart than the limit", pair by pair.

The score test of Miettinen and Nurminen holds its level on average over what the true shares may
be, and is a little liberal where groups are small or shares lie near 0 or 1: enumerating every
table of two groups of 20 and 400, up to .074 of wrong passes at a level of .05. So where the
smaller group has fewer than :data:`FEW` trials, or a group fewer than :data:`EDGE` successes or
failures, a pair must pass the exact test too, whose level holds in every sample.

References
----------
Miettinen & Nurminen 1985; Clopper & Pearson 1934; Rao & Scott 1992 (effective counts).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from faircore.errors import InputError
from faircore.metrics import RATES, Disparity
from faircore.metrics.intervals import (
    miettinen_nurminen,
    ratio_limits,
    ratio_statistic,
    score_statistic,
)

Array = NDArray[np.float64]
Method = Literal["guarded", "score", "exact"]

FEW = 200
EDGE = 10
_STEPS = 50


def trials_of(counts: Array, rate: str, effective: Array | None = None) -> tuple[Array, Array]:
    """Successes and trials of a rate, (..., g, 2, 2) to two of (..., g).

    ``effective`` says how many counted people are worth one, (g,): both are divided by it.
    """
    flat = counts.reshape(*counts.shape[:-2], 4)
    hits, people = np.moveaxis(flat @ RATES[rate].coefficients, -1, 0)
    return (hits, people) if effective is None else (hits / effective, people / effective)


def pair_p_values(
    counts: Array,
    disparity: Disparity,
    limit: float,
    *,
    effective: Array | None = None,
    method: Method = "guarded",
) -> Array:
    """One-sided p-values of "the pair breaks the limit", for every ordered pair and each rate.

    Parameters
    ----------
    counts : ndarray, shape (..., g, 2, 2)
        Confusion counts of the groups of one partition.
    disparity : Disparity
        A difference is broken where ``rate_i - rate_j >= limit``, a ratio where ``rate_i / rate_j
        <= limit``.
    limit : float
    effective : ndarray, shape (g,), optional
        Design effects.
    method : {"guarded", "score", "exact"}
        The score test, the exact one, or both where groups are small.

    Returns
    -------
    ndarray, shape (..., r, g, g)
        In [0, 1]; 0 on the diagonal (nobody is apart from themselves), NaN where a rate has no
        trial.
    """
    if method not in ("guarded", "score", "exact"):
        raise InputError(f"The method is guarded, score or exact; it is {method!r}. Choose one.")
    found = []
    for rate in disparity.rates:
        k, n = trials_of(counts, rate, effective)
        first, second = (k[..., :, None], n[..., :, None]), (k[..., None, :], n[..., None, :])
        if disparity.kind == "difference":
            p = ndtr(score_statistic(*first, *second, difference=limit))
        else:
            p = ndtr(-ratio_statistic(*first, *second, np.asarray(limit)))
            # Where nobody of either group has a yes there is no ratio to speak of.
            p = np.where((first[0] == 0) & (second[0] == 0), 1.0, p) + 0.0 * p
        if method != "score":
            small = np.ones(p.shape, bool) if method == "exact" else _small(*first, *second)
            exact = _exact_p(*first, *second, limit, disparity.kind, small)
            p = exact if method == "exact" else np.where(small, np.maximum(p, exact), p)
        own = np.eye(k.shape[-1], dtype=bool)
        empty = ~((n[..., :, None] > 0) & (n[..., None, :] > 0))
        found.append(np.where(empty, np.nan, np.where(own, 0.0, p)))
    return np.stack(found, axis=-3)


def pair_bounds(
    counts: Array,
    disparity: Disparity,
    level: float,
    *,
    effective: Array | None = None,
) -> Array:
    """The worst value of each ordered pair that is not ruled out, by the guarded tests.

    Returns
    -------
    ndarray, shape (..., r, g, g)
        Upper limits of ``rate_i - rate_j``, lower ones of ``rate_i / rate_j``: a pair passes at
        ``level`` where its limit lies beyond. 0 (1 of ratios) on the diagonal, NaN without trials.
    """
    z, found = float(ndtri(1 - level)), []
    for rate in disparity.rates:
        k, n = trials_of(counts, rate, effective)
        pair = k[..., :, None], n[..., :, None], k[..., None, :], n[..., None, :]
        small = _small(*pair)
        low1, high1, low2, high2 = _clopper_pearson(pair[0], pair[1], level / 2) + (
            _clopper_pearson(pair[2], pair[3], level / 2)
        )
        if disparity.kind == "difference":
            bound = miettinen_nurminen(*pair, z=z)[1]
            bound = np.where(small, np.maximum(bound, high1 - low2), bound)
        else:
            bound = np.nan_to_num(ratio_limits(*pair, z=z)[0], nan=0.0)
            bound = np.where(small, np.minimum(bound, low1 / high2), bound)
        own = np.eye(k.shape[-1], dtype=bool)
        empty = ~((pair[1] > 0) & (pair[3] > 0))
        alone = 0.0 if disparity.kind == "difference" else 1.0
        found.append(np.where(empty, np.nan, np.where(own, alone, bound)))
    return np.stack(found, axis=-3)


def _small(k1: Array, n1: Array, k2: Array, n2: Array) -> NDArray[np.bool_]:
    edge = np.minimum(np.minimum(k1, n1 - k1), np.minimum(k2, n2 - k2))
    small: NDArray[np.bool_] = (np.minimum(n1, n2) < FEW) | (edge < EDGE)
    return small


def _clopper_pearson(k: Array, n: Array, tail: float | Array) -> tuple[Array, Array]:
    """Exact limits of a share, each wrong with at most ``tail``."""
    k, n, tail = np.broadcast_arrays(k, n, tail)
    some, all_ = k > 0, k < n
    low, high = np.zeros(k.shape), np.ones(k.shape)
    low[some] = betaincinv(k[some], (n - k)[some] + 1, tail[some])
    high[all_] = betaincinv(k[all_] + 1, (n - k)[all_], 1 - tail[all_])
    return low, high


def _exact_p(
    k1: Array, n1: Array, k2: Array, n2: Array, limit: float, kind: str, where: NDArray[np.bool_]
) -> Array:
    """The smallest level at which limits of half of it for each group rule the limit out."""
    k1, n1, k2, n2 = (np.broadcast_to(x, where.shape)[where] for x in (k1, n1, k2, n2))
    low, high = np.zeros(k1.shape), np.ones(k1.shape)
    for _ in range(_STEPS):
        # Levels of interest are small, so halve on the scale of their square root.
        middle = ((np.sqrt(low) + np.sqrt(high)) / 2) ** 2
        one = _clopper_pearson(k1, n1, middle / 2)
        two = _clopper_pearson(k2, n2, middle / 2)
        out = one[1] - two[0] <= limit if kind == "difference" else one[0] >= limit * two[1]
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    found = np.ones(where.shape)
    found[where] = high
    return found
