"""What a reduction can be asked for, and which rows it can learn from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups

ALGORITHMS = ("exponentiated_gradient", "grid_search")


def check_search(algorithm: str, max_iter: int, grid_size: int, eta0: float) -> None:
    """Refuse what no search can be run with."""
    if algorithm not in ALGORITHMS:
        raise InputError(
            f"algorithm must be {' or '.join(ALGORITHMS)}; it is {algorithm!r}. Change it."
        )
    for name, value in (("max_iter", max_iter), ("grid_size", grid_size)):
        if value < 1 or value != int(value):
            raise InputError(f"{name} must be a whole number from 1; it is {value!r}. Change it.")
    if not 0 < eta0 < math.inf:
        raise InputError(f"eta0 must be above 0; it is {eta0!r}. Change it.")


def check_rows(y: NDArray[Any], groups: Groups) -> None:
    """Refuse rows of one class or of one group."""
    if groups.n_rows != len(y):
        raise InputError(
            f"sensitive_features has {groups.n_rows} rows and y has {len(y)}. Pass one row of "
            "groups per row of y."
        )
    if set(np.unique(y).tolist()) != {0, 1}:
        raise InputError(
            "y must hold both classes, as 0 and 1, in rows of weight above zero; it does not. "
            "Pass rows of both."
        )
    present = [int((groups.sizes[p.groups] > 0).sum()) for p in groups.partitions]
    if max(present) < 2:
        raise InputError(
            "There must be two groups to compare; every partition has one group only. Pass other "
            "sensitive_features, or train the estimator itself."
        )


def tolerances(groups: Groups, tolerance: float, crossed: float | None) -> list[float]:
    """Bound of each partition."""
    crossed = tolerance if crossed is None else crossed
    for name, value in (("tolerance", tolerance), ("crossed_tolerance", crossed)):
        if not 0 <= value <= 1:
            raise InputError(f"{name} must be from 0 to 1; it is {value!r}. Change it.")
    return [float(crossed if len(p.attributes) > 1 else tolerance) for p in groups.partitions]


def with_weight(
    learn: Any, y: NDArray[Any], groups: Groups, weights: NDArray[np.float64]
) -> tuple[Any, NDArray[Any], Groups, NDArray[np.float64]]:
    """Leave out rows that do not count."""
    weights = np.asarray(weights, np.float64)
    if weights.shape != y.shape or not (weights >= 0).all() or not np.isfinite(weights).all():
        raise InputError(
            f"There must be one weight of zero or more per row, {len(y)} in all; they have the "
            f"shape {weights.shape}, or some are negative or missing. Pass others."
        )
    if weights.all():
        return learn, y, groups, weights
    kept = np.flatnonzero(weights)
    learn = learn.iloc[kept] if hasattr(learn, "iloc") else learn[kept]
    return learn, y[kept], groups.take(kept), weights[kept]
