"""Generalised entropy: how unequally the benefit of decisions is spread over people."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.audit.undefined import mean
from faircore.errors import InputError
from faircore.metrics.inputs import as_binary, as_numbers, as_weights, same_length

_Floats = NDArray[np.float64]


def benefits_of(y_true: Any, y_pred: Any) -> _Floats:
    """Benefit of each decision: 1 when it is right, 2 when undeserved, 0 when wrongly withheld.

    Parameters
    ----------
    y_true, y_pred : array of 0 and 1, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        ``y_pred - y_true + 1``.

    Raises
    ------
    InputError
        When values are not 0 and 1, or lengths differ.

    Examples
    --------
    >>> benefits_of([0, 0, 1, 1], [0, 1, 0, 1]).tolist()
    [1.0, 2.0, 0.0, 1.0]
    """
    truth, pred = as_binary(y_true, name="y_true"), as_binary(y_pred, name="y_pred")
    same_length("y_pred", pred, len(truth))
    return pred.astype(np.float64) - truth + 1


def generalized_entropy(benefits: Any, *, alpha: float = 2.0, weights: Any = None) -> float:
    """Generalised entropy index of benefits.

    With ``r`` the benefits over their mean, it is the mean of ``(r**alpha - 1) / (alpha * (alpha -
    1))``; for alpha 1, of ``r * log(r)`` (the Theil index); for alpha 0, of ``-log(r)`` (the mean
    log deviation). At alpha 2 it is half the squared coefficient of variation.

    Parameters
    ----------
    benefits : array, shape (n,)
        Zero or more.
    alpha : float
        The larger, the more large benefits count.
    weights : array, shape (n,), optional
        Zero or more.

    Returns
    -------
    float
        0 when all benefit alike, else above 0. NaN when the mean benefit is 0. Infinite, by the
        definition, when alpha is 0 or less and somebody has no benefit.

    Raises
    ------
    InputError
        When a benefit or alpha is negative or not finite where it may not be, or lengths differ.

    Notes
    -----
    AIF360 0.6.1 divides the index at alpha 0 by the mean benefit once more, against its own
    formula. This function follows the formula.

    References
    ----------
    Speicher, Heidari, Grgić-Hlača, Gummadi, Singla, Weller and Zafar, "A Unified Approach to
    Quantifying Algorithmic Unfairness", KDD 2018, equation 2.

    Examples
    --------
    >>> generalized_entropy([0, 2])
    0.5
    """
    values, weight = _read(benefits, weights, alpha)
    centre = mean(values, weight)
    return math.nan if centre == 0 else _index(values / centre, weight, alpha)


def entropy_between_groups(
    benefits: Any, codes: Any, *, alpha: float = 2.0, weights: Any = None
) -> float:
    """Part of the generalised entropy that lies between groups.

    It is the index when everybody has the mean benefit of their group. The rest lies within
    groups: the sum, over groups with share ``p`` of the weight and ratio ``r`` of their mean to
    the whole mean, of ``p * r**alpha`` times their own index.

    Parameters
    ----------
    benefits : array, shape (n,)
    codes : array, shape (n,)
        Group of each person; any numbers, a negative one too, are groups.
    alpha, weights
        As in :func:`generalized_entropy`.

    Returns
    -------
    float
        From 0 to the whole index, in the same unit; undefined and infinite as that is, though a
        person without benefit does no harm in a group that has some.

    Raises
    ------
    InputError
        As in :func:`generalized_entropy`.

    Examples
    --------
    >>> entropy_between_groups([0, 2, 2, 2], [0, 0, 1, 1]) / generalized_entropy([0, 2, 2, 2])
    0.333...
    """
    groups = np.unique(np.asarray(codes), return_inverse=True)[1]
    same_length("codes", groups, len(benefits))
    # Read with the groups as a column, so that rows without weight leave both alike.
    values, weight = _read(benefits, weights, alpha, drop=False)
    total = np.bincount(groups, weight).astype(np.float64)
    has = total > 0
    means = np.bincount(groups, weight * values)[has] / total[has]
    centre = mean(means, total[has])
    return math.nan if centre == 0 else _index(means / centre, total[has], alpha)


def _index(ratios: _Floats, weights: _Floats, alpha: float) -> float:
    """Index of benefits over their mean (n,), with weights (n,) above 0."""
    with np.errstate(divide="ignore"):  # a benefit of 0 is infinite at alpha 0 and below
        if alpha == 0:
            terms = -np.log(ratios)
        elif alpha == 1:
            # 0 * log(0) is 0 in the limit.
            terms = ratios * np.log(np.where(ratios > 0, ratios, 1))
        else:
            terms = (ratios**alpha - 1) / (alpha * (alpha - 1))
    # Rounding can leave equal benefits a hair below 0.
    return max(mean(terms, weights), 0.0)


def _read(
    benefits: Any, weights: Any, alpha: float, *, drop: bool = True
) -> tuple[_Floats, _Floats]:
    """Benefits and weights; with ``drop``, of people whose weight is above 0."""
    values = as_numbers(benefits, name="benefits")
    if not (np.isfinite(values) & (values >= 0)).all() or not math.isfinite(alpha):
        raise InputError(
            f"benefits must be zero or more and alpha a finite number; some of the "
            f"{len(values):,} benefits are negative, missing or infinite, or alpha is: {alpha}. "
            "Correct them."
        )
    given = as_weights(weights, n_rows=len(values))
    weight = np.ones(len(values)) if given is None else given
    return (values[weight > 0], weight[weight > 0]) if drop else (values, weight)
