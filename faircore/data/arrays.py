"""A dataset from arrays and frames in memory, for notebooks and scripts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data.dataset import Dataset
from faircore.data.spec import DataSpec, Sensitive
from faircore.errors import InputError

TARGET = "y"


def dataset_from_arrays(
    X: Any,
    y: NDArray[np.int8],
    sensitive_features: Any,
    *,
    weights: NDArray[np.float64] | None = None,
) -> Dataset:
    """Give arrays the form of a dataset.

    Parameters
    ----------
    X : DataFrame (pandas or polars) or ndarray, shape (n, d)
    y : ndarray of 0 and 1, shape (n,)
    sensitive_features : array, Series, mapping or DataFrame, n rows
        One attribute, or one column per attribute.
    weights : ndarray, shape (n,), optional

    Raises
    ------
    InputError
        When the numbers of rows differ or y holds one class only.
    """
    features, sensitive = as_frame(X, prefix="x"), as_frame(sensitive_features, prefix="group")
    if len(features) != len(y) or len(sensitive) != len(y):
        raise InputError(
            f"X, y and sensitive_features must have one row per person; they have "
            f"{len(features):,}, {len(y):,} and {len(sensitive):,}. Pass columns of the same table."
        )
    if len(np.unique(y)) < 2:
        raise InputError("y must hold both outcomes, 0 and 1; it holds one. Check the target.")
    spec = DataSpec(
        target=TARGET,
        positive="1",
        features=tuple(f"X:{c}" for c in features.columns),
        sensitive=tuple(Sensitive(c) for c in sensitive.columns),
    )
    plain = pd.DataFrame({f"X:{c}": _plain(features[c]) for c in features.columns})
    labels = pd.DataFrame({c: _labels(sensitive[c]) for c in sensitive.columns})
    weights = np.ones(len(y)) if weights is None else weights
    return Dataset(
        features=plain,
        y_true=y,
        sensitive=labels,
        levels={c: _levels(sensitive[c]) for c in sensitive.columns},
        weights=weights,
        entity=None,
        time=None,
        spec=spec,
        fingerprint=_fingerprint(spec, plain, labels, y, weights),
        source="the arrays",
    )


def as_frame(values: Any, *, prefix: str) -> pd.DataFrame:
    """Read an array, Series, mapping or DataFrame (pandas or polars) as columns with text names."""
    if isinstance(values, pd.DataFrame):
        return values.rename(columns=str).reset_index(drop=True)
    if hasattr(values, "to_pandas"):
        return as_frame(values.to_pandas(), prefix=prefix)
    if isinstance(values, pd.Series):
        name = prefix if values.name is None else str(values.name)
        return values.reset_index(drop=True).to_frame(name)
    if isinstance(values, Mapping):
        # By position: Series of one mapping may carry indexes that have nothing to do with it.
        return pd.DataFrame(
            {str(k): pd.Series(v).reset_index(drop=True) for k, v in values.items()}
        )
    array = np.asarray(values)
    if array.ndim == 1:
        return pd.DataFrame({prefix: array})
    if array.ndim == 2:
        return pd.DataFrame({f"{prefix} {j}": array[:, j] for j in range(array.shape[1])})
    raise InputError(
        f"A table must have one or two dimensions, not {array.ndim}. Pass one column per variable."
    )


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers as float64, anything else as text."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.astype("float64")
    return column.astype("str")


def _labels(column: pd.Series[Any]) -> pd.Series[Any]:
    whole = pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all()
    return (column.astype("Int64") if whole else column).astype("str")


def _levels(column: pd.Series[Any]) -> tuple[str, ...]:
    """Values in their natural order, missing left out."""
    values = pd.Series(column.dropna().unique()).sort_values()
    return tuple(_labels(values))


def _fingerprint(
    spec: DataSpec,
    features: pd.DataFrame,
    sensitive: pd.DataFrame,
    y: NDArray[np.int8],
    weights: NDArray[np.float64],
) -> str:
    """SHA-256 of roles and content, so that other arrays never share stored models."""
    digest = hashlib.sha256(spec.to_json().encode())
    for frame in (features, sensitive):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    digest.update(y.tobytes())
    digest.update(weights.tobytes())
    return digest.hexdigest()
