"""Columns of text cells: their names, their kind, and the numbers they spell."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faircore.data.words import listed
from faircore.errors import DataError

Kind = Literal["number", "text"]

# Plain decimal notation only: "1_000", "0x1A", "inf" and "nan" are text, as people read them.
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
CODE = r"^\s*[+-]?0\d"


def check_names(names: list[Hashable], *, source: str) -> None:
    """Refuse column names that are missing, empty, not text or not unique.

    Raises
    ------
    DataError
        Naming the columns, by position where they have no name.
    """
    nameless = [i for i, n in enumerate(names, 1) if not isinstance(n, str) or not n.strip()]
    if nameless:
        raise DataError(
            f"Every column of {source} needs a name in the header, and column "
            f"{listed(nameless)} has none. Add the names and try again."
        )
    repeated = [n for n in dict.fromkeys(names) if names.count(n) > 1] if _repeats(names) else []
    if repeated:
        raise DataError(
            f"Column names in {source} must differ, and {listed(map(repr, repeated))} "
            "stands more than once. Rename or remove the repeated columns."
        )


def _repeats(names: list[Hashable]) -> bool:
    return len(set(names)) < len(names)


def arrow_text(column: pd.Series[Any]) -> Any:
    """One contiguous Arrow array of large strings for a ``str`` column."""
    array = pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.large_string())


def parse_numbers(column: pd.Series[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read text cells as numbers.

    Parameters
    ----------
    column : pandas.Series of str, shape (n,)

    Returns
    -------
    values : ndarray of float64, shape (n,)
        NaN where the cell is missing or not a finite number.
    wrong : ndarray of bool, shape (n,)
        Where a cell is present but is not a finite number.
    """
    encoded = arrow_text(column).dictionary_encode()
    levels = _parse_levels(encoded.dictionary)
    codes = encoded.indices.fill_null(len(levels)).to_numpy(zero_copy_only=False)
    values = np.append(levels, np.nan)[codes]
    return values, np.isnan(values) & (codes < len(levels))


def _parse_levels(levels: Any) -> NDArray[np.float64]:
    """Parse distinct values (levels,); NaN where a level is not a finite number."""
    matched = pc.match_substring_regex(levels, NUMBER)
    trimmed = pc.utf8_trim_whitespace(pc.if_else(matched, levels, None))
    # A null stays null through the cast and becomes NaN.
    parsed = trimmed.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(parsed), parsed, np.nan)


def cell_kind(column: pd.Series[Any]) -> Kind:
    """Kind of one column, judged on its distinct values."""
    levels = arrow_text(column).dictionary_encode().dictionary
    if len(levels) == 0 or pc.any(pc.match_substring_regex(levels, CODE)).as_py():
        return "text"
    return "text" if np.isnan(_parse_levels(levels)).any() else "number"


def cells_as_text(column: pd.Series[Any], source: str) -> pd.Series[Any]:
    """One column as ``str``; numbers in their shortest exact form."""
    if column.dtype == "str":
        return column.reset_index(drop=True)
    try:
        array = pa.array(column.reset_index(drop=True), from_pandas=True)
        text: pd.Series[Any] = pd.Series(array.cast(pa.string()).to_pandas()).astype("str")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise DataError(
            f"Column {column.name!r} of {source} mixes types or holds objects with no plain text "
            "form. Convert it to text or numbers first."
        ) from error
    return text
