"""Is the gap between groups surely below a limit? Tests of every pair, and all of them at once.

A disparity keeps its limit when **every ordered pair of groups** does, in each of its rates. So
each pair gets a one-sided test of the opposite, "these two are at least so far apart", and the
limit is certified when the largest p-value is at most the level: an intersection-union test, which
needs no correction for the number of pairs (Berger 1982).

The score test (Miettinen & Nurminen 1985) relies on the normal distribution. Left alone it is
liberal where few are expected to be selected, or refused: up to 13% instead of 5% with 3 to
200 rows. Two guards hold it: half a person is added to the disadvantage of the certificate, and
where the statistic is skewed to that side, its skewness is taken out (Gart & Nam 1990). Counted
out over all tables of two groups, each of one of 12 sizes from 3 to 200 rows, the size of the test
of a difference is then at most 4.9% at a level of 5%, and 2.4, .97 and .16% at 2.5, 1 and .17%;
that of a ratio, up to 70 rows, 4.6, 2.2 and .89% (``benchmarks/certify_size.py``). So no group was
found too small for it, and no other test takes over.

The exact test holds its level whatever the numbers, at about twice to three times the rows
(Clopper & Pearson 1934).

Weighted or clustered rows enter with their effective number: the people a rate is about, divided by
its design effect in their group (Rao & Scott 1992).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from faircore.decide.exact_tests import at_least, exact_p
from faircore.errors import InputError
from faircore.metrics import Disparity, find_disparity, find_rate
from faircore.metrics.intervals import Array, edge, likeliest_apart, likeliest_at_ratio

Method = Literal["score", "exact"]
_METHODS = ("score", "exact")


def pair_p_values(
    counts: Array,
    disparity: str,
    limit: ArrayLike,
    *,
    effective: ArrayLike | None = None,
    method: Method = "score",
) -> Array:
    """How well the rows fit with each pair of groups being as far apart as the limit, or farther.

    Parameters
    ----------
    counts : ndarray, shape (..., g, 2, 2)
        Confusion counts of the groups of one partition.
    disparity : str
        A name in :data:`faircore.metrics.DISPARITIES`.
    limit : float or ndarray, shape (...)
        Between 0 and 1. A difference is to be below it, a ratio above it.
    effective : ndarray, shape (..., g) or (g,), optional
        Design effect of each group, above 0: how many rows say as much as one independent row of
        weight 1. By default 1. With one dimension more than ``counts`` has before its tables,
        (..., r, g), of each rate; see :func:`faircore.decide.thinning.rate_effects`.
    method : {"score", "exact"}
        The guarded score test, or Clopper and Pearson's limits with half the level per group.

    Returns
    -------
    ndarray, shape (..., r, g, g)
        One-sided p-values, for each rate of the disparity and each group i (rows) and j (columns),
        of "rate i - rate j >= limit", or for a ratio of "rate i / rate j <= limit". 0 on the
        diagonal, where nothing is compared; NaN where either rate is of nobody.

    Raises
    ------
    InputError
        When there is no such disparity or method, a limit is not between 0 and 1, or a design
        effect is not above 0.

    References
    ----------
    Miettinen & Nurminen 1985; Clopper & Pearson 1934; Rao & Scott 1992.
    """
    found = find_disparity(disparity)
    if method not in _METHODS:
        raise InputError(f"There is no test {method!r}. Choose one of: {', '.join(_METHODS)}.")
    k, n = successes_and_trials(counts, found, effective)
    at = np.asarray(limit, np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise InputError(f"The limit of {disparity} must lie between 0 and 1; found {at}.")
    return _pairs(k, n, at[..., None, None, None], ratio=found.kind == "ratio", method=method)


def certificate_p_value(
    counts: Array,
    disparity: str,
    limit: ArrayLike,
    *,
    effective: ArrayLike | None = None,
    method: Method = "score",
) -> Array:
    """p-value of "the disparity does not keep its limit": the largest of all pairs and rates.

    Parameters are those of :func:`pair_p_values`.

    Returns
    -------
    ndarray, shape (...)
        In [0, 1]. 1 where a rate of a group is of nobody, or there is one group only: what cannot
        be measured cannot be certified.

    References
    ----------
    Berger 1982 (intersection-union tests).
    """
    p = pair_p_values(counts, disparity, limit, effective=effective, method=method)
    if p.shape[-1] < 2:
        return np.ones(p.shape[:-3])
    largest: Array = np.nan_to_num(p, nan=1.0).max(axis=(-3, -2, -1))
    return largest


def floor_p_value(successes: ArrayLike, trials: ArrayLike, floor: ArrayLike) -> Array:
    """p-value of "the share is at most the floor", from the binomial distribution itself.

    Parameters
    ----------
    successes, trials : ndarray
        Not necessarily whole: weighted rows enter with their effective number.
    floor : float or ndarray
        Between 0 and 1.

    Returns
    -------
    ndarray
        In [0, 1]; 1 where there are no trials.

    Raises
    ------
    InputError
        When the floor is not between 0 and 1.

    References
    ----------
    Clopper & Pearson 1934.

    Examples
    --------
    >>> floor_p_value([86, 90, 0], [100, 100, 0], 0.8).round(4).tolist()
    [0.0804, 0.0057, 1.0]
    """
    k, n, at = (np.asarray(v, np.float64) for v in (successes, trials, floor))
    if not ((at > 0) & (at < 1)).all():
        raise InputError(f"The floor of a share must lie between 0 and 1; found {at}.")
    return np.where(n > 0, at_least(k, n, at), 1.0)


def broken_p_value(
    counts: Array,
    disparity: str,
    limit: float,
    *,
    effective: ArrayLike | None = None,
) -> Array:
    """p-value of "the disparity keeps its limit", (...): the smallest pair's, times their number.

    That one group exceeds another by more than a limit is tested as the other falling short of it
    by more than that. 1 where no pair can be compared. Parameters are those of
    :func:`pair_p_values`.
    """
    found = find_disparity(disparity)
    k, n = successes_and_trials(counts, found, effective)
    ratio = found.kind == "ratio"
    turned = np.asarray(1 / limit if ratio else -limit)[..., None, None, None]
    pairs = _pairs(k, n, turned, ratio=ratio, method="score")
    pairs = pairs[..., ~np.eye(n.shape[-1], dtype=bool)]
    tests = np.maximum(np.isfinite(pairs).sum(axis=(-2, -1)), 1)
    smallest = np.nan_to_num(pairs, nan=1.0).min(axis=(-2, -1), initial=1.0)
    p: Array = np.minimum(smallest * tests, 1.0)
    return p


def gap_bound(
    counts: Array,
    disparity: str,
    level: float,
    *,
    effective: ArrayLike | None = None,
    method: Method = "score",
) -> Array:
    """The tightest limit that would be certified at a level, for any pair and any rate.

    Parameters are those of :func:`pair_p_values`.

    Returns
    -------
    ndarray, shape (...)
        In [0, 1]: with confidence ``1 - level`` the difference is at most this much, the ratio at
        least. 1 for a difference and 0 for a ratio where nothing can be said; NaN where a rate of
        a group is of nobody, or there is one group only.
    """
    found = find_disparity(disparity)
    k, n = successes_and_trials(counts, found, effective)
    ratio = found.kind == "ratio"
    known = (n > 0).all(axis=(-2, -1)) & (n.shape[-1] > 1)

    def failed(limit: Array) -> NDArray[np.bool_]:
        p = _pairs(k, n, limit[..., None, None, None], ratio=ratio, method=method)
        above: NDArray[np.bool_] = np.nan_to_num(p, nan=1.0).max(axis=(-3, -2, -1)) > level
        return above

    # From a limit that is not certified towards the loosest there is.
    start = np.where(known, 1.0 if ratio else 0.0, np.nan)
    return edge(failed, start, np.full(known.shape, 0.0 if ratio else 1.0))


def successes_and_trials(
    counts: Array, disparity: Disparity, effective: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Effective successes and trials of each rate of a disparity.

    Parameters
    ----------
    counts : ndarray, shape (..., g, 2, 2)
    disparity : Disparity
    effective : ndarray, shape (..., g), (g,) or (..., r, g), optional

    Returns
    -------
    k, n : ndarray, shape (..., r, g)

    Raises
    ------
    InputError
        When a design effect is not above 0.
    """
    counts = np.asarray(counts, np.float64)
    rates = [find_rate(name) for name in disparity.rates]
    n = np.stack([rate.people(counts) for rate in rates], axis=-2)
    if effective is not None:
        by = np.asarray(effective, np.float64)
        if not (np.isfinite(by) & (by > 0)).all():
            raise InputError("A design effect must be a number above 0; found one that is not.")
        n = n / (by if by.ndim > counts.ndim - 2 else by[..., None, :])
    share = np.stack([rate(counts) for rate in rates], axis=-2)
    return np.nan_to_num(share) * n, n


def _pairs(k: Array, n: Array, limit: Array, *, ratio: bool, method: Method) -> Array:
    """p-values of all ordered pairs, (..., r, g) to (..., r, g, g)."""
    k1, n1, k2, n2 = k[..., :, None], n[..., :, None], k[..., None, :], n[..., None, :]
    k1, n1, k2, n2, limit = np.broadcast_arrays(k1, n1, k2, n2, limit)
    test = exact_p if method == "exact" else _guarded
    p = np.where((n1 > 0) & (n2 > 0), test(k1, n1, k2, n2, limit, ratio=ratio), np.nan)
    return np.where(np.eye(n.shape[-1], dtype=bool), 0.0, p)


def _guarded(k1: Array, n1: Array, k2: Array, n2: Array, limit: Array, *, ratio: bool) -> Array:
    """Score test of one pair with half a person and the skewness against the certificate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        likeliest = likeliest_at_ratio if ratio else likeliest_apart
        first, second = likeliest(k1, n1, k2, n2, limit)
        times, apart = (limit, 0.0) if ratio else (np.ones_like(limit), limit)
        # Excess over the limit: the first share of a difference should be low, of a ratio high.
        way = -1.0 if ratio else 1.0
        excess = way * (k1 / n1 - times * k2 / n2 - apart)
        excess = excess + np.maximum(1 / n1, times / n2) / 2
        total = n1 + n2
        spread1, spread2 = first * (1 - first) / n1, times**2 * second * (1 - second) / n2
        variance = spread1 + spread2
        # Never divided by 0: where nobody or everybody is expected nothing is shown.
        error = np.sqrt(np.maximum(variance, 1e-300))
        third = spread1 * (1 - 2 * first) / n1 - times * spread2 * (1 - 2 * second) / n2
        skewness = way * third / error**3
        factor = np.where(total > 1, total / (total - 1), 1.0)
        p: Array = ndtr(_without_skewness(excess / (error * np.sqrt(factor)), skewness))
        return p


def _without_skewness(z: Array, skewness: Array) -> Array:
    """A statistic that is small by chance more often than a normal one, drawn back to it.

    Solves z = x + skewness (x² - 1) / 6 for x, where the lower tail is the heavy one.
    """
    left = np.minimum(skewness, -1e-9)
    inside = 1 + (2 * left / 3) * (z + left / 6)
    drawn = (np.sqrt(np.maximum(inside, 0.0)) - 1) * 3 / left
    # Near the middle the correction would turn round, and nothing is certified there.
    return np.where((skewness < 0) & (z < -1), np.minimum(np.maximum(drawn, z), -1.0), z)
