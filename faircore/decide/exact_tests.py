"""Tests of shares that hold their level whatever the numbers, from the binomial distribution.

References
----------
Clopper & Pearson 1934.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaincinv

from faircore.metrics.intervals import Array

_HALVINGS = 50


def exact_p(k1: Array, n1: Array, k2: Array, n2: Array, limit: Array, *, ratio: bool) -> Array:
    """Twice the tail at which the limits of both shares, each with one tail, are ``limit`` apart.

    As the second share x grows, one tail falls and the other rises; where they meet, they are as
    large as both can be.
    """
    low, high = np.zeros_like(limit), np.ones_like(limit) if ratio else 1 - limit
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        up, down = _tails(k1, n1, k2, n2, middle, limit, ratio)
        low, high = np.where(up < down, middle, low), np.where(up < down, high, middle)
    # Both ends of what is left, so that rounding is never in favour of the certificate.
    rising, _ = _tails(k1, n1, k2, n2, high, limit, ratio)
    _, falling = _tails(k1, n1, k2, n2, low, limit, ratio)
    p: Array = np.minimum(2 * np.minimum(rising, falling), 1.0)
    return p


def _tails(
    k1: Array, n1: Array, k2: Array, n2: Array, second: Array, limit: Array, ratio: bool
) -> tuple[Array, Array]:
    """Tails of both groups where the second share is so: the one that rises with it first."""
    if ratio:
        return at_least(k1, n1, limit * second), at_most(k2, n2, second)
    return at_least(k2, n2, second), at_most(k1, n1, np.minimum(second + limit, 1.0))


def at_least(k: Array, n: Array, share: Array) -> Array:
    """Chance of k successes or more."""
    some = k > 1e-9
    tail: Array = betainc(np.where(some, k, 1.0), np.maximum(n - k, 0.0) + 1, share)
    return np.where(some, tail, 1.0)


def at_most(k: Array, n: Array, share: Array) -> Array:
    """Chance of k successes or fewer."""
    return at_least(n - k, n, 1 - share)


def floor_bound(successes: float, trials: float, level: float) -> float:
    """The largest floor that would be certified at a level: the lower limit of a share."""
    if successes <= 0:
        return 0.0
    return float(betaincinv(successes, max(trials - successes, 0.0) + 1, level))
