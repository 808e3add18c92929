"""Checks at the boundary: what callers pass becomes plain arrays, once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError


class _NotNumbersError(InputError):
    def __init__(self, name: str, n: int) -> None:
        self.n = n
        super().__init__(
            f"{name} must hold numbers, and some of its {n:,} values are something else. Convert "
            "or remove them."
        )


def as_numbers(values: Any, *, name: str) -> NDArray[np.float64]:
    """Read a column of numbers, given as (n,) or (n, 1); shape (n,)."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # left alone it would broadcast to (n, n) unnoticed
    if array.ndim != 1 or not len(array):
        raise InputError(
            f"{name} must be a column of at least one value; its shape is {array.shape}. "
            "Pass one value per row."
        )
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        raise _NotNumbersError(name, len(array)) from None


def as_scores(values: Any, *, name: str = "y_score") -> NDArray[np.float64]:
    """Read probabilities, shape (n,)."""
    scores = as_numbers(values, name=name)
    check_scores(scores)
    return scores


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that no probability is compared with."""
    if not 0 <= threshold <= 1:
        raise InputError(
            f"A threshold must lie between 0 and 1, as scores do; it is {threshold:g}. Correct it."
        )


def check_scores(y_score: NDArray[np.floating]) -> None:
    """Refuse scores, of any shape, that are not probabilities."""
    bad = ~((y_score >= 0) & (y_score <= 1))
    if bad.any():
        raise InputError(
            f"A score must be a probability between 0 and 1; {int(bad.sum()):,} of "
            f"{bad.size:,} are missing or outside. Rescale them, or pass decisions as y_pred."
        )


def as_binary(values: Any, *, name: str) -> NDArray[np.int8]:
    """Read labels or decisions of 0 and 1, shape (n,)."""
    try:
        numbers = as_numbers(values, name=name)
    except _NotNumbersError as error:
        numbers = np.full(error.n, np.nan)
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if wrong.any():
        raise InputError(
            f"{name} must hold only 0 and 1; {int(wrong.sum()):,} of {len(numbers):,} values are "
            "something else or missing. Encode the good outcome as 1 and the other as 0."
        )
    return numbers.astype(np.int8)


def as_weights(values: Any | None, *, n_rows: int) -> NDArray[np.float64] | None:
    """Read sample weights, shape (n,); ``None`` means that every row counts once."""
    if values is None:
        return None
    weights = as_numbers(values, name="sample_weight")
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
