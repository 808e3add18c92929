"""Parquet: every column cast to text by DuckDB, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from faircore.data.cells import check_names
from faircore.data.duck import Scan, locked_connection, quoted_name
from faircore.data.limits import Limits
from faircore.data.table import Table
from faircore.data.words import listed
from faircore.errors import DataError

_NESTED = ("STRUCT", "MAP", "UNION", "BLOB", "BIT", "VARIANT", "GEOMETRY")


def read_parquet(file: Path, limits: Limits) -> Table:
    """Read a Parquet file; :func:`faircore.data.read_table` checks the rest.

    Raises
    ------
    DataError
        See :func:`faircore.data.read_table`; also for columns that hold lists or records.
    """
    names = _check_footer(file, limits)
    try:
        with locked_connection(file, limits) as (connection, literal):
            source, types = _describe(connection, literal)
            _check_types(file.name, names, types)
            _check_text_size(connection, source, types, file.name, limits)
            cells = ", ".join(text_cell(*column) for column in types)
            rows = connection.sql(f"SELECT {cells} FROM {source}").to_arrow_table()
    except duckdb.Error:
        # DuckDB's message may repeat a cell, so it must not travel with ours.
        raise DataError(
            f"{file.name} is damaged or does not fit into memory. Export the table again, with "
            "fewer columns if it is large."
        ) from None
    frame: pd.DataFrame = rows.rename_columns(names).to_pandas().astype("str")
    return Table(frame, file.name)


def scan_parquet(
    file: Path, connection: Any, literal: str, limits: Limits, *, used: tuple[str, ...]
) -> Scan:
    """A Parquet file as SQL, judged on its footer alone.

    Parameters
    ----------
    file : Path
    connection, literal
        From :func:`faircore.data.duck.locked_connection`.
    limits : Limits
    used : tuple of str
        Columns that must hold one number, text or date in every cell.

    Raises
    ------
    DataError
        See :func:`read_parquet`.
    """
    names = _check_footer(file, limits)
    source, types = _describe(connection, literal)
    _check_types(file.name, names, types, used=used)
    sql = [(quoted_name(column), kind) for column, kind in types]
    return Scan(source, dict(zip(names, sql, strict=True)))


def _describe(connection: Any, literal: str) -> tuple[str, list[tuple[str, str]]]:
    """SQL that reads the file, and DuckDB's name and type of each column."""
    source = f"read_parquet({literal}, hive_partitioning=false, binary_as_string=true)"
    described = connection.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return source, [(str(row[0]), str(row[1])) for row in described]


def _check_footer(file: Path, limits: Limits) -> list[str]:
    """Check names and sizes before any row is decompressed; return the column names."""
    try:
        with pq.ParquetFile(file) as parquet:
            footer, schema = parquet.metadata, parquet.schema_arrow
            groups = range(footer.num_row_groups)
            size_bytes = sum(footer.row_group(i).total_byte_size for i in groups)
    except (OSError, pa.ArrowException):
        raise DataError(
            f"{file.name} is not a complete Parquet file. Export the table again."
        ) from None
    names: list[str] = list(schema.names)
    check_names(list(names), source=file.name)
    limits.check_shape(footer.num_rows, len(names), source=file.name)
    limits.check_bytes(size_bytes, source=file.name, what="decompresses to")
    return names


def _check_types(
    name: str,
    names: list[str],
    types: list[tuple[str, str]],
    *,
    used: tuple[str, ...] | None = None,
) -> None:
    """Refuse lists, records and bytes, which have no plain text form."""
    if len(types) != len(names):
        raise DataError(f"{name} is damaged: its two lists of columns differ. Export it again.")
    nested = [
        real
        for real, (_, kind) in zip(names, types, strict=True)
        if (used is None or real in used) and (kind.startswith(_NESTED) or kind.endswith("]"))
    ]
    if nested:
        raise DataError(
            f"Every cell of {name} must be one number, text or date, and column "
            f"{listed(map(repr, nested))} holds lists, records or bytes. "
            "Leave it out or spread it over columns."
        )


def _check_text_size(
    connection: Any, source: str, types: list[tuple[str, str]], name: str, limits: Limits
) -> None:
    """Refuse a small file whose dictionary repeats a huge text in every row."""
    lengths = [f"sum(strlen({quoted_name(n)}))" for n, kind in types if kind == "VARCHAR"]
    if lengths:
        total = connection.sql(f"SELECT {', '.join(lengths)} FROM {source}").fetchall()
        size_bytes = sum(int(part or 0) for part in total[0])
        limits.check_bytes(size_bytes, source=name, what="holds text of")


def text_cell(name: str, kind: str) -> str:
    """SQL for one column as text; empty text and "not a number" are missing."""
    column = quoted_name(name)
    # Not isnan(): DuckDB may answer it from column statistics, which leave NaN out.
    empty = "nan" if kind in ("FLOAT", "DOUBLE") else ""
    return f"nullif(CAST({column} AS VARCHAR), '{empty}') AS {column}"
