"""How weights and repeated people fall on decisions, from which the worth of any rate follows.

What is kept of the rows is how the weights of each entity fall on the four cells of the confusion
matrix, summed as products over the entities; see :mod:`faircore.metrics.design_effects`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import SplitRows
from faircore.metrics.design_effects import design_effect

Floats = NDArray[np.float64]


def moments_of(
    rows: SplitRows, decided: NDArray[np.int8], entities: NDArray[np.int64] | None = None
) -> Floats:
    """Sums over entities of the products of their weights in two cells, shape (g, 4, 4).

    Cells are (true, predicted) as ``counts.reshape(-1, 4)`` has them. Where every row is an entity
    of its own this is diagonal and holds the squared weights; where all weights are 1 as well, the
    counts.

    Parameters
    ----------
    rows : SplitRows
    decided : ndarray of 0 and 1, shape (n,)
    entities : ndarray of int, shape (n,), optional
        Which entity each row belongs to.
    """
    weights = np.ones(len(rows)) if rows.weights is None else rows.weights
    cell = 2 * rows.y_true.astype(np.int64) + decided
    moments = np.zeros((rows.groups.n_groups, 4, 4))
    if entities is None:
        for codes in rows.groups.codes:
            np.add.at(moments, (codes, cell, cell), weights**2)
        return moments
    own = np.unique(entities, return_inverse=True)[1]
    most = int(own.max(initial=0)) + 1
    for codes in rows.groups.codes:
        known, back = np.unique(codes.astype(np.int64) * most + own, return_inverse=True)
        sums = np.zeros((len(known), 4))
        np.add.at(sums, (back, cell), weights)
        np.add.at(moments, known // most, sums[:, :, None] * sums[:, None, :])
    return moments


def rate_effects(rates: Sequence[str], counts: Floats, moments: Floats) -> Floats:
    """:func:`faircore.metrics.design_effects.design_effect` of several rates, shape (r, g)."""
    return np.stack([design_effect(name, counts, moments) for name in rates])


def moments_of_effects(effects: Floats, counts: Floats) -> Floats:
    """What older records hold, an effect per group, in the form of :func:`moments_of`."""
    moments = np.zeros((len(counts), 4, 4))
    known = np.where(np.isfinite(effects) & (effects > 0), effects, 1.0)
    moments[:, range(4), range(4)] = known[:, None] * counts.reshape(-1, 4)
    return moments
