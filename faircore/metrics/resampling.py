"""What chance does to groups: bootstrapped counts, gaps between equal groups, many at once.

A resampled data set is a multinomial draw of its counts. It has the same law as drawing rows with
replacement, and its cost does not grow with the number of rows.

References
----------
Efron & Tibshirani 1993; Lum, Zhang & Bower 2022 (a range over groups is biased upwards);
Cherian & Candès 2023; Kramer 1956 (all pairs); Westfall & Young 1993 (max-t).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import studentized_range

from faircore.metrics.intervals import Array, z_of
from faircore.metrics.rates import Rate
from faircore.metrics.tally import Tally

REPLICATES = 2_000


def bootstrap_counts(tally: Tally, *, replicates: int = REPLICATES, seed: int = 0) -> Array:
    """Draw the counts of a partition again, as if its rows were drawn with replacement.

    Parameters
    ----------
    tally : Tally
        Of one partition, as :meth:`Tally.of` gives it.
    replicates : int
    seed : int

    Returns
    -------
    ndarray of float64, shape (b, g, 2, 2)
        Weighted counts. With weights that differ within a cell, the sum over the rows drawn is
        taken as normal around their mean weight, which keeps the first two moments.
    """
    weights = (tally.counts, tally.squares) if tally.weighted else None
    return bootstrap_cells(tally.rows, weights, replicates=replicates, seed=seed)


def bootstrap_cells(
    rows: Array,
    weights: tuple[Array, Array] | None = None,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Array:
    """Draw the rows of any table of counts again; see :func:`bootstrap_counts`.

    Parameters
    ----------
    rows : ndarray, any shape
        Rows in each cell.
    weights : pair of ndarray, of that shape, optional
        Sum of the weights, and of their squares, where rows weigh differently.

    Returns
    -------
    ndarray of float64, shape (b, *shape)
    """
    rng = np.random.default_rng(seed)
    n = rows.ravel()
    total = int(n.sum())
    drawn = rng.multinomial(total, n / total, size=replicates).astype(np.float64)
    if weights is not None:
        counts, squares = weights
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.nan_to_num(counts.ravel() / n)
            variance = np.nan_to_num(squares.ravel() / n) - mean**2
        noise = np.sqrt(drawn * np.maximum(variance, 0.0)) * rng.standard_normal(drawn.shape)
        drawn = np.maximum(drawn * mean + noise, 0.0)
    return drawn.reshape(replicates, *rows.shape)


def trials(rate: Rate, tally: Tally) -> tuple[Array, Array]:
    """Successes and effective trials of a rate per group, each of shape (g,).

    Weighted people count as Kish's effective number, (Σw)²/Σw²: as many unweighted people say as
    much.
    """
    people, squares = rate.people(tally.counts), rate.people(tally.squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(squares > 0, people**2 / squares, 0.0)
    return np.nan_to_num(rate(tally.counts)) * n, n


def equal_rates(
    k: Array, n: Array, *, replicates: int = REPLICATES, rng: np.random.Generator
) -> Array:
    """Draw group rates as they would be if all groups shared the pooled rate.

    Parameters
    ----------
    k, n : ndarray, shape (g,)
        Successes and trials; groups with ``n`` of 0 stay undefined.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (b, g)
    """
    people = np.maximum(np.round(n), np.where(n > 0, 1.0, 0.0))
    pooled = float(np.clip(k.sum() / n.sum(), 0.0, 1.0)) if n.sum() > 0 else 0.0
    # Groups first: NumPy prepares the distribution once for neighbours that share it.
    drawn = rng.binomial(people.astype(np.int64)[:, None], pooled, size=(len(n), replicates))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (drawn / people[:, None]).T


def equal_values(
    value: Array, error: Array, *, replicates: int = REPLICATES, rng: np.random.Generator
) -> Array:
    """Draw normal estimates as they would be if all groups shared one value, shape (b, g)."""
    known = np.isfinite(value) & np.isfinite(error) & (error > 0)
    precision = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    if not known.any():
        return np.full((replicates, len(value)), np.nan)
    pooled = float(np.nan_to_num(value) @ precision / precision.sum())
    drawn = pooled + np.where(known, error, np.nan) * rng.standard_normal((replicates, len(value)))
    return np.asarray(drawn)


def no_difference(
    observed: float, drawn: Array, *, larger_is_worse: bool = True, confidence: float = 0.95
) -> tuple[float, float]:
    """Where a statistic ends by chance alone, and how often it goes as far as observed.

    Parameters
    ----------
    observed : float
    drawn : ndarray, shape (b,)
        The statistic between equal groups.
    larger_is_worse : bool
        False for a ratio.

    Returns
    -------
    band : float
        The end of its no-difference band: at most this far (or this low), in ``confidence`` of
        the draws.
    p_value : float
        (1 + draws as extreme) / (1 + draws).
    """
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(observed) or not len(drawn):
        return float("nan"), float("nan")
    # A hair, so that ties up to rounding count as extreme.
    sign = 1.0 if larger_is_worse else -1.0
    extreme = (sign * drawn >= sign * observed - 1e-12).sum()
    band = np.quantile(drawn, confidence if larger_is_worse else 1 - confidence)
    return float(band), float((1 + extreme) / (1 + len(drawn)))


def max_t(
    contrasts: Array, errors: Array, *, confidence: float = 0.95, draws: int = 10_000, seed: int = 0
) -> float:
    """Critical value that all contrasts of independent estimates keep together.

    Parameters
    ----------
    contrasts : ndarray, shape (c, g)
        Each row weighs the estimates of the groups; their sum is one contrast.
    errors : ndarray, shape (g,)
        Standard errors of the estimates; a group whose error is not finite takes no part.

    Returns
    -------
    float
        In ``confidence`` of the draws no standardised contrast is larger. Between the normal
        quantile of one contrast and Bonferroni's of all.
    """
    known = np.isfinite(errors) & (errors > 0)
    weighed = contrasts[:, known] * errors[known]
    size = np.sqrt((weighed**2).sum(-1))
    weighed = weighed[size > 0] / size[size > 0, None]
    if not len(weighed):
        return float("nan")
    noise = _noise(draws, int(known.sum()), seed)
    together = np.abs(weighed.astype(np.float32) @ noise).max(0)
    # Never below what a single contrast needs, whatever the draws say.
    return max(float(np.quantile(together, confidence)), z_of(confidence))


@lru_cache(maxsize=64)
def _noise(draws: int, n: int, seed: int) -> NDArray[np.float32]:
    """Standard normal draws in single precision, which a quantile of them does not notice."""
    return np.random.default_rng(seed).standard_normal((n, draws), dtype=np.float32)


@lru_cache(maxsize=256)
def all_pairs(n_groups: int, confidence: float = 0.95) -> float:
    """Critical value that the differences of all pairs of groups keep together (Tukey, Kramer)."""
    return float(studentized_range.ppf(confidence, n_groups, np.inf) / np.sqrt(2))
