"""One cut per group, no lot, both rates: good cuts by trying windows of both at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faircore.thresholds.cells import Ints
from faircore.thresholds.curves import Array, Curve, Mixture
from faircore.thresholds.problem import Problem
from faircore.thresholds.windows import SAME, least, least_table, own_rates

BOTH_RATES = "equalized_odds"
"""The constraint on both rates."""

_ENDS = 128  # windows of a rate that are tried, over all its values and again near the best
_ZOOMS = 3
_RATES = ("predictive_equality", "equal_opportunity")


@dataclass(frozen=True, eq=False)
class _Rates:
    """Both rates of a curve at each cut, all zero where undefined, and least costs."""

    rates: tuple[Array | None, Array | None]
    costs: Array
    table: Array

    @classmethod
    def of(cls, curve: Curve, costs: Array) -> _Rates:
        false, true = (own_rates(curve, name) for name in _RATES)
        return cls((false, true), costs, least_table(costs))

    def ends(self, lows: tuple[Array, Array], tolerance: float) -> tuple[Ints, Ints]:
        """First position inside and first beyond each pair of windows, (a, b) each."""
        size = len(self.costs)
        first: Ints = np.zeros((1, 1), np.intp)
        last: Ints = np.full((1, 1), size)
        for axis, (rates, low) in enumerate(zip(self.rates, lows, strict=True)):
            if rates is None:
                continue
            # Both rates rise with the position, so that cuts inside both windows are neighbours.
            start = np.searchsorted(rates, low - SAME)
            stop = np.searchsorted(rates, low + tolerance + SAME, side="right")
            first = np.maximum(first, np.expand_dims(start, 1 - axis))
            last = np.minimum(last, np.expand_dims(stop, 1 - axis))
        return first, last


def best_in_boxes(problem: Problem, tolerance: float) -> list[Mixture]:
    """Cheapest single cuts whose rates lie in a window each as wide as the tolerance.

    Parameters
    ----------
    problem : Problem
        With one partition, so that every curve is a group.
    tolerance : float

    Returns
    -------
    list of Mixture
        One cut per curve. There always are some: everybody or nobody.

    Notes
    -----
    Every pair of windows that begin on a grid of rates is tried, with all cuts; then again on finer
    grids around the best pair. On a grid of step s the cost is at most that of the best cuts for
    ``tolerance - s``.
    """
    curves = [_Rates.of(curve, problem.cut_costs(curve)) for curve in problem.curves]
    middle, reach, best = np.full(2, 0.5), 0.5, np.zeros(2)
    least_cost = np.inf
    for _ in range(_ZOOMS):
        steps = np.linspace(-reach, reach, _ENDS + 1)
        lows = tuple(np.clip(centre + steps, 0.0, 1.0) for centre in middle)
        totals = np.zeros((_ENDS + 1, _ENDS + 1))
        for one in curves:
            totals += least(one.table, *one.ends((lows[0], lows[1]), tolerance))
        at = np.unravel_index(totals.argmin(), totals.shape)
        if totals[at] < least_cost:
            least_cost, best = float(totals[at]), np.array([lows[0][at[0]], lows[1][at[1]]])
        middle, reach = best, 4 * reach / _ENDS
    return [Mixture.single(_cheapest(one, best, tolerance)) for one in curves]


def _cheapest(one: _Rates, lows: Array, tolerance: float) -> int:
    first, last = one.ends((lows[:1], lows[1:]), tolerance)
    start, stop = int(first.item()), int(last.item())
    return start + int(one.costs[start:stop].argmin())
