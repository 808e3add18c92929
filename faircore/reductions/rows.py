"""Reading what a caller of a reduction passes: outcomes, groups, weights, and rows to draw by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, column_or_1d

from faircore.data import as_frame
from faircore.errors import InputError
from faircore.groups import Groups


def two_classes(X: Any, y: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Classes in sorted order, (2,), and the code of each row, 0 or 1, (n,).

    Raises
    ------
    InputError
        When there are not two classes. What is no outcome at all raises ValueError.
    """
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None. Pass it.")
    y = column_or_1d(y.to_numpy() if hasattr(y, "to_numpy") else y, warn=True)
    check_consistent_length(X, y)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind != "binary":
        raise InputError(
            f"Only binary classification is supported. The type of the target is {kind}. Pass "
            "an outcome with two values."
        )
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            "y holds one class only; a classifier needs rows of two. Pass rows of both."
        )
    return classes, np.asarray(codes, np.int64)


def grouped(
    sensitive_features: Any,
    partitions: Sequence[str | Sequence[str]] | None,
    *,
    cross_all: bool,
) -> Groups:
    """Group rows; with ``cross_all`` by all attributes crossed, unless partitions are named."""
    if isinstance(sensitive_features, Groups):
        return Groups.of(sensitive_features, partitions=partitions)
    frame = as_frame(sensitive_features, prefix="group")
    # Fairlearn sorts groups by their label, and so must these be for its very models.
    frame = frame.astype(
        {c: object for c, kind in frame.dtypes.items() if isinstance(kind, pd.CategoricalDtype)}
    )
    if partitions is None and cross_all:
        partitions = [tuple(frame.columns)]
    return Groups.of(frame, partitions=partitions)


def counted(sample_weight: Any, X: Any) -> NDArray[np.float64] | None:
    """Weights of the rows, (n,), or None where each counts once."""
    if sample_weight is None:
        return None
    given = np.asarray(sample_weight)
    if given.size and not given.any():
        raise InputError("Every sample weight is zero. Give some rows a weight above zero.")
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    return None if (weights == 1).all() else weights


def row_numbers(X: Any) -> NDArray[np.float64]:
    """Cells as numbers to draw by, (n, d): of single precision, or the hash of a text."""
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).infer_objects()
    out = np.empty(frame.shape)
    for j in range(frame.shape[1]):
        column = frame.iloc[:, j]
        if pd.api.types.is_numeric_dtype(column.dtype):
            # As predictors of encoded columns have them, so that a row's lot is the same there.
            with np.errstate(over="ignore"):
                out[:, j] = column.to_numpy(np.float64, na_value=np.nan).astype(np.float32)
        else:
            text = column.astype(object).where(column.notna(), "").astype(str)
            hashed = pd.util.hash_pandas_object(text, index=False).to_numpy()
            out[:, j] = (hashed >> np.uint64(11)) * 2.0**-53
    return out
