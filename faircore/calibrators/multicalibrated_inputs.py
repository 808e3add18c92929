"""What a correction is given, checked, and how its rows are cut and weighted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups

Floats = NDArray[np.float64]

FOLDS = 5


def whole(name: str, value: float, low: int) -> None:
    """Refuse a setting that is no whole number of at least ``low``."""
    if not low <= value < math.inf or value != int(value):
        raise InputError(
            f"{name} must be a whole number of {low} or more; it is {value!r}. Change it."
        )


def folds_of(
    y: NDArray[np.int8], groups: Groups, seed: int, entity: NDArray[Any] | None = None
) -> NDArray[np.intp]:
    """Fold of each row, (n,): as many of each outcome and group in each as can be.

    Rows of one entity go where the first of them goes.
    """
    if entity is not None:
        _, first, whose = np.unique(entity, return_index=True, return_inverse=True)
        found: NDArray[np.intp] = folds_of(y[first], groups.take(first), seed)[whose.ravel()]
        return found
    _, stratum = np.unique(np.vstack([y, groups.codes]), axis=1, return_inverse=True)
    drawn = np.random.default_rng(seed).random(len(y))
    order = np.lexsort([drawn, stratum.ravel()])
    fold = np.empty(len(y), np.intp)
    fold[order] = np.arange(len(y)) % FOLDS
    return fold


def group_balance(groups: Groups, weight: Floats) -> Floats:
    """What each row counts more, (n,), by the root of how small its groups are; mean about 1."""
    size = np.bincount(
        groups.codes.ravel(), np.tile(weight, len(groups.codes)), minlength=groups.n_groups
    )
    factor = np.zeros(len(weight))
    for partition, codes in zip(groups.partitions, groups.codes, strict=True):
        own = size[partition.groups]
        mean = own.sum() / np.count_nonzero(own)
        factor += np.sqrt(mean / size[codes])
    balanced: Floats = factor * (weight.sum() / (factor * weight).sum())
    return balanced


def as_columns(X: Any, n_rows: int) -> NDArray[np.float32]:
    """Columns in single precision, (n, d)."""
    values = X.to_numpy() if isinstance(X, pd.DataFrame) else np.asarray(X)
    try:
        with np.errstate(over="ignore"):
            columns = values.astype(np.float32)
    except (TypeError, ValueError):
        columns = np.full((1, 1), np.inf, np.float32)
    if np.isinf(columns).any():
        raise InputError(
            "X must hold numbers that single precision can hold, or NaN; some of its values are "
            "something else or infinite. Encode the columns, or correct them."
        )
    if columns.ndim != 2 or len(columns) != n_rows:
        raise InputError(
            f"X must have one row per score and two dimensions; there are {n_rows:,} scores and "
            f"its shape is {columns.shape}. Pass the columns of the same rows."
        )
    return columns
