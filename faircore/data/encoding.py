"""Features as one float32 matrix, with everything learned from the training rows alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data.cells import parse_numbers
from faircore.data.table import Table
from faircore.data.words import counted, listed
from faircore.errors import DataError

OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True)
class NumericColumn:
    """How one number is encoded: ``(value - mean) / scale``, missing taken as the median.

    Attributes
    ----------
    name : str
    median, mean, scale : float
        In the column's unit. A scale of 0 marks a constant, which is encoded as 0.
    has_missing : bool
        Whether a second column says where the value is missing.
    """

    name: str
    median: float
    mean: float
    scale: float
    has_missing: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        return (self.name, f"{self.name} {MISSING}") if self.has_missing else (self.name,)

    def write(self, column: pd.Series[Any], out: NDArray[np.float32]) -> None:
        """Encode a column (n,) into ``out`` (n, width), which holds zeros."""
        values = _as_numbers(column)
        missing = np.isnan(values)
        if self.scale > 0:
            out[:, 0] = (np.where(missing, self.median, values) - self.mean) / self.scale
        if self.has_missing:
            out[:, 1] = missing


@dataclass(frozen=True)
class CategoricalColumn:
    """How one category is encoded: a column for each level, one for all others.

    Attributes
    ----------
    name : str
    levels : tuple of str
        Levels told apart, the most frequent first.
    has_missing : bool
        Whether missing has a column; without one it counts as another level.
    """

    name: str
    levels: tuple[str, ...]
    has_missing: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        shown = (*self.levels, OTHER, MISSING) if self.has_missing else (*self.levels, OTHER)
        return tuple(f"{self.name}={level}" for level in shown)

    def write(self, column: pd.Series[Any], out: NDArray[np.float32]) -> None:
        """Encode a column (n,) into ``out`` (n, width), which holds zeros."""
        codes, found = pd.factorize(_as_labels(column))
        place = {level: i for i, level in enumerate(self.levels)}
        other = len(self.levels)
        missing = other + 1 if self.has_missing else other
        # The last entry serves the code -1 of a missing cell.
        hot = np.array([*(place.get(level, other) for level in found), missing], dtype=np.intp)
        out[np.arange(len(codes)), hot[codes]] = 1


@dataclass(frozen=True)
class Encoder:
    """Turns feature columns into a matrix, the same way for every later table.

    Attributes
    ----------
    columns : tuple of NumericColumn or CategoricalColumn

    Examples
    --------
    >>> train = pd.DataFrame({"age": [20.0, 40.0], "job": ["cook", "cook"]})
    >>> encoder = Encoder.fit(train, min_count=1)
    >>> encoder.names
    ('age', 'job=cook', 'job=(other)')
    >>> encoder.transform(pd.DataFrame({"age": [30.0], "job": ["baker"]})).tolist()
    [[0.0, 0.0, 1.0]]
    """

    columns: tuple[NumericColumn | CategoricalColumn, ...]

    @classmethod
    def fit(cls, features: pd.DataFrame, *, max_levels: int = 20, min_count: int = 10) -> Encoder:
        """Learn medians, scales and levels.

        Parameters
        ----------
        features : pandas.DataFrame, shape (n, d)
            Training rows only. Columns of numbers or booleans are numeric, others categories.
        max_levels, min_count : int
            A category keeps at most ``max_levels`` levels, each of at least ``min_count`` rows.

        Raises
        ------
        DataError
            When there is no row, or a number is infinite.
        """
        if len(features) == 0:
            raise DataError("An encoder needs training rows, and there is none. Give it some.")
        columns: list[NumericColumn | CategoricalColumn] = []
        for name in features.columns:
            column = features[name]
            if pd.api.types.is_numeric_dtype(column.dtype):
                columns.append(_fit_numeric(str(name), column))
            else:
                columns.append(_fit_categorical(str(name), column, max_levels, min_count))
        return cls(tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns, in order."""
        return tuple(name for column in self.columns for name in column.names)

    def transform(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """Encode rows.

        Parameters
        ----------
        features : pandas.DataFrame, shape (n, columns)
            With every column the encoder was fitted on, in any order; others are ignored.

        Returns
        -------
        ndarray of float32, shape (n, d), C-contiguous

        Raises
        ------
        DataError
            When a column is absent, or a numeric one holds text or infinite values.
        """
        absent = [c.name for c in self.columns if c.name not in features.columns]
        if absent:
            raise DataError(
                f"The model needs the column {listed(map(repr, absent))}, and the table has none "
                "of that name. Add it or rename the column that holds it."
            )
        out = np.zeros((len(features), len(self.names)), dtype=np.float32)
        start = 0
        for column in self.columns:
            stop = start + len(column.names)
            column.write(features[column.name], out[:, start:stop])
            start = stop
        return out

    def transform_table(self, table: Table) -> NDArray[np.float32]:
        """Encode the text columns of a table as :meth:`transform` encodes a dataset's features."""
        return self.transform(table.frame)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; :meth:`from_dict` reads it."""
        return {
            "columns": [
                {"kind": "number" if isinstance(c, NumericColumn) else "text", **asdict(c)}
                for c in self.columns
            ]
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Encoder:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        DataError
            When it is not complete.
        """
        try:
            return cls(tuple(_column_from_dict(dict(column)) for column in stored["columns"]))
        except (KeyError, TypeError, ValueError):
            raise DataError("The stored encoder is incomplete. Train the model again.") from None


def _column_from_dict(stored: dict[str, Any]) -> NumericColumn | CategoricalColumn:
    if stored.pop("kind") == "number":
        return NumericColumn(**stored)
    return CategoricalColumn(**{**stored, "levels": tuple(stored["levels"])})


def _fit_numeric(name: str, column: pd.Series[Any]) -> NumericColumn:
    values = _as_numbers(column)
    missing = np.isnan(values)
    if missing.all():
        return NumericColumn(name, 0.0, 0.0, 0.0, True)
    median = float(np.median(values[~missing]))
    filled = np.where(missing, median, values)
    # Rounding can leave a constant with a tiny deviation, which would blow up other values.
    scale = float(filled.std()) if filled.min() < filled.max() else 0.0
    return NumericColumn(name, median, float(filled.mean()), scale, bool(missing.any()))


def _fit_categorical(
    name: str, column: pd.Series[Any], max_levels: int, min_count: int
) -> CategoricalColumn:
    labels = _as_labels(column)
    counts = labels.value_counts()
    frequent = counts[(counts >= min_count) & ~counts.index.isin([OTHER, MISSING])]
    # Ties by name, so that the order of the rows does not matter.
    levels = sorted(frequent.index, key=lambda level: (-int(frequent[level]), level))
    return CategoricalColumn(name, tuple(levels[:max_levels]), bool(labels.isna().any()))


def _as_labels(column: pd.Series[Any]) -> pd.Series[Any]:
    return column if column.dtype == "str" else column.astype("str")


def _as_numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Values (n,) of a numeric column, given as numbers or as their text."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.isinf(values)
    else:
        values, wrong = parse_numbers(_as_labels(column))
    if wrong.any():
        raise DataError(
            f"Column {column.name!r} must hold finite numbers, and "
            f"{counted(int(wrong.sum()), 'row')} hold text or an infinite value. Correct them."
        )
    return values
