"""How many counted people are worth one independent person, for a rate.

The design effect of a rate is the variance of the weighted share beside that of a share of as many
independent people. It is not that of the group as a whole: where weights go with the outcome or the
decision, those a rate is about may be worth far fewer than their number, and others more.

References
----------
Kish 1965; Rao & Scott 1992 (design effects of proportions); Binder 1983 (linearised variances).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.metrics.rates import find_rate

Floats = NDArray[np.float64]


def design_effect(name: str, counts: Floats, moments: Floats) -> Floats:
    """Design effect of a rate in each group.

    The larger of two. One is that of the share as it was counted (linearised, entities as they
    are). The other takes all rows of an entity as one, and decisions as unrelated to weights: it is
    Kish's, over those the rate is about. The first alone would be 0 where nobody, or everybody, is
    selected, and guesses too low from few.

    Parameters
    ----------
    name : str
        Key of :data:`faircore.metrics.RATES`.
    counts : ndarray, shape (..., 2, 2)
        Sums of weights by true outcome and decision.
    moments : ndarray, shape (..., 4, 4) or (..., 4)
        Sums over entities of the products of their weights in two cells; where each row is an
        entity of its own, the sums of squared weights by cell are enough.

    Returns
    -------
    ndarray, shape (...)
        Exactly 1 where each row weighs 1 and stands for itself; 1 where the rate is of nobody.

    Examples
    --------
    Two of three weigh little: of 1 + 9 + 9 in squares, 7 are counted.

    >>> counts, squares = np.array([[0.0, 0.0], [1.0, 6.0]]), np.array([0.0, 0.0, 1.0, 18.0])
    >>> design_effect("true_positive_rate", counts, squares).round(2).tolist()
    2.71
    """
    rate = find_rate(name)
    above, about = rate.coefficients.T
    people, share = np.asarray(rate.people(counts)), np.nan_to_num(rate(counts))
    apart = above - share[..., None] * about
    if moments.ndim == counts.ndim:
        whole = np.einsum("c,...cd,d->...", about, moments, about)
        counted = np.einsum("...c,...cd,...d->...", apart, moments, apart)
    else:
        whole, counted = moments @ about, (apart**2 * moments).sum(axis=-1)
    spread = share * (1 - share)
    known = (people > 0) & (whole > 0)
    kish = np.divide(whole, people, where=known, out=np.ones(people.shape))
    seen = np.divide(counted, people * spread, where=known & (spread > 0), out=kish.copy())
    found: Floats = np.where(seen > kish * (1 + 1e-9), seen, kish)
    return found
