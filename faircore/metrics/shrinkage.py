"""Steadier rates for small groups: each is drawn towards what its parents let one expect.

A group's rate is thought of as drawn from a beta distribution around the rate its parents
suggest. How closely groups follow their parents is estimated from all groups of the partition; a
group of twenty then moves far, a group of twenty thousand not at all.

References
----------
Efron & Morris 1975; Casella 1985; Herlihy et al. 2024.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaln
from scipy.stats import beta

from faircore.groups import Groups, Partition
from faircore.metrics.intervals import Array, Limits

_STRENGTHS = np.geomspace(1.0, 1e5, 101)
"""Weights of the parents, in people, that are compared."""


def parent_rates(
    partition: Partition, partitions: tuple[Partition, ...], k: Array, n: Array
) -> Array:
    """Rate that each group's parents let one expect, shape (groups of the partition,).

    The parent of a value of one attribute is everybody. A crossed group's parents are the groups
    with one attribute less. Where there are two, their log odds add up, as if the attributes acted
    independently; of three, the log odds are averaged.

    Parameters
    ----------
    partition : Partition
    partitions : tuple of Partition
        All that ``k`` and ``n`` cover.
    k, n : ndarray, shape (g,)
    """
    everybody = _log_odds(k[partition.groups].sum(), n[partition.groups].sum())
    shape = Groups(partitions, np.empty((len(partitions), 0), np.int32))
    expected = []
    for group in range(partition.groups.start, partition.groups.stop):
        parents = np.array(shape.parents(group), np.int64)
        parents = parents[n[parents] > 0]
        own = _log_odds(k[parents], n[parents])
        # Of three attributes, or with a parent that is not known, what is known is averaged.
        complete = len(parents) == len(partition.attributes) == 2
        odds = own.sum() - everybody if complete else own.mean() if len(parents) else everybody
        expected.append(1 / (1 + np.exp(-odds)))
    return np.array(expected)


def shrink(
    k: Array, n: Array, expected: Array, *, confidence: float = 0.95
) -> tuple[Array, Limits, float]:
    """Empirical-Bayes estimates of the rates of a partition's groups.

    Parameters
    ----------
    k, n : ndarray, shape (g,)
        Successes and (effective) trials.
    expected : ndarray, shape (g,)
        Rates the groups are drawn towards.

    Returns
    -------
    value : ndarray, shape (g,)
        ``expected`` where ``n`` is 0.
    limits : pair of ndarray
        Credible interval, the strength averaged over all that the groups make likely.
    strength : float
        What the parents weigh, in people (geometric mean).
    """
    a, b = expected * _STRENGTHS[:, None], (1 - expected) * _STRENGTHS[:, None]
    likelihood = (betaln(k + a, n - k + b) - betaln(a, b)).sum(-1)
    # Uniform on the spread of the groups, which is about one over the root of the strength: uniform
    # on the strength's logarithm would take half for granted that all groups are the same.
    likelihood -= 0.5 * np.log(_STRENGTHS)
    belief = np.exp(likelihood - likelihood.max())
    belief /= belief.sum()
    a, b = k + a, n - k + b
    means, people = a / (a + b), a + b
    value = belief @ means
    variance = belief @ (means * (1 - means) / (people + 1) + (means - value) ** 2)
    # The beta distribution with the mean and the variance of the mixture.
    weight = value * (1 - value) / variance - 1
    tail = (1 - confidence) / 2
    low, high = (beta.ppf(p, value * weight, (1 - value) * weight) for p in (tail, 1 - tail))
    return value, (low, high), float(np.exp(belief @ np.log(_STRENGTHS)))


def _log_odds(k: Array, n: Array) -> Array:
    """Log odds with half a person added to both sides, so that none is infinite."""
    odds: Array = np.log((k + 0.5) / (n - k + 0.5))
    return odds
