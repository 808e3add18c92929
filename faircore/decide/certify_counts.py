"""Which of K frozen candidates keep every limit in the population, however one of them is picked.

One test answers for one candidate. Among many, the one that looks best is often the luckiest, so
either they are tested in an order that was fixed on other rows, stopping at the first failure
(fixed-sequence testing), or every one of them pays for the others (Holm). In both, the chance
that any candidate passes wrongly is at most the level; so any of those that passed may be taken.

References
----------
Berger 1982 (several limits at once); Holm 1979; Maurer, Hothorn & Lehmacher 1995 (fixed sequence);
Laufer-Goldshtein et al. 2023 (the order from other rows).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faircore.decide.pair_tests import Method, certificate_p_value, floor_p_value
from faircore.errors import InputError
from faircore.frontier import Limit
from faircore.metrics import DISPARITIES, find_rate
from faircore.metrics.intervals import Array
from faircore.metrics.multiple import holm

FLOORS = ("accuracy",)
"""Performances of which a floor can be certified."""


def limit_p_values(
    counts: Array,
    rows: Sequence[Limit],
    *,
    method: Method = "score",
) -> Array:
    """p-values of "this candidate does not keep this limit".

    Parameters
    ----------
    counts : ndarray, shape (k, g, 2, 2)
        Confusion counts of each candidate over the groups of one partition.
    rows : sequence of Limit
        At least one: a disparity in :data:`faircore.metrics.DISPARITIES`, or ``accuracy``, which is
        to be above its limit over all groups together.
    method : {"score", "exact"}
        Of the pair tests; a floor is always tested exactly.

    Returns
    -------
    ndarray, shape (k, m)
        In [0, 1], one column per limit; 1 where it cannot be measured. A candidate keeps all of
        them when its largest p-value is at most the level (an intersection-union test).

    Raises
    ------
    InputError
        When there is no limit, or one of something that has no test.
    """
    if not rows:
        raise InputError("There is no limit to certify. Give at least one.")
    columns = []
    for row in rows:
        if row.key in FLOORS:
            columns.append(_floor(np.asarray(counts, np.float64), row))
        elif row.key in DISPARITIES:
            columns.append(certificate_p_value(counts, row.key, row.at, method=method))
        else:
            known = ", ".join((*DISPARITIES, *FLOORS))
            raise InputError(f"A limit of {row.key!r} cannot be certified. Choose among: {known}.")
    return np.stack(columns, axis=-1)


def fixed_sequence(p_values: Array, order: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Walk the order and pass candidates up to the first that fails.

    Parameters
    ----------
    p_values : ndarray, shape (..., k)
        On *certify*; NaN fails.
    order : array of int, shape (..., k)
        Positions, from other rows than the p-values: each of the k once.
    level : float
        Chance that any candidate passes wrongly, between 0 and 1.

    Returns
    -------
    ndarray of bool, shape (..., k)
        By position, not by place in the order.

    Raises
    ------
    InputError
        When the order does not name each candidate once, or the level is not between 0 and 1.

    Examples
    --------
    >>> fixed_sequence(np.array([0.04, 0.2, 0.001, 0.001]), [2, 0, 1, 3], 0.05).tolist()
    [True, False, True, False]
    """
    p, places = np.asarray(p_values, np.float64), np.asarray(order)
    check_level(level)
    if places.shape != p.shape or not (np.sort(places, axis=-1) == np.arange(p.shape[-1])).all():
        raise InputError(
            f"The order must name each of the {p.shape[-1]} candidates once; it does not."
        )
    walked = np.logical_and.accumulate(np.take_along_axis(p, places, axis=-1) <= level, axis=-1)
    passed = np.zeros(p.shape, bool)
    np.put_along_axis(passed, places, walked, axis=-1)
    return passed


def holm_passed(p_values: Array, level: float) -> NDArray[np.bool_]:
    """Pass candidates that have no order; each pays for all the others.

    Parameters
    ----------
    p_values : ndarray, shape (k,)
        NaN fails, and counts as a candidate.
    level : float
        Chance that any candidate passes wrongly, between 0 and 1.

    Returns
    -------
    ndarray of bool, shape (k,)

    Raises
    ------
    InputError
        When the level is not between 0 and 1.
    """
    check_level(level)
    passed: NDArray[np.bool_] = holm(np.nan_to_num(p_values, nan=1.0)) <= level
    return passed


def check_level(level: float) -> None:
    """Refuse a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"A level must lie between 0 and 1, such as 0.05; found {level}.")


def _floor(counts: Array, row: Limit) -> Array:
    """p-value of a floor over all groups together, (k,)."""
    hits, people = np.moveaxis(
        counts.sum(axis=-3).reshape(*counts.shape[:-3], 4) @ find_rate(row.key).coefficients, -1, 0
    )
    return floor_p_value(hits, people, row.at)
