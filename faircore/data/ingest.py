"""Read a file into a :class:`Table`, or say in one sentence why it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

from faircore.data.delimited import read_delimited
from faircore.data.limits import Limits
from faircore.data.parquet import read_parquet
from faircore.data.spreadsheet import read_spreadsheet
from faircore.data.table import Table
from faircore.errors import DataError

__all__ = ["SUFFIXES", "Limits", "read_table"]

_DELIMITED = (".csv", ".tsv", ".txt")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SUFFIXES = (*_DELIMITED, ".parquet", ".xlsx", ".xls")

_SIGNATURES: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (_ZIP, "an Excel workbook or another ZIP archive", (".xlsx",)),
    (_OLE, "an old or password-protected Excel workbook", (".xls",)),
    (b"PAR1", "a Parquet file", (".parquet",)),
    (b"\x1f\x8b", "a gzip archive", ()),
    (b"%PDF-", "a PDF document", ()),
    (b"SQLite format 3\x00", "an SQLite database", ()),
)


def read_table(
    path: str | os.PathLike[str], *, sheet: str | None = None, limits: Limits | None = None
) -> Table:
    """Read a CSV, Parquet or Excel file as text, cell for cell.

    Parameters
    ----------
    path : path-like
        A ``.csv``, ``.tsv`` or ``.txt`` file (delimited by comma, semicolon, tab or bar; UTF-8,
        or UTF-16 with a byte order mark), a ``.parquet`` file, or an ``.xlsx`` or ``.xls`` file.
    sheet : str, optional
        Sheet of a workbook; the first that is not empty when left out.
    limits : Limits, optional
        The largest table to read.

    Returns
    -------
    Table
        Only an empty cell is missing; a blank line is not a row. Numbers in Parquet and Excel
        files are written in their shortest exact form and dates in ISO form.

    Raises
    ------
    DataError
        When the file is absent, is not what its ending says, is damaged, has no rows, has rows of
        different lengths, or has columns without a name of their own. The message never repeats a
        cell.
    """
    limits = limits or Limits()
    file = Path(path)
    suffix = _check_file(file, limits)
    if sheet is not None and suffix not in (".xlsx", ".xls"):
        raise DataError(f"{file.name} has no sheets, since it is not a workbook. Leave sheet out.")
    if suffix in _DELIMITED:
        table = read_delimited(file, limits)
    elif suffix == ".parquet":
        table = read_parquet(file, limits)
    else:
        table = read_spreadsheet(file, limits, sheet=sheet)
    return _check_table(table, limits)


def _check_file(file: Path, limits: Limits) -> str:
    """Refuse a file that is absent, empty, too large or not what its ending says."""
    suffix = file.suffix.lower()
    if not file.is_file():
        raise DataError(f"The file {file.name} does not exist. Check its name and folder.")
    if suffix not in SUFFIXES:
        raise DataError(
            f"{file.name} ends in {suffix or 'nothing'}, and only {', '.join(SUFFIXES)} can be "
            "read. Save the table as one of these."
        )
    try:
        size_bytes = file.stat().st_size
        with file.open("rb") as stream:
            opening = stream.read(16)
    except OSError as error:
        raise DataError(f"{file.name} cannot be opened. Check that you may read it.") from error
    if size_bytes == 0:
        raise DataError(f"{file.name} is empty. Export the table again.")
    limits.check_bytes(size_bytes, source=file.name)
    _check_signature(file.name, suffix, opening)
    return suffix


def _check_signature(name: str, suffix: str, opening: bytes) -> None:
    """Compare the first bytes with what the ending promises."""
    for signature, what, suffixes in _SIGNATURES:
        if opening.startswith(signature):
            if suffix in suffixes:
                return
            raise DataError(
                f"{name} ends in {suffix}, and its content is {what}. "
                "Give it the right ending or export the table again."
            )
    if suffix not in _DELIMITED:
        raise DataError(
            f"{name} ends in {suffix}, and its content is something else or is damaged. "
            "Export the table again."
        )


def _check_table(table: Table, limits: Limits) -> Table:
    """What every format must have: rows, enough columns, a header that is one."""
    name = table.source
    if len(table.columns) < limits.least_columns:
        raise DataError(
            f"{name} has a single column, and a review needs several. If the file has more, "
            "separate them by comma, semicolon, tab or bar."
        )
    if table.n_rows == 0:
        raise DataError(f"{name} has a header and no rows. Export the table with its rows.")
    limits.check_shape(table.n_rows, len(table.columns), source=name)
    return table
