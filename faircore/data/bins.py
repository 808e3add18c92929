"""Groups of a sensitive attribute: its values, or ranges of a number, in a natural order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data.cells import parse_numbers
from faircore.data.spec import Sensitive
from faircore.data.table import Table


def bin_labels(edges: tuple[float, ...], *, whole: bool) -> tuple[str, ...]:
    """Names of the ranges between inner edges.

    Parameters
    ----------
    edges : tuple of float
        Strictly increasing; each edge belongs to the range above it.
    whole : bool
        Whether data and edges are whole numbers, so that a range can name its last value.

    Examples
    --------
    >>> bin_labels((25, 45), whole=True)
    ('< 25', '25–44', '≥ 45')
    >>> bin_labels((0.5, 1.5), whole=False)
    ('< 0.5', '0.5 to < 1.5', '≥ 1.5')
    """
    inner = (
        _whole_range(low, high) if whole else f"{_short(low)} to < {_short(high)}"
        for low, high in pairwise(edges)
    )
    return (f"< {_short(edges[0])}", *inner, f"≥ {_short(edges[-1])}")


def _whole_range(low: float, high: float) -> str:
    last = high - 1
    return _short(low) if last == low else f"{_short(low)}–{_short(last)}"


def _short(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def attribute_groups(
    table: Table, attribute: Sensitive, *, whole: bool | None = None
) -> tuple[pd.Series[Any], tuple[str, ...]]:
    """Group label of every row and the labels in order.

    Parameters
    ----------
    table : Table
    attribute : Sensitive
        With bins, its column must hold numbers.
    whole : bool, optional
        Whether ranges are named as those of whole numbers; by default when all values are.

    Returns
    -------
    labels : pandas.Series of str, shape (n,)
        NaN where the attribute is missing.
    levels : tuple of str
        Labels that occur: ranges from low to high, numbers by size, text by alphabet.
    """
    column = table.frame[attribute.column]
    if attribute.bins is None:
        return column, ordered_levels(column)
    values = table.numbers(attribute.column)
    present = values[~np.isnan(values)]
    if whole is None:
        whole = bool((present == np.floor(present)).all()) and all(
            float(edge).is_integer() for edge in attribute.bins
        )
    labels = bin_labels(attribute.bins, whole=whole)
    codes = _bin_codes(values, attribute.bins)
    names = np.array([*labels, None], dtype=object)[codes]
    occurring = np.bincount(codes, minlength=len(labels) + 1)[: len(labels)] > 0
    levels = tuple(label for label, there in zip(labels, occurring, strict=True) if there)
    return pd.Series(pd.array(names, dtype="str"), name=attribute.column), levels


def _bin_codes(values: NDArray[np.float64], edges: tuple[float, ...]) -> NDArray[np.int64]:
    """Range of each value (n,); the last code is for missing."""
    codes = np.digitize(values, np.asarray(edges, dtype=np.float64))
    return np.where(np.isnan(values), len(edges) + 1, codes)


def ordered_levels(column: pd.Series[Any]) -> tuple[str, ...]:
    """Distinct cells that are present, numbers by size and text by alphabet.

    >>> ordered_levels(pd.Series(["10", "9", "10"], dtype="str"))
    ('9', '10')
    """
    levels = pd.Series(column.dropna().unique(), dtype="str")
    values, wrong = parse_numbers(levels)
    if wrong.any():
        return tuple(sorted(levels))
    return tuple(levels.iloc[i] for i in np.lexsort((levels.to_numpy(dtype=object), values)))
