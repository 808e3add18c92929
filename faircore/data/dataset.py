"""A table with roles: what every later step works on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data.bins import attribute_groups
from faircore.data.checks import Finding, check_spec, find_errors
from faircore.data.decisions import read_decision
from faircore.data.fingerprint import fingerprint
from faircore.data.guess import guess_spec
from faircore.data.ingest import read_table
from faircore.data.spec import DataSpec
from faircore.data.table import Table
from faircore.data.times import read_times
from faircore.errors import SpecError

__all__ = ["Dataset", "Finding", "build_dataset", "check_spec", "read_dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Columns in the form models and metrics use; every row of the table is kept.

    Attributes
    ----------
    features : pandas.DataFrame, shape (n, d)
        ``float64`` for numbers, ``str`` for categories; NaN is missing.
    y_true : ndarray of int8, shape (n,)
        1 where the target has its positive value.
    sensitive : pandas.DataFrame, shape (n, attributes)
        Group labels as ``str``, binned where bins are given; NaN is missing.
    levels : dict of str to tuple of str
        Labels of each attribute in their natural order, missing left out.
    weights : ndarray of float64, shape (n,)
        Ones when there is no weight column.
    entity : ndarray of int64, shape (n,), optional
        Code of the person; a row without an identifier is a person of its own.
    time : ndarray, shape (n,), optional
        ``float64`` or ``datetime64[ns]``.
    score : ndarray of float64, shape (n,), optional
        Probability given by an existing system.
    decision : ndarray of int8, shape (n,), optional
        Decision of an existing system, 1 for the good one.
    entity_ids : Series of str, shape (n,), optional
        The identifiers as they came; NaN is missing. For the analyst's list of rows alone.
    spec : DataSpec
    fingerprint : str
        SHA-256 of content and roles.
    source : str
        What messages call the data.
    """

    features: pd.DataFrame
    y_true: NDArray[np.int8]
    sensitive: pd.DataFrame
    levels: dict[str, tuple[str, ...]]
    weights: NDArray[np.float64]
    entity: NDArray[np.int64] | None
    time: NDArray[Any] | None
    spec: DataSpec
    fingerprint: str
    source: str
    score: NDArray[np.float64] | None = None
    decision: NDArray[np.int8] | None = None
    entity_ids: pd.Series[Any] | None = field(default=None, repr=False)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y_true)


def read_dataset(path: str | os.PathLike[str], spec: DataSpec | None = None) -> Dataset:
    """Read a file and give its columns their roles.

    Parameters
    ----------
    path : path-like
        CSV, Parquet or Excel file; see :func:`faircore.data.read_table`.
    spec : DataSpec, optional
        Column roles, guessed from names and values when left out.

    Raises
    ------
    DataError, SpecError
        See :func:`faircore.data.read_table` and :func:`build_dataset`.
    """
    table = read_table(path)
    return build_dataset(table, guess_spec(table) if spec is None else spec)


def build_dataset(table: Table, spec: DataSpec) -> Dataset:
    """Give the columns of a table their roles.

    Parameters
    ----------
    table : Table
    spec : DataSpec

    Returns
    -------
    Dataset
        With every row of the table, in its order.

    Raises
    ------
    SpecError
        With one sentence for everything :func:`check_spec` calls an error.
    """
    errors = find_errors(table, spec)
    if errors:
        raise SpecError(" ".join(finding.text for finding in errors))
    groups = {a.column: attribute_groups(table, a) for a in spec.sensitive}
    n = table.n_rows
    return Dataset(
        features=feature_frame(table, spec),
        y_true=(table.frame[spec.target] == spec.positive).to_numpy().astype(np.int8),
        sensitive=pd.DataFrame({name: labels for name, (labels, _) in groups.items()}),
        levels={name: levels for name, (_, levels) in groups.items()},
        weights=np.ones(n) if spec.weight is None else table.numbers(spec.weight),
        entity=None if spec.entity is None else _entity_codes(table.frame[spec.entity]),
        time=None if spec.time is None else read_times(table, spec.time),
        spec=spec,
        fingerprint=fingerprint(table, spec),
        source=table.source,
        score=None if spec.score is None else table.numbers(spec.score),
        decision=None if spec.decision is None else read_decision(table, spec),
        entity_ids=None if spec.entity is None else table.frame[spec.entity],
    )


def feature_frame(table: Table, spec: DataSpec) -> pd.DataFrame:
    """Features of a table: numbers as ``float64``, categories as ``str``, shape (n, d)."""
    return pd.DataFrame(
        {
            name: table.numbers(name)
            if table.kinds[name] == "number" and name not in spec.categorical
            else table.frame[name]
            for name in spec.features
        },
        index=table.frame.index,  # rows remain where there is no feature
    )


def _entity_codes(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Codes from 0; each missing identifier gets one of its own."""
    codes, known = pd.factorize(column)
    missing = codes < 0
    return np.where(missing, len(known) - 1 + np.cumsum(missing), codes).astype(np.int64)
