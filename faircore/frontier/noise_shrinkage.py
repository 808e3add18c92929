"""What to believe of many candidates at once: their values, drawn from what the data leave open.

The best of many noisy values looks better than it is, and redraws around them would add the noise
a second time. So values are drawn towards what like candidates let one expect, as far as noise
explains why they differ; how far is learnt from all candidates. The redraws tell who is alike:
what varies together when the people change was decided on the same people. In the directions in
which the redraws vary (their principal components) a signal is taken as so many times the noise,
a multiple of its own for each set of directions, drawn anew for every redraw. For what is left the
multiple depends on how far a candidate is from the middle one: those that decide nearly alike
differ by little but noise, and to judge them as the strange ones would let the luckiest look best.
What candidates share, and what grows with that distance, is kept as it is.

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

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
_DIRECTIONS = 8  # in which the redraws vary most
_SORTS = 4  # of candidates, by how far they are from the middle one
_FEWEST_OF_A_SORT = 20  # candidates
_NOTHING = 1e-6  # share of a variance that is rounding
_FEWEST = 4  # candidates below which nothing is learnt from the others


def believe(
    values: NDArray[np.floating],
    moves: NDArray[np.floating],
    *,
    beside: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Floats:
    """Draw the true values of candidates from what data and noise leave open.

    Parameters
    ----------
    values : ndarray, shape (k,)
        As observed; NaN where undefined.
    moves : ndarray, shape (b, k)
        How much each redraw moves the values, about 0 on average.
    beside : ndarray, shape (c, k), optional
        What else is known of each candidate, whose luck is of another kind: such as its gap, beside
        an accuracy. What goes with it, straight or curved, is not taken for luck, so that of the
        candidates with a like gap the most accurate does not gain by what all gain that pay for a
        small one. NaN says nothing.
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
    if beside is not None and (beside.ndim != 2 or beside.shape[1] != len(values)):
        raise InputError(
            f"What is beside the values must be of the same {len(values)} candidates; its shape is "
            f"{beside.shape}. Pass (c, {len(values)})."
        )
    # A few redraws tell two candidates apart as well as all do.
    label = np.concatenate([values[None, known], moves[:4, known]]).astype(np.float64)
    _, first, twin = np.unique(label, axis=1, return_index=True, return_inverse=True)
    alone = known[first]
    own = moves.take(alone, axis=1).astype(np.float32, copy=False)
    apart = _distance(own)
    order = np.argsort(apart, kind="stable")
    at = alone[order]
    others = np.empty((0, len(at))) if beside is None else beside[:, at].astype(np.float64)
    sorted_moves = own.take(order, axis=1)
    found = _shrink(values[at].astype(np.float64), sorted_moves, apart[order], others, seed)
    found = found.take(np.argsort(order)[twin.ravel()], axis=1)
    if len(known) == len(values):
        return found
    drawn = np.full(moves.shape, np.nan)
    drawn[:, known] = found
    return drawn


def _shrink(values: Floats, moves: Singles, apart: Floats, beside: Floats, seed: int) -> Floats:
    """Draws around values of candidates that all differ, the nearest to the middle one first."""
    half = len(moves) // 2
    if len(values) < _FEWEST or half < 2 or not (np.ptp(moves, axis=0) > 0).all():
        plain: Floats = values + moves
        return plain
    kept, scale = _kept(apart, beside)
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
    each = np.einsum("bk,bk->k", rest[half:], rest[half:]).astype(np.float64) / (len(rest) - half)
    total = float(each.sum())
    if total > _NOTHING * float((along**2).sum()) / len(along):
        freedom = _freedom(rest[half:], total)
        rest *= np.sqrt(total * len(rest) / _squares(rest))
        for part in _sorts(len(left)):
            own = max(freedom * len(left[part]) / len(left), 1.0)
            excess = float(left[part] @ left[part]) / (each[part].sum() + 1e-300) * own
            share = _noise_share(excess, own, len(rest), rng)
            rest[:, part] = _mixed(left[part], rest[:, part], share)
    else:
        rest[:] = 0
    # What lies along a few directions is put together at once: there are many candidates.
    drawn = rest
    drawn += np.hstack([common, told]) @ np.hstack([kept, directions]).T
    drawn += steady
    drawn /= scale
    around: Floats = drawn + middle
    return around


def _distance(moves: Singles) -> Floats:
    """Variance of what moves each candidate otherwise than the middle of all, (k,)."""
    middle = moves - moves.mean(axis=1, keepdims=True)
    found: Floats = np.einsum("bk,bk->k", middle, middle).astype(np.float64) / len(moves)
    return found


def _kept(apart: Floats, beside: Floats) -> tuple[Singles, Singles]:
    """Basis (k, few) of what is not shrunk, and the scale it is told on, (k,)."""
    k = len(apart)
    apart = apart / max(apart.mean(), 1e-300)
    scale = 1 / np.sqrt(apart + 0.1 * max(float(np.median(apart)), 1e-3))
    straight, curved = [apart], [np.sqrt(apart)]
    for other in beside:
        known = np.isfinite(other)
        span = np.ptp(other[known]) if known.any() else 0.0
        if span > 0:
            one = np.where(known, (other - other[known].mean()) / span, 0.0)
            straight.append(one)
            curved.append(one**2)
    shared = np.stack([np.ones(k), *straight, *curved], axis=1)[:, : max(1, k // 6)]
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


def _sorts(n: int) -> list[slice]:
    """Candidates about as far from the middle one: they share one multiple for what is left."""
    ends = np.linspace(0, n, min(_SORTS, max(n // _FEWEST_OF_A_SORT, 1)) + 1).astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]


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
