"""What giving up the lot can cost at most."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from faircore.thresholds.curves import Mixture, lower_hull
from faircore.thresholds.limits import Limit
from faircore.thresholds.problem import Problem
from faircore.thresholds.windows import ONE_RATE, cheapest_per_rate, own_rates


def is_drawn(mixtures: Sequence[Mixture]) -> bool:
    """Whether any cut is drawn by lot."""
    return any(len(mixture.positions) > 1 for mixture in mixtures)


def rounding_loss(problem: Problem, constraint: str) -> tuple[float, float]:
    """What rounding every group's rate up to that of a single cut can change.

    Returns
    -------
    loss : float
        Most that the cost rises, whatever the rates were: for each curve the largest distance in
        cost from its hull to the next cut upwards, summed over curves.
    jump : float
        Most that a rate rises: the largest step between neighbouring rates of a curve, in [0, 1].
    """
    loss, jump = 0.0, 0.0
    for curve in problem.curves:
        rates = own_rates(curve, constraint)
        if rates is None:
            continue  # its cheapest cut is a single one
        x, costs, _ = cheapest_per_rate(rates, problem.cut_costs(curve))
        corners = lower_hull(x, costs)
        on_hull = np.interp(x, x[corners], costs[corners])
        # Between two rates the cost of the cut above is constant and the hull is convex with its
        # corners at rates, so that they are farthest apart at one of both ends.
        distances = costs[1:] - np.minimum(on_hull[:-1], on_hull[1:])
        loss += max(float(distances.max()), 0.0)
        jump = max(jump, float(np.diff(x).max()))
    return loss, jump


def rounded_up(problem: Problem, constraint: str, mixtures: Sequence[Mixture]) -> list[Mixture]:
    """Cheapest single cuts with the next rates upwards."""
    singles = []
    for curve, mixture in zip(problem.curves, mixtures, strict=True):
        costs, rates = problem.cut_costs(curve), own_rates(curve, constraint)
        if rates is None:
            singles.append(Mixture.single(int(costs.argmin())))
            continue
        wanted = float(rates[mixture.positions] @ mixture.shares)
        x, _, positions = cheapest_per_rate(rates, costs)
        place = min(int(np.searchsorted(x, wanted - 1e-9)), len(x) - 1)
        singles.append(Mixture.single(int(positions[place])))
    return singles


def can_round(problem: Problem, limits: Sequence[Limit], selection: tuple[float, float]) -> bool:
    """Whether rounding rates keeps all limits but one, which it widens by a jump at most."""
    return (
        len(limits) == 1
        and limits[0].constraint in ONE_RATE
        and selection == (0.0, 1.0)
        and all(len(curve.parts) == 1 for curve in problem.curves)
    )


def constants(problem: Problem, selection: tuple[float, float]) -> list[list[Mixture]]:
    """The rules to select nobody and to select everybody, where the capacity allows."""
    nobody = [Mixture.single(0) for _ in problem.curves]
    everybody = [Mixture.single(len(curve.cuts) - 1) for curve in problem.curves]
    return [nobody] * (selection[0] <= 0) + [everybody] * (selection[1] >= 1)


def loss_bound(
    tolerance: float,
    drawn_cost: float,
    cost_at_zero: float,
    constant_cost: float,
    rounding: tuple[float, float] | None,
) -> float:
    """Most that the best rule without a lot costs above the best rule with one.

    Parameters
    ----------
    tolerance : float
    drawn_cost, cost_at_zero : float
        Cost of the best rule with a lot, at this tolerance and at 0.
    constant_cost : float
        Of the cheaper of selecting everybody and nobody; infinite where neither is allowed.
    rounding : tuple of float, optional
        From :func:`rounding_loss`, where rounding is possible.

    Notes
    -----
    Selecting everybody, or nobody, has no gap: that is one bound. For one rate, take the best rule
    with a lot at ``tolerance - jump`` and round every rate up: the gap widens by ``jump`` at most,
    hence is allowed, and the cost rises by ``loss`` at most. The cost with a lot is a convex
    function of the tolerance, so that at ``tolerance - jump`` it lies at most
    ``jump / tolerance * (cost_at_zero - drawn_cost)`` higher.
    """
    bound = constant_cost - drawn_cost
    if rounding is not None and tolerance > 0 and rounding[1] <= tolerance:
        loss, jump = rounding
        bound = min(bound, loss + jump / tolerance * (cost_at_zero - drawn_cost))
    return max(bound, 0.0) if math.isfinite(bound) else math.inf
