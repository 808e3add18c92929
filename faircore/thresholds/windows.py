"""One cut per group, no lot, one rate: the exact optimum by trying every window of rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.thresholds.cells import Ints
from faircore.thresholds.curves import Array, Curve, Mixture
from faircore.thresholds.problem import Problem

ONE_RATE = ("demographic_parity", "equal_opportunity", "predictive_equality")
"""Constraints about a single rate."""

SAME = 1e-12  # rates this near are equal, whatever the sums they come from were rounded to


def own_rates(curve: Curve, constraint: str) -> Array | None:
    """Rate of a curve's rows at each cut, rising, shape (k,); None where it is undefined."""
    fp, tp = curve.fp.sum(axis=0), curve.tp.sum(axis=0)
    hits = {ONE_RATE[0]: fp + tp, ONE_RATE[1]: tp, ONE_RATE[2]: fp}[constraint]
    return hits / hits[-1] if hits[-1] > 0 else None


def cheapest_per_rate(rates: Array, costs: Array) -> tuple[Array, Array, Ints]:
    """Distinct rates, the least cost of each and the position it is at, (d,) each."""
    starts = np.flatnonzero(np.append(True, np.diff(rates) > 0))
    least = np.minimum.reduceat(costs, starts)
    which = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(rates))))
    cheapest = np.flatnonzero(costs == least[which])
    _, first = np.unique(which[cheapest], return_index=True)
    return rates[starts], least, cheapest[first]


def best_in_windows(
    problem: Problem, constraint: str, tolerances: Sequence[float]
) -> list[list[Mixture]]:
    """Cheapest single cuts whose rates all lie within a window as wide as the tolerance.

    Each group takes its cheapest cut in the window, and every window that begins at a rate some
    group can have is tried; the best rule's window is among them.

    Parameters
    ----------
    problem : Problem
        With one partition, so that every curve is a group.
    constraint : str
        One of :data:`ONE_RATE`. A group whose rate is undefined takes its cheapest cut.
    tolerances : sequence of float, length t

    Returns
    -------
    list of list of Mixture
        One cut per curve for each tolerance. There always is one: everybody or nobody.

    Notes
    -----
    With g groups and k cuts in all, a tolerance takes O(g k log k) steps, all of them in whole
    arrays, and the least costs of windows a table of O(k log k) numbers.
    """
    steps = [_Step.of(curve, problem.cut_costs(curve), constraint) for curve in problem.curves]
    lows = np.unique(np.concatenate([[0.0], *(one.rates for one in steps if one.compared)]))
    totals = np.zeros((len(tolerances), len(lows)))
    for one in steps:
        if not one.compared:
            continue
        table, first = least_table(one.costs), np.searchsorted(one.rates, lows)
        for total, tolerance in zip(totals, tolerances, strict=True):
            last = np.searchsorted(one.rates, lows + tolerance + SAME, side="right")
            total += least(table, first, last)
    best = lows[totals.argmin(axis=1)]
    return [
        [Mixture.single(one.cheapest(low, low + tolerance + SAME)) for one in steps]
        for low, tolerance in zip(best, tolerances, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Step:
    """Distinct rates of a curve and the cheapest cut of each; one entry where it has no rate."""

    rates: Array
    costs: Array
    positions: Ints
    compared: bool

    @classmethod
    def of(cls, curve: Curve, costs: Array, constraint: str) -> _Step:
        rates = own_rates(curve, constraint)
        same = np.zeros_like(costs) if rates is None else rates
        return cls(*cheapest_per_rate(same, costs), rates is not None)

    def cheapest(self, low: float, high: float) -> int:
        """Position of the cheapest cut whose rate is in the window."""
        if not self.compared:
            return int(self.positions[0])
        inside = (self.rates >= low) & (self.rates <= high)
        return int(self.positions[np.where(inside, self.costs, np.inf).argmin()])


def least_table(costs: Array) -> Array:
    """Least cost of the 2^j entries from each on, shape (levels, d)."""
    levels = [costs]
    for j in range(len(costs).bit_length() - 1):
        half, longer = 2**j, levels[-1].copy()
        longer[:-half] = np.minimum(levels[-1][:-half], levels[-1][half:])
        levels.append(longer)
    return np.stack(levels)


def least(table: Array, first: NDArray[np.intp], last: NDArray[np.intp]) -> Array:
    """Least cost of the entries from ``first`` to before ``last``; infinite where there is none."""
    length = last - first
    level = np.frexp(np.maximum(length, 1).astype(np.float64))[1] - 1
    first = np.minimum(first, table.shape[1] - 1)
    second = np.maximum(last - 2**level, 0)
    return np.where(length > 0, np.minimum(table[level, first], table[level, second]), np.inf)
