"""Checks at the boundary: what callers pass becomes plain arrays, once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError


def as_binary(values: Any, *, name: str) -> NDArray[np.int8]:
    """Read labels or decisions of 0 and 1, shape (n,)."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not len(array):
        raise InputError(
            f"{name} must be a column of at least one 0 or 1; its shape is {array.shape}. "
            "Pass one value per row."
        )
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        numbers = np.full(len(array), np.nan)
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if wrong.any():
        raise InputError(
            f"{name} must hold only 0 and 1; {int(wrong.sum()):,} of {len(array):,} values are "
            "something else or missing. Encode the good outcome as 1 and the other as 0."
        )
    return numbers.astype(np.int8)


def as_weights(values: Any | None, *, n_rows: int) -> NDArray[np.float64] | None:
    """Read sample weights, shape (n,); ``None`` means that every row counts once."""
    if values is None:
        return None
    weights = np.asarray(values, np.float64)
    same_length("sample_weight", weights, n_rows)
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any() or not weights.any():
        raise InputError(
            f"sample_weight must be zero or more, and not all zero; {int(bad.sum()):,} of "
            f"{n_rows:,} are negative, missing or infinite. Correct them, or leave them out."
        )
    return weights


def same_length(name: str, values: Any, n_rows: int) -> None:
    """Refuse a column whose length differs from y_true's."""
    if len(values) != n_rows:
        raise InputError(
            f"{name} must have one value per row of y_true; it has {len(values):,}, y_true "
            f"{n_rows:,}. Pass columns of the same table."
        )
