"""Files larger than memory: counted in one pass over their rows, to all that an audit needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from faircore.audit.big_file_cells import tally_cells, too_many_groups, too_many_values
from faircore.audit.big_file_sql import first_rows, statement
from faircore.data.checks import MAX_GROUPS
from faircore.data.decisions import unread_decision
from faircore.data.delimited import check_rejects, scan_delimited
from faircore.data.duck import Scan, locked_connection
from faircore.data.limits import Limits
from faircore.data.parquet import scan_parquet
from faircore.data.spec import DataSpec
from faircore.data.words import listed
from faircore.errors import DataError, InputError
from faircore.metrics.histograms import N_BINS
from faircore.metrics.inputs import check_threshold
from faircore.metrics.tally import Tally

_DELIMITED = (".csv", ".tsv", ".txt")
_FIRST_ROWS = 100_000
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) *([KMGT])i?B", re.IGNORECASE)
_THREAD_BYTES = 32 << 20  # what reading takes per thread
_ANY = 1 << 62


def tally_file(
    path: str | os.PathLike[str],
    spec: DataSpec,
    *,
    threshold: float = 0.5,
    memory: str = "512MB",
) -> Tally:
    """Count a Parquet or delimited file that may be larger than memory.

    Parameters
    ----------
    path : path-like
        ``.parquet``, or ``.csv``, ``.tsv`` or ``.txt`` in UTF-8. Cells mean what they mean to
        :func:`faircore.data.read_table`.
    spec : DataSpec
        With a score, a decision or both; decisions come from the decision column where there is
        one. Features are not looked at.
    threshold : float
        Without a decision column, a row is selected when its score is at least this.
    memory : str
        What reading may use at most, such as ``"512MB"``. It bounds how many groups times score
        bins can be told apart; the number of rows is not bounded.

    Returns
    -------
    Tally
        What :func:`faircore.metrics.tally.tally_rows` gives on the same rows. Scores come in the
        same bins, unless there are at most ``N_BINS`` distinct ones and one by one they do not fit
        into ``memory``: then in fine bins, which scores of up to three decimals never share.

    Raises
    ------
    InputError
        When neither score nor decision is given, or ``memory`` is not a size.
    DataError
        When the file is absent, empty, damaged or of another type, lacks a column, or holds
        cells that its roles forbid; when the count does not fit into ``memory``.
    """
    check_threshold(threshold)
    file, spec = Path(path), replace(spec, features=(), categorical=())
    if spec.score is None and spec.decision is None:
        raise InputError("Decisions come from a score or a decision column. Name one, or both.")
    limits = Limits(max_rows=_ANY, max_cells=_ANY, max_bytes=_ANY, memory=memory)
    threads = _threads(memory, scored=spec.score is not None)
    _check_file(file)
    with (
        _one_sentence(file.name, memory),
        locked_connection(file, limits, threads=threads) as (connection, literal),
    ):
        scan = _scan(file, spec, connection, literal, limits)
        few = _look_ahead(connection, scan, spec)
        cells = _read_cells(connection, scan, spec, threshold=threshold, few=few)
        if file.suffix.lower() in _DELIMITED:
            rejects = connection.sql("SELECT line, error_type FROM reject_errors").fetchall()
            check_rejects(file.name, len(scan.columns), rejects)
    if cells.empty:
        raise DataError(f"{file.name} has a header and no rows. Export the table with its rows.")
    return tally_cells(cells, spec)


def _threads(memory: str, *, scored: bool) -> int:
    match = _MEMORY.fullmatch(memory)
    if match is None:
        raise InputError(
            f"The memory must be a size with its unit, such as 512MB or 2GB, and it is {memory!r}. "
            "Write it like these."
        )
    size_bytes = float(match[1]) * 1000 ** ("KMGT".index(match[2].upper()) + 1)
    # With more than two threads, DuckDB lets go of tables of cells that are full and begins new
    # ones, so that the memory for many cells would grow with the rows.
    most = 2 if scored else os.cpu_count() or 1
    return max(1, min(most, int(size_bytes / _THREAD_BYTES)))


def _check_file(file: Path) -> None:
    suffixes = (".parquet", *_DELIMITED)
    if not file.is_file():
        raise DataError(f"The file {file.name} does not exist. Check its name and folder.")
    if file.suffix.lower() not in suffixes:
        raise DataError(
            f"{file.name} ends in {file.suffix or 'nothing'}, and only {', '.join(suffixes)} can "
            "be read in pieces. Save the table as one of these."
        )
    if file.stat().st_size == 0:
        raise DataError(f"{file.name} is empty. Export the table again.")


@contextmanager
def _one_sentence(name: str, memory: str) -> Iterator[None]:
    """Say what went wrong without DuckDB's message, which may repeat a cell."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise DataError(
            f"{name} cannot be counted within {memory} of memory. Allow more, or leave out the "
            "score or attributes with many groups."
        ) from None
    except duckdb.Error:
        raise DataError(
            f"{name} is damaged or cannot be split into rows and cells: a CSV file may mix line "
            "endings or leave a quotation mark open. Export the table again."
        ) from None
    except OSError:
        raise DataError(f"{name} cannot be opened. Check that you may read it.") from None


def _scan(file: Path, spec: DataSpec, connection: Any, literal: str, limits: Limits) -> Scan:
    alone = (spec.target, spec.score, spec.decision, spec.weight)
    used = tuple(c for c in (*alone, *spec.attributes) if c is not None)
    if file.suffix.lower() in _DELIMITED:
        scan = scan_delimited(file, literal, limits)
    else:
        scan = scan_parquet(file, connection, literal, limits, used=used)
    unknown = [name for name in used if name not in scan.columns]
    if unknown:
        raise DataError(
            f"{file.name} has no column {listed(map(repr, unknown))}. "
            "Check the spelling or choose other columns."
        )
    return scan


def _look_ahead(connection: Any, scan: Scan, spec: DataSpec) -> bool:
    """Refuse a column of far too many values before all its rows are grouped by them.

    Tells whether the scores there are so few that each can be counted on its own.
    """
    wholes = [a.column for a in spec.sensitive if a.bins is None]
    alone = tuple(c for c in (spec.target, spec.decision, spec.score) if c is not None)
    names = (*alone, *wholes)
    counts = connection.sql(first_rows(scan, names, _FIRST_ROWS)).fetchall()[0]
    few = False
    for name, count in zip(names, counts, strict=True):
        if name == spec.score:
            few = count <= N_BINS
            continue
        if count <= MAX_GROUPS + 2:  # empty text and "not a number" may be among them
            continue
        found = f"its first {_FIRST_ROWS:,} rows have {count:,} values"
        if name == spec.target:
            raise too_many_values(name, found)
        if name == spec.decision:
            raise unread_decision(name, found)
        raise too_many_groups(name, found)
    return few


def _read_cells(
    connection: Any, scan: Scan, spec: DataSpec, *, threshold: float, few: bool
) -> pd.DataFrame:
    """Read every row, once unless the later ones have far more scores than the first."""
    query = statement(scan, spec, threshold=threshold, few=few)
    try:
        cells: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
    except duckdb.OutOfMemoryException:
        if not few:
            raise
        return _read_cells(connection, scan, spec, threshold=threshold, few=False)
    return cells
