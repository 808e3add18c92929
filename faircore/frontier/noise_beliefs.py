"""What to believe of a view's objectives: draws of their true values, by what the counts say.

A performance is drawn as it is. Of a gap the rates of the groups are drawn, each as
:mod:`faircore.frontier.noise_shrinkage` has it, and the gap is that of the drawn rates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.frontier.noise import Replicates
from faircore.frontier.noise_shrinkage import Floats, Singles, believe
from faircore.frontier.threads import in_threads
from faircore.metrics import MIN_PEOPLE, RATES, find_disparity, find_performance, find_rate


def believe_performance(
    replicates: Replicates,
    performance: str,
    *,
    beside: Floats | None = None,
    seed: int = 0,
) -> Floats:
    """Draws of what a performance truly is, shape (b, k).

    Parameters
    ----------
    replicates : Replicates
    performance : str
        A name in :data:`faircore.metrics.PERFORMANCES`.
    beside : ndarray, shape (c, k), optional
        Gaps or ratios of the candidates, as :func:`.noise_shrinkage.believe` takes them.
    seed : int
        Of the share of noise.

    Returns
    -------
    ndarray, shape (b, k)
        In [0, 1]; NaN where the observed value is undefined.
    """
    values = performance_draws(replicates.alike(), performance)
    told = believe(values[-1], values[:-1] - values[-1], beside=beside, seed=seed)
    return np.clip(told, 0.0, 1.0)


def believe_disparity(
    replicates: Replicates, disparity: str, *, min_people: float = MIN_PEOPLE, seed: int = 0
) -> Floats:
    """Draws of what a gap or ratio between the groups truly is, shape (b, k).

    The rates of the groups are drawn, and the gap is that of the drawn rates: the gap itself has
    errors that are biased upwards.

    Parameters
    ----------
    replicates : Replicates
    disparity : str
        A name in :data:`faircore.metrics.DISPARITIES`.
    min_people : float
        A rate over fewer people, as observed, takes no part.
    seed : int

    Returns
    -------
    ndarray, shape (b, k)
        In [0, 1]; NaN where the observed value is undefined.
    """
    found = find_disparity(disparity)
    parts = []
    for number, name in enumerate(found.rates):
        rates = compared_rates(replicates.alike(), name, min_people)
        drawn = _by_group(rates, seed + 1 + 1_000 * number)
        seen, told = (unlike(r, ratio=found.kind == "ratio") for r in (rates[:, -1:], drawn))
        parts.append(np.where(np.isfinite(seen), told, np.nan))
    worst = np.maximum if found.kind == "difference" else np.minimum
    joined: Floats = worst.reduce(parts)
    return joined


def compared_rates(replicates: Replicates, name: str, min_people: float) -> Singles:
    """A rate by group, shape (g, b + 1, k); NaN in every redraw where too few were observed."""
    rates = replicates.rate(name)
    observed = np.moveaxis(replicates.observed, 1, 0)
    few = ~np.isfinite(find_rate(name)(observed, min_people=min_people))
    np.copyto(rates, np.float32(np.nan), where=few[:, None])
    return rates


def performance_draws(replicates: Replicates, performance: str) -> NDArray[np.float32]:
    """A performance in every redraw, shape (b + 1, k); as it was observed last.

    Raises
    ------
    InputError
        When there is no such performance.
    """
    find_performance(performance)
    if performance in RATES:
        return replicates.overall(performance)
    both = replicates.overall("true_positive_rate") + replicates.overall("true_negative_rate")
    return both / np.float32(2)


def _by_group(rates: Singles, seed: int) -> Singles:
    """Draws of the rates of each group, (g, b + 1, k) to (g, b, k)."""
    drawn = np.empty_like(rates[:, :-1])

    def fill(group: int) -> None:
        seen = rates[group, -1]
        told = believe(seen, rates[group, :-1] - seen, seed=seed + group)
        np.clip(told, 0.0, 1.0, out=drawn[group], casting="same_kind")

    in_threads(fill, range(len(rates)))
    return drawn


def unlike(rates: NDArray[np.floating], *, ratio: bool) -> Floats:
    """Difference or ratio over the first axis of (g, b, k); NaN with fewer than two rates."""
    high, low = np.fmax.reduce(rates, axis=0), np.fmin.reduce(rates, axis=0)
    enough = np.isfinite(rates).sum(axis=0) >= 2
    if not ratio:
        return np.where(enough, high - low, np.nan)
    defined = enough & (high > 0)
    return np.divide(low, high, where=defined, out=np.full(high.shape, np.nan))
