"""From pairs to a promise about all groups, and from many candidates to those certified.

"No two groups are further apart than the limit" is shown where *every* ordered pair is shown to be
closer, each at the whole level: an intersection-union test needs no correction over pairs.

References
----------
Berger 1982; Holm 1979; Laufer-Goldshtein et al. 2023 (fixed sequences).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, betaincinv

from faircore.decide.pair_tests import Method, pair_bounds, pair_p_values
from faircore.metrics import Disparity
from faircore.metrics.multiple import holm

Array = NDArray[np.float64]


def certificate_p_value(
    counts: Array,
    disparity: Disparity,
    limit: float,
    *,
    effective: Array | None = None,
    method: Method = "guarded",
) -> Array:
    """P-value of "some two groups break the limit": the largest over pairs and rates.

    Parameters as in :func:`faircore.decide.pair_tests.pair_p_values`.

    Returns
    -------
    ndarray, shape (...)
        1 where a rate of some group is undefined: nothing is promised of whom nothing is known.
    """
    pairs = pair_p_values(counts, disparity, limit, effective=effective, method=method)
    found: Array = np.nan_to_num(pairs, nan=1.0).max(axis=(-3, -2, -1))
    return found


def broken_p_value(
    counts: Array, disparity: Disparity, limit: float, *, effective: Array | None = None
) -> Array:
    """P-value of "no two groups break the limit", (...): the smallest pair's, times their number.

    1 where no pair is defined. That one group exceeds another by more than a limit is tested as the
    other falling short by more than its negative (the inverse, of ratios).
    """
    turned = -limit if disparity.kind == "difference" else 1 / limit
    pairs = pair_p_values(counts, disparity, turned, effective=effective)
    pairs = pairs[..., ~np.eye(pairs.shape[-1], dtype=bool)]
    tests = np.isfinite(pairs).sum(axis=(-2, -1))
    smallest = np.nan_to_num(pairs, nan=1.0).min(axis=(-2, -1))
    found: Array = np.minimum(smallest * np.maximum(tests, 1), 1.0)
    return found


def gap_bound(
    counts: Array, disparity: Disparity, level: float, *, effective: Array | None = None
) -> Array:
    """The smallest limit (of ratios: the largest) that would be certified at a level, (...).

    NaN where a rate of some group is undefined.
    """
    bounds = pair_bounds(counts, disparity, level, effective=effective)
    worst = bounds.max if disparity.kind == "difference" else bounds.min
    found: Array = worst(axis=(-3, -2, -1))
    return np.where(np.isnan(bounds).any(axis=(-3, -2, -1)), np.nan, found)


def floor_p_value(successes: Array | float, trials: Array | float, floor: float) -> Array:
    """P-value of "the true share is at most the floor": the exact binomial test.

    ``trials`` may be an effective number: successes and trials are rounded down, which errs on the
    safe side.
    """
    n = np.floor(np.asarray(trials, np.float64) + 1e-9)
    missed = np.ceil(np.asarray(trials, np.float64) - np.asarray(successes, np.float64) - 1e-9)
    k = np.maximum(n - np.maximum(missed, 0.0), 0.0)
    # bdtrc(k - 1, n, p) is the chance of k or more.
    found: Array = np.where(k <= 0, 1.0, bdtrc(np.maximum(k - 1, 0), n, floor))
    return found


def floor_bound(successes: float, trials: float, level: float) -> float:
    """The largest floor that would be certified: the lower limit of Clopper and Pearson."""
    if successes <= 0:
        return 0.0
    return float(betaincinv(successes, max(trials - successes, 0.0) + 1, level))


def fixed_sequence(p_values: Array, order: Sequence[int], level: float) -> NDArray[np.bool_]:
    """Which candidates are certified, walking an order and stopping at the first that fails, (k,).

    The order must have been fixed without the rows the p-values come from. The chance that any
    candidate that breaks its limit is certified is at most ``level``: before the first such one is
    certified wrongly, its own test has to be wrong.
    """
    passed = np.zeros(len(p_values), bool)
    for k in order:
        if not p_values[k] <= level:
            break
        passed[k] = True
    return passed


def holm_passed(p_values: Array, level: float) -> NDArray[np.bool_]:
    """Which candidates are certified when there is no order, (k,)."""
    passed: NDArray[np.bool_] = holm(p_values) <= level
    return passed
