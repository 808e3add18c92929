"""The column that orders rows in time."""

from __future__ import annotations

from typing import Any

import pandas as pd
from numpy.typing import NDArray

from faircore.data.table import Table
from faircore.errors import DataError


def read_times(table: Table, column: str) -> NDArray[Any]:
    """Read a column as numbers or ISO dates.

    Parameters
    ----------
    table : Table
    column : str

    Returns
    -------
    ndarray of float64 or datetime64[ns], shape (n,)
        Dates with a time zone are given in UTC.

    Raises
    ------
    DataError
        When cells are missing, or are neither numbers nor ISO dates.
    """
    text = table.frame[column]
    if text.isna().any():
        raise DataError(
            f"The time column {column!r} must be filled in every row, and "
            f"{int(text.isna().sum()):,} rows are empty. Fill them or leave the rows out."
        )
    if table.kinds[column] == "number":
        return table.numbers(column)
    parsed = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if parsed.isna().any():
        raise DataError(
            f"The time column {column!r} must hold numbers or ISO dates (such as 2024-03-01), and "
            f"{int(parsed.isna().sum()):,} rows hold something else. Rewrite them."
        )
    times: NDArray[Any] = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    return times
