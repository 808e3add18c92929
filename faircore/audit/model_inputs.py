"""What a model of this package gets: checked row numbers, one frame, one matrix, one core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data import Encoder
from faircore.data.words import listed
from faircore.errors import InputError


def model_inputs(features: pd.DataFrame, sensitive: pd.DataFrame | None) -> pd.DataFrame:
    """Features, and sensitive attributes under names no feature can have.

    Parameters
    ----------
    features : pandas.DataFrame, shape (n, d)
    sensitive : pandas.DataFrame, shape (n, attributes), optional

    Returns
    -------
    pandas.DataFrame, shape (n, d) or (n, d + attributes)
        An attribute ``a`` is the column ``sensitive:a``. A feature keeps its name, unless that
        begins with ``sensitive:`` or ``feature:``, when ``feature:`` is put before it.

    Raises
    ------
    InputError
        When the numbers of rows differ.

    Examples
    --------
    >>> one = pd.DataFrame({"age": [1], "sensitive:age": [2]})
    >>> model_inputs(one, pd.DataFrame({"age": ["old"]})).columns.tolist()
    ['age', 'feature:sensitive:age', 'sensitive:age']
    """
    if sensitive is None:
        return features
    if len(features) != len(sensitive):
        raise InputError(
            f"features and sensitive must have one row per person; they have {len(features):,} "
            f"and {len(sensitive):,}. Pass rows of the same table."
        )
    # Arrays, not Series: pandas would align two different indexes and shift the rows.
    columns = {
        f"feature:{name}" if str(name).startswith(("sensitive:", "feature:")) else str(name):
        features[name].array
        for name in features.columns
    }  # fmt: skip
    columns |= {f"sensitive:{name}": sensitive[name].array for name in sensitive.columns}
    return pd.DataFrame(columns)


def encode(encoder: Encoder, inputs: pd.DataFrame) -> NDArray[np.float64]:
    """Matrix (n, d) in double precision, which the solvers need to converge."""
    return encoder.transform(inputs).astype(np.float64)


def as_rows(rows: Any, *, n_rows: int) -> NDArray[np.int64]:
    """Read row numbers.

    Parameters
    ----------
    rows : array of int, shape (m,)
    n_rows : int
        Rows the table has.

    Returns
    -------
    ndarray of int64, shape (m,)

    Raises
    ------
    InputError
        When they are not whole numbers from 0 to ``n_rows - 1``, or one occurs twice.
    """
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or not len(numbers) or not np.issubdtype(numbers.dtype, np.integer):
        raise InputError(
            "rows must be a column of at least one whole row number; it has shape "
            f"{numbers.shape} and type {numbers.dtype}. Pass numbers such as a split's train."
        )
    outside = np.unique(numbers[(numbers < 0) | (numbers >= n_rows)])
    if len(outside):
        raise InputError(
            f"Row numbers go from 0 to {n_rows - 1:,}; {listed(outside)} lie outside. Pass rows "
            "of the same table."
        )
    if len(np.unique(numbers)) < len(numbers):
        raise InputError("Each row number may occur once, and some repeat. Remove the repeats.")
    return numbers.astype(np.int64)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep boosted trees to one core.

    More cores gain little here. Where other programs use them too, the threads wait for each other,
    and learning from a small table takes many times as long.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield
