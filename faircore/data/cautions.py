"""What works but deserves a second look before a model is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data.bins import attribute_groups
from faircore.data.cells import parse_numbers
from faircore.data.codes import column_codes, cross_codes
from faircore.data.findings import Finding
from faircore.data.spec import DataSpec
from faircore.data.table import Table
from faircore.data.words import counted, listed
from faircore.numerals import percent

MAX_MISSING = 0.5
MAX_LEVELS = 1_000
MIN_GROUP_ROWS = 30
MAX_AUC = 0.99

_Found = Iterator[tuple[str, str]]


def find_warnings(table: Table, spec: DataSpec) -> Iterator[Finding]:
    """Yield what may be meant but often is not. Every column of the spec must exist."""
    for check in _WARNINGS:
        for subject, text in check(table, spec):
            yield Finding("warning", subject, text)


def _missing(table: Table, spec: DataSpec) -> _Found:
    for name in spec.features:
        share = float(table.frame[name].isna().mean())
        if MAX_MISSING < share < 1:
            yield (
                name,
                f"The feature {name!r} is missing in {percent(share)} of the rows. A model may "
                "learn from who is missing; consider leaving it out.",
            )


def _levels(table: Table, spec: DataSpec) -> _Found:
    for name in spec.features:
        if not _is_category(table, spec, name):
            continue
        levels = pd.Series(table.frame[name].dropna().unique(), dtype="str")
        if len(levels) > MAX_LEVELS:
            yield (
                name,
                f"The feature {name!r} has {len(levels):,} different values, and only the most "
                "frequent are told apart. Group them or leave it out.",
            )
        wrong = parse_numbers(levels)[1]
        if name not in spec.categorical and len(levels) > 10 and 0 < wrong.mean() < 0.1:
            yield (
                name,
                f"The feature {name!r} is read as text because {counted(int(wrong.sum()), 'value')}"
                " of it cannot be read as a finite number. Correct or empty those cells if "
                "numbers are meant.",
            )


def _small_groups(table: Table, spec: DataSpec) -> _Found:
    codes: dict[str, NDArray[np.int64]] = {}
    for attribute in spec.sensitive:
        if attribute.bins is None or table.kinds[attribute.column] == "number":
            labels, _ = attribute_groups(table, attribute)
            codes[attribute.column] = column_codes(labels)
    for partition in spec.partitions:
        if not set(partition) <= set(codes):
            continue
        crossed = cross_codes([codes[name] for name in partition])
        small = int((np.bincount(crossed) < MIN_GROUP_ROWS).sum())
        if small:
            name = " × ".join(partition)
            yield (
                name,
                f"{name} has {counted(small, 'group')} with fewer than {MIN_GROUP_ROWS} rows, for "
                "which little can be said. Merge groups, widen bins or add rows.",
            )


def _duplicates(table: Table, spec: DataSpec) -> _Found:
    repeated = int(table.frame.duplicated().sum())
    if repeated:
        yield (
            "rows",
            f"{table.source} has {counted(repeated, 'row')} equal to an earlier one in every "
            "column. If they are copies and not different people, remove them.",
        )


def _leaks(table: Table, spec: DataSpec) -> _Found:
    target = table.frame[spec.target]
    if target.nunique() != 2:
        return
    y = (target == spec.positive).to_numpy().astype(np.int64)
    found = [name for name in spec.features if _auc(table, spec, name, y) > MAX_AUC]
    if found:
        yield (
            found[0],
            f"The feature {listed(map(repr, found))} alone almost determines the target "
            f"{spec.target!r}. If it is recorded after the outcome, take it out of the features.",
        )


def _copies(table: Table, spec: DataSpec) -> _Found:
    for attribute in spec.attributes:
        of_attribute = column_codes(table.frame[attribute])
        found = [
            name
            for name in spec.features
            if name != attribute and _one_to_one(of_attribute, column_codes(table.frame[name]))
        ]
        if found:
            yield (
                found[0],
                f"The feature {listed(map(repr, found))} holds the same information as the "
                f"sensitive attribute {attribute!r}. Take it out unless that is meant.",
            )


_WARNINGS: tuple[Callable[[Table, DataSpec], _Found], ...] = (
    _missing,
    _levels,
    _small_groups,
    _duplicates,
    _leaks,
    _copies,
)


def _is_category(table: Table, spec: DataSpec, name: str) -> bool:
    return name in spec.categorical or table.kinds[name] == "text"


def _one_to_one(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    n_levels = int(a.max()) + 1
    if n_levels != int(b.max()) + 1:
        return False
    return int(cross_codes([a, b]).max()) + 1 == n_levels


def _auc(table: Table, spec: DataSpec, name: str, y: NDArray[np.int64]) -> float:
    """How well one feature ranks the target, from .5 to 1; .5 where it cannot be said."""
    column = table.frame[name]
    present = column.notna().to_numpy()
    if _is_category(table, spec, name):
        codes, levels = pd.factorize(column[present])
        # With few rows per level, any category would seem to know the target.
        if len(levels) > MAX_LEVELS or len(levels) * 10 > len(codes):
            return 0.5
        rate = np.bincount(codes, weights=y[present]) / np.maximum(np.bincount(codes), 1)
        values = rate[codes]
    else:
        values = table.numbers(name)[present]
    ranks, of_row = np.unique(values, return_inverse=True)
    positives = np.bincount(of_row, weights=y[present], minlength=len(ranks))
    negatives = np.bincount(of_row, weights=1 - y[present], minlength=len(ranks))
    pairs = positives.sum() * negatives.sum()
    if pairs == 0:
        return 0.5
    below = np.cumsum(negatives) - negatives
    auc = float((positives * (below + negatives / 2)).sum() / pairs)
    return max(auc, 1 - auc)
