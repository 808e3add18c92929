"""Train an estimator many times on reweighted rows, and mix what comes out, with Fairlearn."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from fairlearn.reductions import (
    DemographicParity,
    EqualizedOdds,
    ExponentiatedGradient,
    FalsePositiveRateParity,
    GridSearch,
    Moment,
    TruePositiveRateParity,
)
from numpy.typing import NDArray
from sklearn.base import clone

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.reductions.checks import check_rows, check_search, tolerances, with_weight
from faircore.reductions.members import Counter, Oracle, check_takes_weights
from faircore.reductions.moments import PartitionParity, WeightedErrorRate, find_constraint
from faircore.reductions.result import Reduced, collect

Algorithm = Literal["exponentiated_gradient", "grid_search"]

_FAIRLEARNS = {
    "demographic_parity": DemographicParity,
    "equal_opportunity": TruePositiveRateParity,
    "equalized_odds": EqualizedOdds,
    "predictive_equality": FalsePositiveRateParity,
    "false_positive_rate_parity": FalsePositiveRateParity,
}


def reduce(
    learn: Any,
    y: NDArray[np.integer[Any]],
    groups: Groups,
    weights: NDArray[np.float64] | None = None,
    *,
    estimator: Any,
    constraint: str | Moment = "demographic_parity",
    tolerance: float = 0.02,
    crossed_tolerance: float | None = None,
    algorithm: Algorithm = "exponentiated_gradient",
    max_iter: int = 50,
    eta0: float = 2.0,
    run_linprog_step: bool = True,
    grid_size: int = 10,
    sample_weight_name: str = "sample_weight",
    on_fit: Callable[[int], None] | None = None,
) -> Reduced:
    """Find a mixture of models whose groups' rates are near everybody's.

    With one partition and no weights, or with a moment of Fairlearn's, Fairlearn does all of it
    with its own moment. Otherwise it works on the moments of :mod:`faircore.reductions.moments`.

    Parameters
    ----------
    learn : array or DataFrame, n rows
        Features; the estimator gets them as they are.
    y : ndarray of 0 and 1, shape (n,)
    groups : Groups
        Partitions to bound the gaps in; a moment of Fairlearn's takes one only.
    weights : ndarray, shape (n,), optional
        Zero or more; a row of weight 2 is two rows. Not with a moment of Fairlearn's.
    estimator : classifier
        Not fitted; its ``fit`` takes weights as ``sample_weight_name``.
    constraint : str or Moment
        A name in :data:`faircore.reductions.CONSTRAINTS`, or a moment, of which a copy is used.
    tolerance, crossed_tolerance : float
        Largest distance of a group's rate from everybody's, 0 to 1, in partitions of one
        attribute and of several; that of several is the same by default. A moment has its own.
    algorithm : {"exponentiated_gradient", "grid_search"}
    max_iter, eta0, run_linprog_step, grid_size
        As in Fairlearn.
    on_fit : callable, optional
        Called with the number of fits so far after each; what it raises ends the search.

    Raises
    ------
    InputError
        When rows, groups or a parameter cannot be used.
    """
    started = time.perf_counter()
    y = np.asarray(y)
    check_takes_weights(estimator, sample_weight_name)
    check_search(algorithm, max_iter, grid_size, eta0)
    check_rows(y, groups)
    bounds = tolerances(groups, tolerance, crossed_tolerance)
    if weights is not None:
        learn, y, groups, weights = with_weight(learn, y, groups, weights)
        check_rows(y, groups)
    moment, given = _moment(constraint, groups, weights, bounds)
    oracle = Oracle(estimator, Counter(on_fit))
    named: dict[str, Any] = {"sample_weight_name": sample_weight_name}
    if algorithm == "grid_search":
        search: Any = GridSearch(oracle, moment, grid_size=grid_size, **named)
    else:
        if isinstance(moment, PartitionParity):
            named["objective"] = WeightedErrorRate()
        if weights is not None:
            plain = clone(oracle).fit(learn, pd.Series(y), **{sample_weight_name: weights})
            named["nu"] = _accuracy(np.ravel(plain.predict(learn)) != y, weights)
        named |= {"max_iter": max_iter, "eta0": eta0, "run_linprog_step": run_linprog_step}
        search = ExponentiatedGradient(oracle, moment, **named)
    search.fit(learn, y, **given)
    return collect(search, groups, started)


def _moment(
    constraint: str | Moment,
    groups: Groups,
    weights: NDArray[np.float64] | None,
    bounds: Sequence[float],
) -> tuple[Moment, dict[str, Any]]:
    """Moment to search under, not loaded, and what ``fit`` is given beside X and y."""
    alone = len(groups.partitions) == 1
    # Numbers of groups are sorted as their labels are, so that the constraints keep their order.
    codes = pd.Series(groups.codes[0])
    if isinstance(constraint, Moment):
        if not alone or weights is not None:
            raise InputError(
                "A moment of Fairlearn's takes one partition and no sample_weight; got "
                f"{len(groups.partitions)} partitions and "
                f"{'no weights' if weights is None else 'weights'}. Name the constraint instead, "
                "as in constraint='equalized_odds'."
            )
        return copy.deepcopy(constraint), {"sensitive_features": codes}
    find_constraint(constraint)
    if alone and weights is None:
        return _FAIRLEARNS[constraint](difference_bound=bounds[0]), {"sensitive_features": codes}
    given = {"sensitive_features": groups, "sample_weight": weights}
    return PartitionParity(constraint, bounds), given


def _accuracy(wrong: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    """Duality gap to stop at: Fairlearn's, half a standard error of the error rate, of weights.

    Fairlearn takes it from its first model, which sees no constraint yet: the plain one.
    """
    total = float(weights.sum())
    error = float(weights[wrong].sum()) / total
    # Of whole weights it is that of repeated rows; the total less 1 must stay above zero.
    return 0.5 * math.sqrt(error * (1 - error) / max(total - 1, 1.0))
