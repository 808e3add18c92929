"""CSV and its relatives: find the encoding and the delimiter, then let DuckDB read text."""

from __future__ import annotations

import codecs
import csv
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from faircore.data.cells import check_names
from faircore.data.duck import Scan, locked_connection, quoted
from faircore.data.limits import Limits
from faircore.data.table import Table
from faircore.data.words import SHOWN, listed
from faircore.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 20
_BUFFER_BYTES = 8 << 20
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_delimited(file: Path, limits: Limits) -> Table:
    """Read a delimited file; :func:`faircore.data.read_table` checks the rest.

    Raises
    ------
    DataError
        See :func:`faircore.data.read_table`.
    """
    encoding = _encoding(file)
    opening = _check_text(file, encoding)
    delimiter, width = _sniff(opening, file.name, limits)
    limits.check_shape(0, width, source=file.name)
    if encoding != "utf-16":
        return _read(file, file.name, delimiter, width, limits)
    with tempfile.TemporaryDirectory(prefix="faircore-") as folder:
        copy = Path(folder) / "table.csv"
        with (
            file.open(encoding=encoding, newline="") as old,
            copy.open("w", encoding="utf-8", newline="") as new,
        ):
            while chunk := old.read(_CHUNK):
                new.write(chunk)
        return _read(copy, file.name, delimiter, width, limits)


def scan_delimited(file: Path, literal: str, limits: Limits) -> Scan:
    """A delimited file as SQL, judged on its opening alone.

    After its rows are read, :func:`check_rejects` tells which had another length.

    Parameters
    ----------
    file : Path
    literal : str
        From :func:`faircore.data.duck.locked_connection`.
    limits : Limits

    Raises
    ------
    DataError
        When the opening is not UTF-8 text in columns with a name each.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            opening = stream.read(_CHUNK)
    except UnicodeDecodeError:
        opening = "\0"
    if "\0" in opening:
        raise DataError(
            f"{file.name} must be UTF-8 text to be read in pieces, and it begins with something "
            "else. Save the file as CSV UTF-8 and try again."
        )
    delimiter, width = _sniff(opening, file.name, limits)
    limits.check_shape(0, width, source=file.name)
    lines = opening.splitlines(keepends=True)
    blank = next(i for i, line in enumerate(lines) if line.strip("\r\n"))
    header = next(csv.reader(lines[blank:], delimiter=delimiter))
    check_names(list(header), source=file.name)
    # Small buffers, since every thread holds some.
    source = _source(
        literal, delimiter, width, f"header=true, skip={blank}, buffer_size={_BUFFER_BYTES}"
    )
    return Scan(source, {name: (f"c{i}", "VARCHAR") for i, name in enumerate(header)})


def _encoding(file: Path) -> str:
    with file.open("rb") as stream:
        start = stream.read(4)
    return next((name for bom, name in _BOMS.items() if start.startswith(bom)), "utf-8")


def _check_text(file: Path, encoding: str) -> str:
    """Decode the whole file in passing; return its opening.

    Bytes that are not text must be found here: DuckDB accepts NUL.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    opening, line = "", 1
    with file.open("rb") as stream:
        while True:
            raw = stream.read(_CHUNK)
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                line += raw.count(b"\n", 0, error.start)
                raise DataError(
                    f"{file.name} must be UTF-8 text, and line {line:,} or one just before it is "
                    "not. Save the file as CSV UTF-8 and try again."
                ) from None
            if (at := text.find("\0")) >= 0:
                line += text.count("\n", 0, at)
                raise DataError(
                    f"{file.name} must be text, and line {line:,} holds a NUL byte. "
                    "Save the file as CSV UTF-8 and try again."
                )
            line += text.count("\n")
            opening = opening or text
            if not raw:
                return opening


def _sniff(opening: str, name: str, limits: Limits) -> tuple[str, int]:
    """Delimiter and number of columns, judged on the file's first mebibyte.

    The delimiter that gives most rows the header's width wins; among equals, the one that gives
    more columns.
    """
    if not opening.strip():
        raise DataError(f"{name} is empty. Export the table again.")
    found: list[tuple[float, int, str]] = []
    for delimiter in DELIMITERS:
        widths = _widths(opening, delimiter)
        if widths and widths[0] > 1:
            same = Counter(widths)[widths[0]] / len(widths)
            found.append((round(same, 2), widths[0], delimiter))
    if not found and limits.least_columns == 1:
        return DELIMITERS[0], 1
    if not found:
        raise DataError(
            f"{name} has a single column, and a review needs several. Separate the columns by "
            "comma, semicolon, tab or bar, and close every quotation mark."
        )
    _, width, delimiter = max(found)
    return delimiter, width


def _widths(opening: str, delimiter: str) -> list[int]:
    """Cells per row of the opening, without the row that the cut may have shortened."""
    widths: list[int] = []
    try:
        for row in csv.reader(opening.splitlines(keepends=True), delimiter=delimiter):
            if row:
                widths.append(len(row))
            if len(widths) > 500:
                break
    except csv.Error:  # a cell longer than csv's limit: the quote before it never closes
        return widths
    return widths[:-1] if len(opening) >= _CHUNK // 4 and len(widths) > 1 else widths


def _read(file: Path, name: str, delimiter: str, width: int, limits: Limits) -> Table:
    """Read every row, the header included, as text by position."""
    with locked_connection(file, limits) as (connection, literal):
        source = _source(literal, delimiter, width, "header=false")
        try:
            rows = connection.sql(
                f"SELECT * FROM {source} LIMIT {limits.max_rows + 2}"
            ).to_arrow_table()
            rejects = connection.sql("SELECT line, error_type FROM reject_errors").fetchall()
        except duckdb.Error:
            # DuckDB's message repeats the line, so it must not travel with ours.
            raise DataError(
                f"{name} cannot be split into rows and cells: it mixes line endings, leaves a "
                "quotation mark open, or does not fit into memory. Save it as CSV again."
            ) from None
    check_rejects(name, width, rejects)
    if rows.num_rows == 0:
        raise DataError(f"{name} has no header. Add one line of column names.")
    header = [column[0].as_py() for column in rows.columns]
    check_names(header, source=name)
    limits.check_shape(rows.num_rows - 1, width, source=name)
    frame: pd.DataFrame = rows.slice(1).rename_columns(header).to_pandas().astype("str")
    return Table(frame, name)


def _source(literal: str, delimiter: str, width: int, options: str) -> str:
    """SQL that reads every cell as text by position, and sets aside rows of another length."""
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    return (
        f"read_csv({literal}, delim={quoted(delimiter)}, quote='\"', escape='\"', {options}, "
        f"auto_detect=false, nullstr='', strict_mode=true, columns={{{columns}}}, "
        f"store_rejects=true, rejects_limit={SHOWN + 1})"
    )


def check_rejects(name: str, width: int, rejects: list[tuple[Any, ...]]) -> None:
    """Refuse rows of another length, and quotation marks that do not close."""
    if not rejects:
        return
    lines: dict[str, set[int]] = {}
    for line, kind in rejects:
        lines.setdefault("ragged" if "COLUMNS" in kind else kind, set()).add(int(line))
    kind, where = max(lines.items(), key=lambda item: len(item[1]))
    shown = sorted(where)
    more = " and others" if len(shown) > SHOWN else ""
    which = f"line {listed(shown[:SHOWN])}{more} (the header is line 1)"
    text = {
        "ragged": f"must have {width} cells in every row like its header, and {which} has not. "
        "Quote cells that contain the delimiter",
        "UNQUOTED VALUE": f"must close every quotation mark, and {which} does not. "
        "Double the quotation marks inside a quoted cell",
        "LINE SIZE OVER MAXIMUM": f"has a line too long to be a row, {which}. "
        "A quotation mark may be open",
    }.get(kind, f"has cells that cannot be read in {which}. Correct them")
    raise DataError(f"{name} {text}, and export the table again.")
