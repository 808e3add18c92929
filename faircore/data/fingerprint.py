"""Hashes of content: of a dataset with its roles, and of the rows alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow.compute as pc

from faircore.data.cells import arrow_text
from faircore.data.spec import DataSpec
from faircore.data.table import Table


def used_columns(spec: DataSpec) -> tuple[str, ...]:
    """Every column that has a role, each once, in alphabetical order."""
    alone = (spec.target, spec.weight, spec.entity, spec.time, spec.score, spec.decision)
    named = {*spec.features, *spec.attributes, *(c for c in alone if c is not None)}
    return tuple(sorted(named))


def fingerprint(table: Table, spec: DataSpec) -> str:
    """Hash the roles and every cell of the columns that have one.

    Parameters
    ----------
    table : Table
        The order of its rows counts; the order of its columns, its name and columns without a
        role do not.
    spec : DataSpec

    Returns
    -------
    str
        SHA-256 in hexadecimal, equal exactly when content and roles are equal.
    """
    return _hash(table, used_columns(spec), b"faircore dataset 1\n" + spec.to_json().encode())


def rows_fingerprint(table: Table) -> str:
    """Hash every cell, whatever roles the columns have: two datasets of these people share it.

    Parameters
    ----------
    table : Table
        The order of its rows counts; that of its columns and its name do not.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    return _hash(table, sorted(table.frame.columns), b"faircore rows 1\n")


def _hash(table: Table, columns: Iterable[str], head: bytes) -> str:
    digest = hashlib.sha256(head)
    digest.update(table.n_rows.to_bytes(8, "little"))
    for name in columns:
        column = arrow_text(table.frame[name])
        missing = column.is_null().to_numpy(zero_copy_only=False)
        filled = pc.fill_null(column, "")
        # Offsets and data of equal content may start anywhere in their buffers, so lengths are
        # hashed in place of offsets, and only the bytes they span.
        first, last = filled.offset, filled.offset + len(filled) + 1
        offsets = np.frombuffer(filled.buffers()[1], dtype=np.int64)[first:last]
        data = memoryview(filled.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]
        title = name.encode()
        digest.update(len(title).to_bytes(8, "little") + title)
        digest.update(np.packbits(missing).tobytes())
        digest.update(np.diff(offsets).tobytes())
        digest.update(data)
    return digest.hexdigest()
