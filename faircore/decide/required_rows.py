"""How many rows a certificate would need.

By the normal approximation: rates of groups are drawn around the supposed ones, and every pair must
pass its test in four of five draws. The draws are the same each time, so the answer is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from faircore.decide.pair_tests import trials_of
from faircore.errors import InputError
from faircore.metrics import Disparity

Array = NDArray[np.float64]
Kind = Literal["difference", "ratio"]

DRAWS = 20_000
MOST_ROWS = 1e9
"""Beyond that many rows per group the answer is infinite."""


def required_rows(
    rates: Sequence[float] | Array,
    limit: float,
    *,
    power: float = 0.8,
    level: float = 0.05,
    kind: Kind = "difference",
    trials_per_row: Array | float = 1.0,
) -> float:
    """Rows per group at which a certificate would be given in ``power`` of all samples.

    Parameters
    ----------
    rates : sequence of float, g groups, or ndarray, shape (r, g)
        Supposed true rates of each group, of one or several rates that must all pass.
    limit : float
        A difference must be below it, a ratio above.
    power, level : float
    kind : {"difference", "ratio"}
    trials_per_row : float or ndarray that broadcasts to (r, g)
        Share of a group's rows that enter a rate, over the design effect: for a true positive
        rate, the share of good outcomes.

    Returns
    -------
    float
        Infinite where the supposed rates break the limit, or are so close to it that more than a
        billion rows would be needed.

    Examples
    --------
    >>> round(required_rows([0.2, 0.2], 0.05), -2), required_rows([0.2, 0.25], 0.05)
    (1100.0, inf)
    """
    p = np.atleast_2d(np.asarray(rates, np.float64))
    if p.shape[1] < 2 or not ((p >= 0) & (p <= 1)).all():
        raise InputError(
            f"Rows are asked for between two or more rates in [0, 1]; {p.shape[1]} were given. "
            "Pass a rate for each group."
        )
    share = np.broadcast_to(np.asarray(trials_per_row, np.float64), p.shape)
    if not (share > 0).all() or _broken(p, limit, kind):
        return math.inf
    noise = np.random.default_rng(0).standard_normal((DRAWS, *p.shape))

    def enough(rows: float) -> bool:
        return bool(_power(p, share * rows, limit, level, kind, noise) >= power)

    low, high = 1.0, 64.0
    while not enough(high):
        low, high = high, high * 2
        if high > MOST_ROWS:
            return math.inf
    while high / low > 1.002:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(math.ceil(high))


def required_from(
    counts: Array,
    disparity: Disparity,
    limit: float,
    *,
    power: float = 0.8,
    level: float = 0.05,
    effective: Array | None = None,
    equal: bool = False,
) -> float:
    """:func:`required_rows` if the truth were what was counted, (g, 2, 2) to rows per group.

    Every group is taken to have as many rows as any other, and outcomes as frequent as they were.
    With ``equal`` the truth is taken to be that of everybody in every group: the fewest rows that
    could do. NaN where a rate has no trial.
    """
    rows = counts.sum(axis=(-2, -1))
    k, n = (
        np.stack(found)
        for found in zip(*(trials_of(counts, rate) for rate in disparity.rates), strict=True)
    )
    if not (n > 0).all():
        return math.nan
    thin = np.ones(len(rows)) if effective is None else effective
    # A rate of exactly 0 or 1 would have no noise at all; half a person either way is milder.
    p = np.where((k == 0) | (k == n), (k + 0.5) / (n + 1), k / n)
    if equal:
        p = np.broadcast_to((k.sum(axis=1) / n.sum(axis=1)).clip(0.001, 0.999)[:, None], p.shape)
    return required_rows(
        p, limit, power=power, level=level, kind=disparity.kind, trials_per_row=n / rows / thin
    )


def _broken(p: Array, limit: float, kind: Kind) -> bool:
    high, low = p.max(axis=1), p.min(axis=1)
    if kind == "difference":
        return bool((high - low >= limit).any())
    return bool((low <= limit * high).any())


def _power(p: Array, n: Array, limit: float, level: float, kind: Kind, noise: Array) -> float:
    """Share of draws in which every ordered pair of every rate passes."""
    drawn = np.clip(p + noise * np.sqrt(p * (1 - p) / n), 0.0, 1.0)
    spread = drawn * (1 - drawn) / n
    z, passed = float(-ndtri(level)), np.ones(len(noise), bool)
    factor, shift = (1.0, limit) if kind == "difference" else (limit, 0.0)
    groups = range(p.shape[1])
    for i in groups:
        for j in groups:
            if i == j:
                continue
            # A difference: first - second < limit. A ratio: first > limit * second.
            gap = drawn[..., i] - factor * drawn[..., j] - shift
            error = np.sqrt(spread[..., i] + factor**2 * spread[..., j])
            far = gap <= -z * error if kind == "difference" else gap >= z * error
            passed &= far.all(axis=1)
    return float(passed.mean())
