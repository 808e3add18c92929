"""The decision column of an existing system."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.data.spec import DataSpec
from faircore.data.table import Table
from faircore.errors import DataError

_GOOD = ("1", "true", "yes", "approved", "accepted", "granted", "hired", "admitted")
_BAD = ("0", "false", "no", "denied", "rejected", "refused", "declined")


def read_decision(table: Table, spec: DataSpec) -> NDArray[np.int8]:
    """Read the decision as 0/1.

    Parameters
    ----------
    table : Table
    spec : DataSpec
        Its ``decision`` column holds 0/1, true/false, yes/no, approved/denied and the like, or
        the two values of the target.

    Returns
    -------
    ndarray of int8, shape (n,)
        1 for the good decision.

    Raises
    ------
    DataError
        When a cell is missing or is none of these.
    """
    column = table.frame[str(spec.decision)]
    targets = set(table.frame[spec.target].dropna().unique())
    meaning = {level: _meaning(level) for level in column.dropna().unique()}
    if set(meaning) <= targets:
        meaning = {level: int(level == spec.positive) for level in meaning}
    read = column.map(meaning).to_numpy(dtype=np.float64)
    unread = int(np.isnan(read).sum())
    if unread:
        raise DataError(
            f"The decision column {spec.decision!r} must hold 0 or 1 (or yes/no, "
            f"approved/denied, or the target's own values), and {unread:,} rows do not. "
            "Correct them or choose another column."
        )
    return read.astype(np.int8)


def _meaning(level: str) -> float:
    plain = level.strip().lower().removesuffix(".0")
    return 1.0 if plain in _GOOD else 0.0 if plain in _BAD else np.nan
