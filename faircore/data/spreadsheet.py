"""Excel workbooks, read by calamine: integers without ".0", dates in ISO form."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pandas as pd
import python_calamine as calamine

from faircore.data.cells import check_names
from faircore.data.limits import Limits
from faircore.data.table import Table
from faircore.data.words import listed
from faircore.errors import DataError

# Beyond this a spreadsheet's floating-point cell no longer tells two whole numbers apart.
_EXACT = 2**53
_CHUNK = 1 << 20
_ADDRESS = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')


def read_spreadsheet(file: Path, limits: Limits, *, sheet: str | None = None) -> Table:
    """Read one sheet; :func:`faircore.data.read_table` checks the rest.

    Raises
    ------
    DataError
        See :func:`faircore.data.read_table`; also for a sheet that does not exist and for whole
        numbers too long for a spreadsheet to keep.
    """
    if file.suffix.lower() == ".xlsx":
        _check_archive(file, limits)
    try:
        with calamine.CalamineWorkbook.from_path(file) as workbook:
            cells = _cells(workbook, file.name, limits, sheet)
    except (calamine.CalamineError, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{file.name} is a damaged or protected workbook. Save it again without a password, "
            "or as CSV UTF-8."
        ) from None
    return _table(cells, file.name, limits)


def _check_archive(file: Path, limits: Limits) -> None:
    """Check sizes before the workbook is unpacked, where a bomb would fill the memory."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            limits.check_bytes(
                sum(part.file_size for part in parts), source=file.name, what="decompresses to"
            )
            for part in parts:
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", part.filename):
                    _check_extent(archive, part, file.name, limits)
            is_workbook = any(part.filename.startswith("xl/") for part in parts)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error):
        raise DataError(f"{file.name} is a damaged workbook. Save it again.") from None
    if not is_workbook:
        raise DataError(
            f"{file.name} ends in .xlsx, and its content is another kind of ZIP archive. "
            "Save the table as an Excel workbook or as CSV UTF-8."
        )


def _check_extent(
    archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str, limits: Limits
) -> None:
    """Refuse a sheet with a cell so far out that the rectangle up to it is too large.

    The reader allocates the whole rectangle, so one stray cell could end the process.
    """
    n_rows = n_columns = read_bytes = 0
    tail = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            read_bytes += len(chunk)
            for letters, row in _ADDRESS.findall(tail + chunk):
                n_rows = max(n_rows, int(row))
                n_columns = max(n_columns, _column_number(letters))
            tail = chunk[-200:]
    limits.check_bytes(read_bytes, source=name, what="decompresses to")
    limits.check_shape(max(n_rows - 1, 0), n_columns, source=name)


def _column_number(letters: bytes) -> int:
    """Position of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _cells(workbook: Any, name: str, limits: Limits, sheet: str | None) -> list[list[Any]]:
    """Cells of the wanted sheet, or of the first one that is not empty."""
    if sheet is not None and sheet not in workbook.sheet_names:
        raise DataError(
            f"{name} has no sheet {sheet!r}. It has: "
            f"{listed(map(repr, workbook.sheet_names))}. Name one of these."
        )
    for wanted in [sheet] if sheet is not None else workbook.sheet_names:
        found = workbook.get_sheet_by_name(wanted)
        limits.check_shape(max(found.height - 1, 0), found.width, source=name)
        cells: list[list[Any]] = found.to_python()
        if any(cell not in ("", None) for row in cells for cell in row):
            return cells
    raise DataError(f"{name} is empty. Save the workbook with its rows.")


def _table(cells: list[list[Any]], name: str, limits: Limits) -> Table:
    """Text columns from rows of cells; blank rows and blank unnamed columns are not data."""
    rows = [row for row in cells if any(cell not in ("", None) for cell in row)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns = [column for column in columns if any(cell not in ("", None) for cell in column)]
    header = [_text(column[0]) for column in columns]
    check_names(list(header), source=name)
    too_long = [
        title
        for title, column in zip(header, columns, strict=True)
        if any(isinstance(c, float) and c.is_integer() and abs(c) >= _EXACT for c in column)
    ]
    if too_long:
        raise DataError(
            f"A workbook keeps about 15 digits, and column {listed(map(repr, too_long))} of {name} "
            "holds longer whole numbers. Store them as text, or export CSV or Parquet."
        )
    limits.check_shape(len(rows) - 1, len(header), source=name)
    data = {
        str(title): pd.array([_text(cell) for cell in column[1:]], dtype="str")
        for title, column in zip(header, columns, strict=True)
    }
    return Table(pd.DataFrame(data), name)


def _text(cell: Any) -> str | None:
    """One cell as text; ``None`` when it is empty."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell)
