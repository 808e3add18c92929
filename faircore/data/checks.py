"""What cannot work about column roles on a table, found before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from faircore.data.bins import attribute_groups
from faircore.data.cautions import find_warnings
from faircore.data.decisions import read_decision
from faircore.data.findings import Finding
from faircore.data.fingerprint import used_columns
from faircore.data.spec import DataSpec, Sensitive
from faircore.data.table import Table
from faircore.data.times import read_times
from faircore.data.words import counted, listed
from faircore.errors import DataError

__all__ = ["Finding", "check_spec", "find_errors"]

MIN_ROWS = 100
MIN_CLASS_ROWS = 20
MAX_GROUPS = 50


def check_spec(table: Table, spec: DataSpec) -> list[Finding]:
    """Find everything that cannot work, and what deserves a second look.

    Parameters
    ----------
    table : Table
    spec : DataSpec

    Returns
    -------
    list of Finding
        Errors first. When the table lacks a column, only that is said.
    """
    if _unknown(table, spec):
        return find_errors(table, spec)
    return [*find_errors(table, spec), *find_warnings(table, spec)]


def find_errors(table: Table, spec: DataSpec) -> list[Finding]:
    """Find only what keeps a dataset from being built."""
    unknown = _unknown(table, spec)
    if unknown:
        text = (
            f"{table.source} has no column {listed(map(repr, unknown))}. "
            "Check the spelling or choose other columns."
        )
        return [Finding("error", unknown[0], text)]
    return [
        Finding("error", subject, text) for check in _ERRORS for subject, text in check(table, spec)
    ]


def _unknown(table: Table, spec: DataSpec) -> list[str]:
    return [name for name in used_columns(spec) if name not in table.frame.columns]


_Found = Iterator[tuple[str, str]]


def _rows(table: Table, spec: DataSpec) -> _Found:
    if spec.features and table.n_rows < MIN_ROWS:
        yield (
            "rows",
            f"{table.source} has {counted(table.n_rows, 'row')}, and at least {MIN_ROWS} are "
            "needed to train and test a model. Add rows.",
        )


def _target(table: Table, spec: DataSpec) -> _Found:
    column, name = table.frame[spec.target], spec.target
    missing = int(column.isna().sum())
    counts = column.value_counts()
    if missing:
        yield (
            name,
            f"The target {name!r} must be known in every row, and {counted(missing, 'row')} have "
            "none. Leave out the rows without an outcome, or fill it in, and load the file again.",
        )
    if len(counts) != 2:
        yield (
            name,
            f"The target {name!r} must have two values, and it has {len(counts):,}. Choose "
            "another column, or merge its values into two and load the file again.",
        )
    if spec.positive not in counts.index:
        yield (
            name,
            f"The positive value chosen for the target {name!r} is not among its values. "
            "Choose one that is.",
        )
    elif spec.features and len(counts) == 2 and counts.min() < MIN_CLASS_ROWS:
        yield (
            name,
            f"The target {name!r} needs {MIN_CLASS_ROWS} rows of either value, and one has "
            f"{int(counts.min())}. Add rows or choose another target.",
        )


def _sensitive(table: Table, spec: DataSpec) -> _Found:
    for attribute in spec.sensitive:
        yield from _attribute(table, attribute)


def _attribute(table: Table, attribute: Sensitive) -> _Found:
    name = attribute.column
    if attribute.bins is not None and table.kinds[name] != "number":
        yield (
            name,
            f"The sensitive attribute {name!r} must hold numbers to be cut into ranges, and it "
            "holds text. Take its bins away or choose a column of numbers.",
        )
        return
    n_groups = len(attribute_groups(table, attribute)[1])
    if n_groups < 2:
        yield (
            name,
            f"The sensitive attribute {name!r} must have at least two groups, and it has "
            f"{n_groups}. Choose other bins or another column.",
        )
    elif n_groups > MAX_GROUPS:
        yield (
            name,
            f"The sensitive attribute {name!r} may have {MAX_GROUPS} groups, and it has "
            f"{n_groups:,}. Bin it or choose another.",
        )


def _weight(table: Table, spec: DataSpec) -> _Found:
    if spec.weight is None:
        return
    try:
        weights = table.numbers(spec.weight)
    except DataError as error:
        yield spec.weight, str(error)
        return
    for wrong, what in ((np.isnan(weights), "missing"), (weights < 0, "negative")):
        if wrong.any():
            yield (
                spec.weight,
                f"The weight {spec.weight!r} must be zero or more in every row, and it is {what} "
                f"in {counted(int(wrong.sum()), 'row')}. Correct it or choose no weight.",
            )
    if not (weights > 0).any():
        yield (
            spec.weight,
            f"The weight {spec.weight!r} must be above zero in some row, and it never is. "
            "Choose another column or none.",
        )


def _score(table: Table, spec: DataSpec) -> _Found:
    if spec.score is None:
        return
    try:
        score = table.numbers(spec.score)
    except DataError as error:
        yield spec.score, str(error)
        return
    wrong = int((~((score >= 0) & (score <= 1))).sum())
    if wrong:
        yield (
            spec.score,
            f"The score {spec.score!r} must be a probability from 0 to 1 in every row, and "
            f"{counted(wrong, 'row')} hold something else. Rescale it or choose no score.",
        )


def _readable(table: Table, spec: DataSpec) -> _Found:
    """The time and the existing decision."""
    try:
        if spec.time is not None:
            read_times(table, spec.time)
    except DataError as error:
        yield str(spec.time), str(error)
    try:
        if spec.decision is not None:
            read_decision(table, spec)
    except DataError as error:
        yield str(spec.decision), str(error)


def _features(table: Table, spec: DataSpec) -> _Found:
    constant = [name for name in spec.features if table.frame[name].nunique(dropna=False) < 2]
    if constant:
        yield (
            constant[0],
            f"A feature must vary, and {listed(map(repr, constant))} has the same value, or none, "
            "in every row. Take it out of the features.",
        )


_ERRORS: tuple[Callable[[Table, DataSpec], _Found], ...] = (
    _rows,
    _target,
    _sensitive,
    _weight,
    _score,
    _readable,
    _features,
)
