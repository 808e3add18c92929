"""Rates of redrawn counts, and how far one of 0 or 1 may be from what is true."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from faircore.metrics import RATES, find_rate

_NEVER = 1e-6
"""Share that is rounding."""

_LIVES = 4_093
"""People unlike all that were seen, of whom each candidate, group and rate gets one."""


def share_of(
    name: str, totals: NDArray[np.float32], chosen: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A rate by group, shape (g, b + 1, k); NaN where nobody is in the denominator."""
    rate = find_rate(name)
    above, below = (
        _sum_cells(cells, totals, chosen) for cells in (rate.numerator, rate.denominator)
    )
    # A hair, since a sum minus a part of it leaves rounding where it should leave nobody.
    defined = below > _NEVER * totals.sum(axis=1)[..., None]
    every = chosen[:, 0].shape
    share = above if above.shape == every else np.broadcast_to(above, every).copy()
    np.divide(share, below, where=defined, out=share)
    np.copyto(share, np.float32(np.nan), where=~defined)
    return np.clip(share, 0.0, 1.0, out=share)


def unsettle(
    share: NDArray[np.float32],
    people: NDArray[np.float64],
    prints: NDArray[np.uint32],
    name: str,
) -> NDArray[np.float32]:
    """Let the redraws of a rate of 0 or 1 move, in place; its last redraw stays as it is."""
    seen = share[:, -1]
    certain = (seen <= _NEVER) | (seen >= 1 - _NEVER)
    for group in np.flatnonzero(certain.any(axis=1)):
        at = np.flatnonzero(certain[group])
        place = 1_009 * (len(RATES) * int(group) + list(RATES).index(name))
        weight = _weights_of_others(share.shape[1] - 1)[:, (prints[at] + place) % _LIVES]
        off = -np.expm1(-weight / people[group, at])  # Beta(1, people)
        share[group, :-1, at] = np.where(seen[group, at] < 0.5, off, 1 - off).T
    return share


@lru_cache(maxsize=1)
def _weights_of_others(replicates: int) -> NDArray[np.float64]:
    """Weights of people unlike all that were seen, in every redraw; read-only."""
    weights = np.random.default_rng(0).standard_exponential((replicates, _LIVES))
    weights.flags.writeable = False
    return weights


def _sum_cells(
    cells: tuple[tuple[int, int], ...],
    totals: NDArray[np.float32],
    chosen: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Weight in some (true, predicted) cells, shape (g, b + 1, k), or (g, b + 1, 1) of outcomes.

    Of thousands of candidates this is tens of megabytes, made once and added to in place.
    """
    total = np.zeros((*totals[:, 0].shape, 1), np.float32)
    for y in (0, 1):
        if (y, 0) in cells:
            total += totals[:, y, :, None]
    for y in (0, 1):
        selected = (y, 1) in cells
        if selected != ((y, 0) in cells):
            add = np.add if selected else np.subtract
            own = chosen[:, y]
            total = add(total, own, out=total if total.shape == own.shape else None)
    return total
