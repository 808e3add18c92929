"""A table exactly as it was given: text cells, nothing converted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from faircore.data.cells import (
    Kind,
    arrow_text,
    cell_kind,
    cells_as_text,
    check_names,
    parse_numbers,
)
from faircore.data.words import counted, listed
from faircore.errors import DataError
from faircore.files import write_whole

_SOURCE_KEY = b"faircore.source"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of text and a name for messages.

    Attributes
    ----------
    frame : pandas.DataFrame, shape (n, columns)
        Every column has pandas' ``str`` dtype; a missing cell is NaN. ``"None"``, ``"007"`` and
        ``" x "`` stay as they are.
    source : str
        What messages call this table, usually the file name.

    Raises
    ------
    DataError
        When a column is not text, or two columns share a name.

    Examples
    --------
    >>> table = Table.from_frame(pd.DataFrame({"zip": ["007", None], "age": [31, 28]}))
    >>> table.kinds
    {'zip': 'text', 'age': 'number'}
    """

    frame: pd.DataFrame
    source: str = "the table"

    def __post_init__(self) -> None:
        check_names(list(self.frame.columns), source=self.source)
        wrong = [name for name, dtype in self.frame.dtypes.items() if dtype != "str"]
        if wrong:
            raise DataError(
                f"{self.source} must hold text in every column, and {listed(map(repr, wrong))} "
                "does not. Build it with Table.from_frame."
            )

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, source: str = "the table") -> Table:
        """Write every cell of a data frame as text (shortest exact form for numbers).

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns of any plain dtype.
        source : str
            What messages call this table.

        Raises
        ------
        DataError
            When a column name is not text or holds something with no plain text form.
        """
        check_names(list(frame.columns), source=source)
        columns = {name: cells_as_text(frame[name], source) for name in frame.columns}
        return cls(pd.DataFrame(columns, columns=frame.columns), source)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in the order of the file."""
        return tuple(self.frame.columns)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Column name to ``"number"`` or ``"text"``.

        A column is a number when every cell that is present is a finite decimal number and none
        is a code with a leading zero. A column with no cell present is text.
        """
        return {name: cell_kind(self.frame[name]) for name in self.columns}

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Values of a column of numbers.

        Parameters
        ----------
        column : str
            A column whose kind is ``"number"``, or one with no cell present.

        Returns
        -------
        ndarray of float64, shape (n,)
            Missing cells are NaN.

        Raises
        ------
        DataError
            When the column is absent or some cells are not finite numbers.
        """
        if column not in self.frame:
            raise DataError(f"{self.source} has no column {column!r}. Check the spelling.")
        values, wrong = parse_numbers(self.frame[column])
        if wrong.any():
            raise DataError(
                f"Column {column!r} of {self.source} must hold finite numbers, and "
                f"{counted(int(wrong.sum()), 'row')} hold something else (rows "
                f"{listed(np.flatnonzero(wrong)[:5] + 1, total=int(wrong.sum()))}). "
                "Correct them or treat the column as text."
            )
        return values


def write_table(table: Table, path: str | os.PathLike[str]) -> None:
    """Store a table as Parquet, so that a crash leaves the old file or the new one.

    Parameters
    ----------
    table : Table
    path : path-like
        Replaced in one step when it exists.
    """
    target = Path(path)
    schema = pa.schema([(name, pa.large_string()) for name in table.columns])
    stored = pa.table(
        [arrow_text(table.frame[name]) for name in table.columns],
        schema=schema.with_metadata({_SOURCE_KEY: table.source.encode()}),
    )
    buffer = pa.BufferOutputStream()
    pq.write_table(stored, buffer, compression="zstd")
    write_whole(target, memoryview(buffer.getvalue()))


def load_table(path: str | os.PathLike[str]) -> Table:
    """Read what :func:`write_table` stored, cell for cell.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Table

    Raises
    ------
    DataError
        When the file is absent, damaged or was not written by :func:`write_table`.
    """
    name = Path(path).name
    try:
        with Path(path).open("rb") as file:
            stored = pq.read_table(file)
    except FileNotFoundError as error:
        raise DataError(f"The stored table {name} does not exist. Load the data again.") from error
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"The stored table {name} is damaged. Load the data again.") from error
    source = (stored.schema.metadata or {}).get(_SOURCE_KEY)
    if source is None or any(field.type != pa.large_string() for field in stored.schema):
        raise DataError(
            f"{name} is not a stored table of this program. Read it with read_table instead."
        )
    return Table(stored.to_pandas().astype("str"), source.decode())
