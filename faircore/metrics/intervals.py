"""Intervals and tests for shares: one share, two shares apart, one share over another.

All functions take arrays that broadcast. ``k`` of ``n`` is the number of successes among trials;
neither has to be whole, so that weighted rows enter with their effective number. Where ``n`` is 0
the result is undefined (NaN).

References
----------
Wilson 1927; Newcombe 1998, methods 3 and 10; Miettinen & Nurminen 1985; Koopman 1984.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]
Limits = tuple[Array, Array]

CONFIDENCE = 0.95
_STEPS = 42  # halvings: limits are exact to 1e-12


def z_of(confidence: float) -> float:
    """Two-sided standard normal quantile: 1.96 for 0.95."""
    return float(ndtri(0.5 + confidence / 2))


def wilson(k: Array, n: Array, *, z: float | Array = 1.959964) -> Limits:
    """Interval of a share.

    Parameters
    ----------
    k, n : ndarray
        Successes and trials.
    z : float or ndarray
        Standard normal quantile.

    Returns
    -------
    low, high : ndarray
        In [0, 1].

    Examples
    --------
    >>> low, high = wilson(np.array([0.0, 5.0]), np.array([10.0, 10.0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.237], [0.278, 0.763])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Exactly 0 and 1 at the ends, whatever rounding leaves.
    low = np.where(k <= 0, np.where(n > 0, 0.0, np.nan), np.clip(middle - half, 0.0, 1.0))
    return low, np.where((k >= n) & (n > 0), 1.0, np.clip(middle + half, 0.0, 1.0))


def newcombe(k1: Array, n1: Array, k2: Array, n2: Array, *, z: float | Array = 1.959964) -> Limits:
    """Interval of the first share minus the second, from the Wilson limits of both.

    Closed and never outside [-1, 1]; :func:`miettinen_nurminen` is a little closer to its
    nominal level.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = k1 / n1, k2 / n2
    low1, high1 = wilson(k1, n1, z=z)
    low2, high2 = wilson(k2, n2, z=z)
    gap = first - second
    return (
        gap - np.sqrt((first - low1) ** 2 + (high2 - second) ** 2),
        gap + np.sqrt((high1 - first) ** 2 + (second - low2) ** 2),
    )


def score_statistic(
    k1: Array, n1: Array, k2: Array, n2: Array, *, difference: float | Array = 0.0
) -> Array:
    """Standardised distance of the observed difference of two shares from a supposed one.

    The variance is that of the shares that are most likely under the supposed difference, with
    Miettinen and Nurminen's factor N/(N-1). Standard normal where the supposition holds; 0 where
    both are exact and equal.
    """
    k1, n1, k2, n2, gap = np.broadcast_arrays(*map(np.asarray, (k1, n1, k2, n2, difference)))
    with np.errstate(divide="ignore", invalid="ignore"):
        second = _restricted(k1, n1, k2, n2, gap)
        first = np.clip(second + gap, 0.0, 1.0)
        total = n1 + n2
        factor = np.where(total > 1, total / (total - 1), 1.0)
        variance = (first * (1 - first) / n1 + second * (1 - second) / n2) * factor
        distance = k1 / n1 - k2 / n2 - gap
        return np.where(
            np.abs(distance) < 1e-14, 0.0, distance / np.sqrt(np.maximum(variance, 1e-300))
        ) + 0.0 * (k1 / n1 + k2 / n2)


def score_p_value(k1: Array, n1: Array, k2: Array, n2: Array) -> Array:
    """Two-sided p-value of "both shares are equal" (:func:`score_statistic`)."""
    p: Array = 2 * ndtr(-np.abs(score_statistic(k1, n1, k2, n2)))
    return p


def miettinen_nurminen(
    k1: Array, n1: Array, k2: Array, n2: Array, *, z: float | Array = 1.959964
) -> Limits:
    """Interval of the first share minus the second: every difference a score test keeps.

    Examples
    --------
    >>> low, high = miettinen_nurminen(*map(np.array, (56.0, 70.0, 48.0, 80.0)))
    >>> low.round(4), high.round(4)
    (np.float64(0.0528), np.float64(0.3382))
    """
    k1, n1, k2, n2, z = np.broadcast_arrays(*map(np.asarray, (k1, n1, k2, n2, z)))
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = k1 / n1 - k2 / n2

    def kept(candidate: Array) -> NDArray[np.bool_]:
        return np.abs(score_statistic(k1, n1, k2, n2, difference=candidate)) <= z

    low = edge(kept, gap, np.full(gap.shape, -1.0))
    high = edge(kept, gap, np.full(gap.shape, 1.0))
    return low, high


def ratio_statistic(k1: Array, n1: Array, k2: Array, n2: Array, ratio: Array) -> Array:
    """:func:`score_statistic` of the first share over the second, against a supposed ratio."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = n1 + n2
        a = total * ratio
        b = -(n1 * ratio + k1 + n2 + k2 * ratio)
        c = k1 + k2
        second = 2 * c / (-b + np.sqrt(np.maximum(b * b - 4 * a * c, 0.0)))
        second = np.clip(second, 0.0, 1.0)
        first = np.clip(second * ratio, 0.0, 1.0)
        factor = np.where(total > 1, total / (total - 1), 1.0)
        variance = first * (1 - first) / n1 + ratio**2 * second * (1 - second) / n2
        distance = k1 / n1 - ratio * k2 / n2
        return np.where(
            np.abs(distance) <= 1e-14 * (1 + ratio),
            0.0,
            distance / np.sqrt(np.maximum(variance * factor, 1e-300)),
        )


def ratio_limits(
    k1: Array, n1: Array, k2: Array, n2: Array, *, z: float | Array = 1.959964
) -> Limits:
    """Interval of the first share over the second (Miettinen and Nurminen's score test).

    Returns
    -------
    low, high : ndarray
        Zero or more; ``high`` is infinite where the second share may be 0. NaN where either ``n``
        is 0 or both shares are.
    """
    k1, n1, k2, n2, z = np.broadcast_arrays(*map(np.asarray, (k1, n1, k2, n2, z)))
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = k1 / n1, k2 / n2
        # On the scale atan(ratio), so that an infinite ratio is an end like any other.
        angle = np.where((first == 0) & (second == 0), np.nan, np.arctan2(first, second))

    def kept(candidate: Array) -> NDArray[np.bool_]:
        return np.abs(ratio_statistic(k1, n1, k2, n2, np.tan(candidate))) <= z

    low = np.tan(edge(kept, angle, np.zeros(angle.shape)))
    top = edge(kept, angle, np.full(angle.shape, np.pi / 2))
    return low, np.where(top > np.pi / 2 - 1e-9, np.inf, np.tan(top))


def edge(kept: Callable[[Array], NDArray[np.bool_]], inside: Array, outside: Array) -> Array:
    """Where a set around ``inside`` ends on the way to ``outside``; ``outside`` if it does not."""
    whole = kept(outside)
    far = outside.copy()
    near = np.where(whole, outside, inside)
    for _ in range(_STEPS):
        middle = (near + far) / 2
        held = kept(middle)
        near, far = np.where(held, middle, near), np.where(held, far, middle)
    return np.where(np.isnan(inside), np.nan, near)


def _restricted(k1: Array, n1: Array, k2: Array, n2: Array, gap: Array) -> Array:
    """The second share that is most likely when the first is ``gap`` above it (a cubic)."""
    total = n1 + n2
    a = total
    b = (n1 + 2 * n2) * gap - total - (k1 + k2)
    c = (n2 * gap - total - 2 * k2) * gap + k1 + k2
    d = k2 * gap * (1 - gap)
    # Three real roots, of which this branch of the cosine is the one between 0 and 1.
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    # Not the sign of v, which is 0 where exactly half of all succeed.
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum((b / (3 * a)) ** 2 - c / (3 * a), 0.0))
    u = np.where(u == 0, 1e-300, u)
    w = (np.pi + np.arccos(np.clip(v / u**3, -1.0, 1.0))) / 3
    root: Array = 2 * u * np.cos(w) - b / (3 * a)
    lowest, highest = np.maximum(0.0, -gap), np.minimum(1.0, 1.0 - gap)
    return np.minimum(np.maximum(root, lowest), highest)
