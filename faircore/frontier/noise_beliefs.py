"""What to believe of many candidates at once: their values, drawn from what the data leave open.

The best of many noisy values looks better than it is, and redraws around them would add the noise
a second time. So values are drawn towards what like candidates let one expect, as far as noise
explains why they differ; how far is learnt from all candidates. The redraws tell who is alike:
what varies together when the people change was decided on the same people. In the directions in
which the redraws vary (their principal components) a signal is taken as so many times the noise,
a multiple of its own for each set of directions, drawn anew for every redraw. What candidates
share, and what grows with their distance from the middle one, is kept as it is.

Signals are taken as normal. Among few people and candidates that differ much, the best are still
believed too good: ``benchmarks/frontier_noise.py`` has a design where bands hold less than told.

References
----------
Efron & Morris 1973 (empirical Bayes); Zellner 1986 (a prior that varies as the noise does);
Strawderman 1971 (the share of noise as an unknown).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from faircore.errors import InputError
from faircore.frontier.noise import Replicates
from faircore.frontier.threads import in_threads
from faircore.metrics import MIN_PEOPLE, RATES, find_disparity, find_performance, find_rate

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
_DIRECTIONS = 32
_NOTHING = 1e-6  # share of a variance that is rounding
_FEWEST = 4  # candidates below which nothing is learnt from the others


def believe_performance(replicates: Replicates, performance: str, *, seed: int = 0) -> Floats:
    """Draws of what a performance truly is, shape (b, k).

    Parameters
    ----------
    replicates : Replicates
    performance : str
        A name in :data:`faircore.metrics.PERFORMANCES`.
    seed : int
        Of the share of noise.

    Returns
    -------
    ndarray, shape (b, k)
        In [0, 1]; NaN where the observed value is undefined.
    """
    values = performance_draws(replicates, performance)
    return np.clip(believe(values[-1], values[:-1] - values[-1], seed=seed), 0.0, 1.0)


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
        rates = compared_rates(replicates, name, min_people)
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


def believe(values: NDArray[np.floating], moves: NDArray[np.floating], *, seed: int = 0) -> Floats:
    """Draw the true values of candidates from what data and noise leave open.

    Parameters
    ----------
    values : ndarray, shape (k,)
        As observed; NaN where undefined.
    moves : ndarray, shape (b, k)
        How much each redraw moves the values, about 0 on average.
    seed : int

    Returns
    -------
    ndarray, shape (b, k)
        Candidates of equal value and equal moves have equal draws. Of fewer than four that differ,
        the value with its moves, unshrunk.

    Raises
    ------
    InputError
        When shapes do not fit.
    """
    if moves.ndim != 2 or values.shape != moves.shape[1:]:
        raise InputError(
            f"Values and moves must be of the same candidates; their shapes are {values.shape} and "
            f"{moves.shape}. Pass (k,) and (b, k)."
        )
    known = np.flatnonzero(np.isfinite(values) & np.isfinite(moves).all(axis=0))
    if not len(known):
        return np.full(moves.shape, np.nan)
    # A few redraws tell two candidates apart as well as all do.
    label = np.concatenate([values[None, known], moves[:4, known]]).astype(np.float64)
    _, first, twin = np.unique(label, axis=1, return_index=True, return_inverse=True)
    alone = known[first]
    own = moves.take(alone, axis=1).astype(np.float32, copy=False)
    found = _shrink(values[alone].astype(np.float64), own, seed).take(twin.ravel(), axis=1)
    if len(known) == len(values):
        return found
    drawn = np.full(moves.shape, np.nan)
    drawn[:, known] = found
    return drawn


def _by_group(rates: Singles, seed: int) -> Singles:
    """Draws of the rates of each group, (g, b + 1, k) to (g, b, k)."""
    drawn = np.empty_like(rates[:, :-1])

    def fill(group: int) -> None:
        seen = rates[group, -1]
        told = believe(seen, rates[group, :-1] - seen, seed=seed + group)
        np.clip(told, 0.0, 1.0, out=drawn[group], casting="same_kind")

    in_threads(fill, range(len(rates)))
    return drawn


def _shrink(values: Floats, moves: Singles, seed: int) -> Floats:
    half = len(moves) // 2
    if len(values) < _FEWEST or half < 2 or not (np.ptp(moves, axis=0) > 0).all():
        plain: Floats = values + moves
        return plain
    kept, scale = _kept(moves)
    noise = moves * scale
    common = noise @ kept
    noise -= common @ kept.T
    # In single precision, around a middle: what is left are differences of a few hundredths.
    middle = values.mean()
    signal = (values - middle).astype(np.float32) * scale
    steady = kept @ (signal @ kept)
    signal -= steady
    # Directions are found in one half of the redraws, and how much varies along them is measured
    # in the other: in the same half, the first would look too noisy and the rest too certain.
    directions = _directions(noise[:half], min(_DIRECTIONS, half // 2, (len(values) - 1) // 3))
    along, seen = noise @ directions, signal @ directions
    rng = np.random.default_rng(seed)
    told = np.empty_like(along)
    for part in _sets(directions.shape[1]):
        own = (along[half:, part] ** 2).mean(axis=0) + 1e-300
        luck = np.sqrt(own / ((along[:, part] ** 2).mean(axis=0) + 1e-300))
        excess = float((seen[part] ** 2 / own).sum())
        share = _noise_share(excess, seen[part].size, len(noise), rng)
        told[:, part] = _mixed(seen[part], along[:, part] * luck, share)
    rest = noise
    rest -= along @ directions.T
    left = signal - directions @ seen
    own_rest = rest[half:]
    total = _squares(own_rest) / len(own_rest)
    if total > _NOTHING * float((along**2).sum()) / len(along):
        freedom = _freedom(own_rest, total)
        share = _noise_share(float(left @ left) / total * freedom, freedom, len(rest), rng)
        luck = np.sqrt(total * len(rest) / _squares(rest))
        rest *= luck * np.sqrt(1 - share)
    else:
        share = np.ones((len(rest), 1), np.float32)
        rest[:] = 0
    # What lies along a few directions is put together at once: there are many candidates.
    drawn = rest
    drawn += np.hstack([common, told, 1 - share]) @ np.hstack([kept, directions, left[:, None]]).T
    drawn += steady
    drawn /= scale
    around: Floats = drawn + middle
    return around


def _kept(moves: Singles) -> tuple[Singles, Singles]:
    """Basis (k, 3 or fewer) of what is not shrunk, and the scale it is told on, (k,)."""
    k = moves.shape[1]
    middle = moves - moves.mean(axis=1, keepdims=True)
    apart = np.einsum("bk,bk->k", middle, middle).astype(np.float64) / len(moves)
    apart /= max(apart.mean(), 1e-300)
    scale = 1 / np.sqrt(apart + 0.1 * max(float(np.median(apart)), 1e-3))
    shared = np.stack([np.ones(k), apart, np.sqrt(apart)], axis=1)[:, : max(1, min(3, k // 6))]
    kept = np.linalg.qr(shared * scale[:, None])[0]
    return kept.astype(np.float32), scale.astype(np.float32)


def _directions(noise: Singles, most: int) -> Singles:
    """Principal components of the redraws, largest first, shape (k, r)."""
    if most < 1:
        return np.empty((noise.shape[1], 0), np.float32)
    size, sides = np.linalg.eigh((noise @ noise.T).astype(np.float64))
    real = size > _NOTHING * max(float(size[-1]), 1e-300)
    order = np.flatnonzero(real)[::-1][:most]
    found: Singles = noise.T @ (sides[:, order] / np.sqrt(size[order])).astype(np.float32)
    return found


def _sets(n: int) -> list[slice]:
    """Directions that share one multiple: 1, 1, 2, 4, 8, ..."""
    ends = [0, *(min(2**i, n) for i in range(n.bit_length() + 1))]
    return [slice(a, b) for a, b in pairwise(ends) if a < b]


def _freedom(noise: Singles, total: float) -> float:
    """Number of directions that are as good as independent and alike."""
    b = len(noise)
    squared = float(((noise @ noise.T) ** 2).sum()) / b**2 - total**2 / b
    return min(max(total**2 / max(squared, 1e-300), 1.0), float(noise.shape[1]))


def _noise_share(size: float, freedom: float, draws: int, rng: np.random.Generator) -> Singles:
    """Draws of noise / (noise + signal), given a sum of squares in units of noise, (b, 1).

    Its prior is 1 / share on (0, 1], which leaves a large signal as it is.
    """
    chance = rng.random(draws)
    size = max(size, 1e-9)
    whole = gammainc(freedom / 2, size / 2)
    share = gammaincinv(freedom / 2, chance * whole) / (size / 2)
    column: Singles = np.clip(share, 0.0, 1.0).astype(np.float32)[:, None]
    return column


def _squares(values: Singles) -> float:
    flat = values.ravel()
    return float(flat @ flat)


def _mixed(seen: Singles, noise: Singles, share: Singles) -> Singles:
    mixed = (1 - share) * seen
    mixed += np.sqrt(1 - share) * noise
    return mixed


def unlike(rates: NDArray[np.floating], *, ratio: bool) -> Floats:
    """Difference or ratio over the first axis of (g, b, k); NaN with fewer than two rates."""
    high, low = np.fmax.reduce(rates, axis=0), np.fmin.reduce(rates, axis=0)
    enough = np.isfinite(rates).sum(axis=0) >= 2
    if not ratio:
        return np.where(enough, high - low, np.nan)
    defined = enough & (high > 0)
    return np.divide(low, high, where=defined, out=np.full(high.shape, np.nan))
