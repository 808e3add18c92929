"""Tables as files that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import pandas as pd

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Put a quote before every text that a spreadsheet would run as a formula.

    Parameters
    ----------
    frame : DataFrame, shape (n, columns)

    Returns
    -------
    DataFrame, shape (n, columns)
        Cells and names of columns that start with ``=``, ``+``, ``-``, ``@``, a tab or a return
        and are no number start with ``'``; all else is as it was.

    Examples
    --------
    >>> without_formulas(pd.DataFrame({"note": ["=1+1", "-5", "plain"]}))["note"].tolist()
    ["'=1+1", '-5', 'plain']
    """
    found = frame.copy(deep=False)
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column):
            found.isetitem(position, list(map(_safe, column)))
    return found.rename(columns=_safe)


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV in UTF-8, :func:`without_formulas`, without its index."""
    return without_formulas(frame).to_csv(index=False).encode()


def _safe(value: object) -> object:
    if not isinstance(value, str) or not value.startswith(_RISKY):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
