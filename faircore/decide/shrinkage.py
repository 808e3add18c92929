"""How much better the picked candidate looked on the rows that picked it than on fresh ones.

The best-looking of many is partly the luckiest. *Certify* rows chose nothing, so what they show of
the picked candidate is free of that luck, and the difference to *select* is the shrink. What chance
alone makes of it is simulated at group rates, under two suppositions between which the truth lies:
candidates differ as they seem to (too much, since some of it is luck), or not at all.

References
----------
Efron 2011 (selection bias of the best of many).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faircore.decide.pair_tests import successes_and_trials
from faircore.errors import InputError
from faircore.frontier.noise import Replicates
from faircore.frontier.noise_gaps import disparity_limits
from faircore.metrics import Disparity, difference, find_disparity, find_rate, ratio
from faircore.metrics.intervals import Array, wilson, z_of

_DRAWS = 2_000
_FEWEST = 100
_NUMBERS = 16_000_000
"""Random numbers that may be drawn: of many candidates fewer draws are made, each redrawn often.

At 5,000 candidates of 8 groups of 500 the standard error of the mean shrink is then .1 points, and
.2 where a measure has two rates; .05 at 500 candidates.
"""
_BLOCK = 500_000
"""Random numbers held at once, as 4 bytes each and in a few copies."""


@dataclass(frozen=True)
class SelectionShrinkage:
    """One measure of the picked candidate, on select and on certify.

    Attributes
    ----------
    measure : str
        A disparity, or ``accuracy`` over all groups together.
    select, certify : float
        In [0, 1]; NaN where undefined.
    shrink : float
        How much worse it is on certify: above 0 where select flattered.
    low, high : float
        Interval of the value in the population, from certify alone.
    by_chance : tuple of float
        Least and most shrink to expect were the candidate picked for this measure alone: one if
        candidates differ as they seem to, the other if they are all alike. Simulated, to about .001
        or, among thousands of candidates, .002.
    """

    measure: str
    select: float
    certify: float
    shrink: float
    low: float
    high: float
    by_chance: tuple[float, float]


def selection_shrinkage(
    select_counts: Array,
    certify_counts: Array,
    picked: int,
    measure: str,
    *,
    effective: ArrayLike | None = None,
    correlation: float = 0.0,
    confidence: float = 0.95,
    seed: int = 0,
) -> SelectionShrinkage:
    """Compare the picked candidate on the rows that picked it with fresh ones.

    Parameters
    ----------
    select_counts : ndarray, shape (k, g, 2, 2)
        Confusion counts of all candidates it was picked from.
    certify_counts : ndarray, shape (g, 2, 2)
        Of the picked one.
    picked : int
        Its position.
    measure : str
        A name in :data:`faircore.metrics.DISPARITIES`, or ``accuracy``.
    effective : ndarray, shape (g,), optional
        Design effect of each group, on both splits.
    correlation : float
        Between the errors of two candidates on the same rows, in [0, 1]: candidates that decide
        alike are lucky together, which leaves less to pick from. 0 gives the most that chance
        could do.
    confidence : float
    seed : int

    Returns
    -------
    SelectionShrinkage

    Raises
    ------
    InputError
        When the measure is another, the position is none of the candidates', the correlation is
        outside [0, 1], or the counts do not have the same groups.
    """
    every, fresh = np.asarray(select_counts, np.float64), np.asarray(certify_counts, np.float64)
    _check(every, fresh, picked, correlation)
    by = np.ones(len(fresh)) if effective is None else np.asarray(effective, np.float64)
    disparity = None if measure == "accuracy" else find_disparity(measure)
    if disparity is None:
        every, fresh = (_together(c, by) for c in (every, fresh))
        by = by[:1] * 0 + 1
    seen, now = float(_value(every[picked], disparity)), float(_value(fresh, disparity))
    higher_is_worse = disparity is not None and disparity.kind == "difference"
    low, high = _limits(fresh, by, disparity, confidence)
    return SelectionShrinkage(
        measure,
        seen,
        now,
        now - seen if higher_is_worse else seen - now,
        low,
        high,
        _by_chance(every, fresh, by, disparity, correlation, seed),
    )


def _check(every: Array, fresh: Array, picked: int, correlation: float) -> None:
    if every.ndim != 4 or fresh.shape != every.shape[1:]:
        raise InputError(
            "Select needs counts of shape (candidates, groups, 2, 2), and certify those of the "
            f"same groups, (groups, 2, 2); found {every.shape} and {fresh.shape}."
        )
    if not 0 <= picked < len(every):
        raise InputError(f"There is no candidate {picked} among {len(every)}; count from 0.")
    if not 0 <= correlation <= 1:
        raise InputError(f"A correlation of errors must lie in [0, 1]; found {correlation}.")


def _together(counts: Array, by: Array) -> Array:
    """All groups as one, of effective size, (..., g, 2, 2) to (..., 1, 2, 2)."""
    people = counts.sum(axis=(-2, -1))
    mean = (people * by).sum(axis=-1) / np.maximum(people.sum(axis=-1), 1e-300)
    whole: Array = counts.sum(axis=-3, keepdims=True)
    return whole / np.where(mean > 0, mean, 1.0)[..., None, None, None]


def _value(counts: Array, disparity: Disparity | None) -> Array:
    return find_rate("accuracy")(counts)[..., 0] if disparity is None else disparity(counts)


def _limits(
    counts: Array, by: Array, disparity: Disparity | None, confidence: float
) -> tuple[float, float]:
    """Interval of the value in the population."""
    if disparity is None:
        rate = find_rate("accuracy")
        n = rate.people(counts)
        low, high = wilson(rate(counts) * n, n, z=z_of(confidence))
        return float(low[0]), float(high[0])
    single = Replicates(
        counts.sum(axis=-1)[..., None].astype(np.float32),
        counts[..., 1][..., None, None].astype(np.float32),
        (counts * by[:, None, None])[:, :, None],
    )
    least, most = disparity_limits(single, disparity.name, min_people=0.0, confidence=confidence)
    return float(least[0]), float(most[0])


def _by_chance(
    every: Array,
    fresh: Array,
    by: Array,
    disparity: Disparity | None,
    correlation: float,
    seed: int,
) -> tuple[float, float]:
    """Expected shrink of the best-looking: candidates as they seem, and all alike."""
    measured = disparity or Disparity("accuracy", "", "", ("accuracy",))
    k, n = successes_and_trials(every, measured, by)  # (k, r, g)
    _, later = successes_and_trials(fresh, measured, by)
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = k / n
        alike = np.broadcast_to(k.sum(axis=0) / n.sum(axis=0), seen.shape)
    kind = "accuracy" if disparity is None else disparity.kind
    rng = np.random.default_rng(seed)
    both = [_shrink(p, n, later, kind, correlation, rng) for p in (seen, alike)]
    return min(both), max(both)


def _shrink(
    rates: Array, n: Array, later: Array, kind: str, correlation: float, rng: np.random.Generator
) -> float:
    """Mean over draws of how much worse the best-looking of all is when it is drawn once more."""
    draws = int(np.clip(_NUMBERS // max(rates.size, 1), _FEWEST, _DRAWS))
    block = int(np.clip(_BLOCK // max(rates.size, 1), 1, draws))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(rates * (1 - rates))
        error = spread / np.sqrt(n)
    found = []
    for start in range(0, draws, block):
        size = min(block, draws - start)
        best, value = _best_looking(rates, error, size, kind, correlation, rng)
        # One draw of the many costs as much as all of them, one of the best next to nothing.
        again = rng.standard_normal((-(-_DRAWS // draws), *best.shape, *rates.shape[1:]))
        with np.errstate(divide="ignore", invalid="ignore"):
            redrawn = _of_rates(rates[best] + spread[best] / np.sqrt(later) * again, kind)
        found.append((value - redrawn).ravel())
    shrink = np.concatenate(found)
    shrink = shrink[np.isfinite(shrink)]
    return float(shrink.mean()) if len(shrink) else float("nan")


def _best_looking(
    rates: Array, error: Array, size: int, kind: str, correlation: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], Array]:
    """Which candidate looks best in each of ``size`` draws, and how good it looks."""
    # The groups come first in memory, since the extremes over them are what takes longest.
    seen, off = (np.ascontiguousarray(x.T, np.float32)[:, :, None] for x in (rates, error))
    common = rng.standard_normal((*seen.shape[:2], size, 1), np.float32)
    shape = (*seen.shape[:2], size, len(rates))
    noise: NDArray[Any] = rng.standard_normal(shape, np.float32)
    noise *= np.float32(np.sqrt(1 - correlation))
    noise += np.float32(np.sqrt(correlation)) * common
    with np.errstate(invalid="ignore"):
        noise *= off
        noise += seen
    values = _of_rates(noise.transpose(2, 3, 1, 0), kind)
    best = np.where(np.isfinite(values), values, -np.inf).argmax(axis=1)
    return best, values[np.arange(size), best].astype(np.float64)


def _of_rates(rates: Array, kind: str) -> Array:
    """How good drawn rates are, (..., r, g) to (...): higher is better."""
    rates = np.clip(rates, 0.0, 1.0)
    if kind == "accuracy":
        value: Array = rates[..., 0, 0]
    elif kind == "ratio":
        value = ratio(rates).min(axis=-1)
    else:
        value = -difference(rates).max(axis=-1)
    return value
