"""The decision column of an existing system."""

from __future__ import annotations

from collections.abc import Iterable

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
    meaning = decision_meaning(
        column.dropna().unique(), table.frame[spec.target].dropna().unique(), spec.positive
    )
    read = column.map(meaning).to_numpy(dtype=np.float64)
    unread = int(np.isnan(read).sum())
    if unread:
        raise unread_decision(str(spec.decision), f"{unread:,} rows do not")
    return read.astype(np.int8)


def decision_meaning(
    levels: Iterable[str], targets: Iterable[str], positive: str
) -> dict[str, float]:
    """What each distinct decision means: 1 the good one, 0 the bad one, NaN unknown.

    Parameters
    ----------
    levels : iterable of str
        Distinct values of the decision.
    targets : iterable of str
        Distinct values of the target.
    positive : str
        The good one among them.
    """
    meaning = {level: _meaning(level) for level in levels}
    if set(meaning) <= set(targets):
        return {level: float(level == positive) for level in meaning}
    return meaning


def unread_decision(column: str, found: str) -> DataError:
    """The error for a decision column of unknown values."""
    return DataError(
        f"The decision column {column!r} must hold 0 or 1 (or yes/no, approved/denied, or the "
        f"target's own values), and {found}. Correct them or choose another column."
    )


def _meaning(level: str) -> float:
    plain = level.strip().lower().removesuffix(".0")
    return 1.0 if plain in _GOOD else 0.0 if plain in _BAD else np.nan
