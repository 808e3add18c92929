"""Draws for decisions by lot that anybody can repeat: a row has the same draw every time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP, _FIRST, _SECOND = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)


def row_draws(rows: NDArray[Any], *, seed: int = 0) -> NDArray[np.float64]:
    """Number in [0, 1) of each row, uniform over different rows.

    It depends on the row's contents and the seed alone: not on its place, on other rows or on when
    it is asked. Two people who are alike in everything are drawn alike.

    Parameters
    ----------
    rows : ndarray of numbers, shape (n,) or (n, d)
    seed : int

    Returns
    -------
    ndarray, shape (n,)

    Notes
    -----
    Each value's bits are stirred into the row's state with the finaliser of SplitMix64 (Steele,
    Lea and Flood 2014). It is no secret: who knows seed and row knows the draw.

    Examples
    --------
    >>> row_draws(np.array([[1.0, 2.0], [3.0, 4.0]])).round(3).tolist()
    [0.738, 0.117]
    """
    # Adding zero makes -0.0 and 0.0 one value; they compare equal, so they must be drawn equal.
    values = np.asarray(rows, np.float64).reshape(len(rows), -1) + 0.0
    bits = np.ascontiguousarray(values.T).view(np.uint64)
    state = _stirred(np.full(len(values), np.uint64(seed % 2**64)) + _STEP)
    for column in bits:
        state = _stirred((state ^ column) + _STEP)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _stirred(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
