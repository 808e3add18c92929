"""How many independent people weighted or repeated rows are worth, rate by rate.

The design effect of a rate is the variance of the weighted share beside that of a share of as many
independent people. It is not that of the group as a whole: where weights go with the outcome or the
decision, those a rate is about may be worth far fewer than their number, and others more. So what
is kept of the rows is how the weights of each entity fall on the four cells of the confusion
matrix, summed as products over the entities, from which the effect of any rate follows.

References
----------
Kish 1965; Rao & Scott 1992 (design effects of proportions); Binder 1983 (linearised variances).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import SplitRows
from faircore.metrics import find_rate

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
    """Design effect of each rate in each group: how many counted people are worth one.

    The larger of two. One is that of the share as it was counted (linearised, entities as they
    are). The other takes all rows of an entity as one, and decisions as unrelated to weights: it is
    Kish's, over those the rate is about. The first alone would be 0 where nobody, or everybody, is
    selected, and guesses too low from few.

    Parameters
    ----------
    rates : sequence of str
        Keys of :data:`faircore.metrics.RATES`.
    counts : ndarray, shape (g, 2, 2)
        Sums of weights.
    moments : ndarray, shape (g, 4, 4)
        As :func:`moments_of` found them for the same decisions.

    Returns
    -------
    ndarray, shape (r, g)
        Exactly 1 where each row weighs 1 and stands for itself; 1 where the rate is of nobody.
    """
    found = np.ones((len(rates), len(counts)))
    for own, name in zip(found, rates, strict=True):
        rate = find_rate(name)
        above, about = rate.coefficients.T
        people, share = rate.people(counts), np.nan_to_num(rate(counts))
        whole = np.einsum("c,gcd,d->g", about, moments, about)
        apart = above - share[:, None] * about
        counted = np.einsum("gc,gcd,gd->g", apart, moments, apart)
        spread = share * (1 - share)
        known = (people > 0) & (whole > 0)
        np.divide(whole, people, where=known, out=own)
        seen = np.divide(counted, people * spread, where=known & (spread > 0), out=own.copy())
        np.copyto(own, seen, where=seen > own * (1 + 1e-9))
    return found


def moments_of_effects(effects: Floats, counts: Floats) -> Floats:
    """What older records hold, an effect per group, in the form of :func:`moments_of`."""
    moments = np.zeros((len(counts), 4, 4))
    known = np.where(np.isfinite(effects) & (effects > 0), effects, 1.0)
    moments[:, range(4), range(4)] = known[:, None] * counts.reshape(-1, 4)
    return moments
