"""Which points no other point beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other point beats, every objective to be maximised.

    Parameters
    ----------
    values : ndarray, shape (k, m)
        Two objectives are sorted; more are left to moocore.
        A row with NaN is never non-dominated. Equal points do not beat each other.

    Returns
    -------
    ndarray of bool, shape (k,)

    Examples
    --------
    >>> non_dominated(np.array([[1.0, 0.0], [0.5, 0.5], [0.4, 0.4], [0.0, 1.0]])).tolist()
    [True, True, False, True]
    """
    keep: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    if values.shape[1] != 2:
        from moocore import is_nondominated  # a quarter of a second that others need not pay

        if keep.any():
            keep[keep] = is_nondominated(values[keep], maximise=True, keep_weakly=True)
        return keep
    # Best first objective first, ties by the second. A point is beaten by an earlier one with a
    # higher first and no lower second objective, or with an equal first and a higher second.
    order = np.lexsort((-values[:, 1], -values[:, 0]))
    order = order[keep[order]]
    x, y = values[order, 0], values[order, 1]
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]]) if len(x) else np.empty(0, np.intp)
    block = np.searchsorted(starts, np.arange(len(x)), side="right") - 1
    best_before = np.r_[-np.inf, np.maximum.accumulate(y)][starts]
    beaten = (y <= best_before[block]) | (y < y[starts][block])
    keep[order[beaten]] = False
    return keep
