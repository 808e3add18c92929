"""Which of thousands of marks to draw: those that would cover one another are drawn once.

A browser takes a fifth of a millisecond and more for each mark, so that a cloud of thousands is
slow to draw, and its marks lie on top of each other anyway.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_MARKS = 1_000
"""Beyond so many, marks are left out."""

_ACROSS, _UP = 560.0, 400.0  # pixels between the axes, on the page
_CELLS = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 30, 40)  # pixels: sides of the cells that are tried


def uncrowded(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    kind: NDArray[np.intp],
    *,
    always: NDArray[np.bool_] | None = None,
    most: int = MOST_MARKS,
) -> NDArray[np.bool_]:
    """Choose marks: all where they are few, otherwise one of each kind in each small square.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        NaN where there is no mark; such are never chosen.
    kind : ndarray of int, shape (n,)
        Marks of different kinds do not stand for each other.
    always : ndarray of bool, shape (n,), optional
        Chosen whatever lies beside them.
    most : int
        The squares grow until so few are left, to 40 pixels at most.

    Returns
    -------
    ndarray of bool, shape (n,)
        The first mark of each square, so that the same marks give the same choice.
    """
    exists = np.isfinite(x) & np.isfinite(y)
    chosen = exists.copy()
    kept = np.zeros(len(x), bool) if always is None else always & exists
    if exists.sum() <= most:
        return chosen
    others = np.flatnonzero(exists & ~kept)
    for pixels in _CELLS:
        column, row = (
            np.floor((at[others] - at[exists].min()) / (np.ptp(at[exists]) or 1.0) * wide / pixels)
            for at, wide in ((x, _ACROSS), (y, _UP))
        )
        # One number for each square and kind: to compare rows of three takes ten times as long.
        cell = (kind[others] * (_ACROSS + 1) + column) * (_UP + 1) + row
        first = np.unique(cell, return_index=True)[1]
        if len(first) + kept.sum() <= most:
            break
    chosen = kept
    chosen[others[first]] = True
    return chosen
