"""Exact thresholds per group for every tolerance of a fairness limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors import GroupRule
from faircore.predictors.group_key import Unseen
from faircore.thresholds.base import GroupRules
from faircore.thresholds.bounds import is_drawn
from faircore.thresholds.cells import Rows
from faircore.thresholds.limits import CONSTRAINTS, NORMS, read_limits, read_tolerances
from faircore.thresholds.problem import Problem
from faircore.thresholds.search import Found, Search


class ThresholdFrontier(GroupRules):
    """For every tolerance, the thresholds per group that cost least while gaps stay within it.

    Parameters
    ----------
    constraint : str or mapping of str to (float or None)
        ``"demographic_parity"`` (shares selected), ``"equal_opportunity"`` (true positive rates),
        ``"predictive_equality"`` (false positive rates) or ``"equalized_odds"`` (both). The gap is
        the largest minus the smallest rate of a partition's groups. In a mapping, None runs over
        the tolerances and a number is a limit for all of them.
    tolerances : sequence of float
        Largest gaps, zero or more, all different.
    norm : {"linf", "l1"}
        For equalized odds: the larger of both gaps, or the largest sum over pairs of groups of how
        far apart both rates are, in [0, 2].
    costs : tuple of two float
        Of a false positive and of a false negative, zero or more and not both zero.
    selection : tuple of two float
        Least and largest share of all rows selected, in [0, 1].
    randomised : bool
        Whether a group may be decided by lot between cuts. Without a lot every cell has one cut.
    partitions : sequence of str or of sequences of str, optional
        Attributes, or attributes to cross, that the limits hold for, each partition by itself; each
        attribute alone by default. Cuts belong to the cells of the crossing of all attributes.
    min_people : int
        Cells with fewer rows share one set of cuts. Groups made up of such cells alone count as
        one group in every gap.
    unseen : {"refuse", "pooled"}
        What becomes of a row whose cell was not there: it is refused, or held to the one cut of
        all scores whose share selected is nearest to the rule's own.
    seed : int
        Of the lots.

    Attributes
    ----------
    rules_ : list of GroupRule or None
        One per tolerance, in their order; None where no rule was found.
    points_ : DataFrame
        One row per tolerance, on the rows learned from: ``tolerance``; ``cost`` (of all mistakes,
        over the weight of all rows); ``accuracy``; ``gap`` (the widest that runs); the gap of each
        constraint; ``selection_rate``; ``randomised`` (whether anybody is decided by lot);
        ``feasible``; ``smallest_gap`` (smallest running gap found possible within the other
        limits, infinite where nothing was); ``loss_bound`` and ``lower_bound``, see the notes.
        Without a rule its measures are NaN.

    Notes
    -----
    What a lot between cuts does to a group is a point in the convex hull of its ROC curve, and
    limits and cost are linear in these points: the best rule with lots is the solution of a linear
    programme over the corners of the hulls (Hardt, Price and Srebro 2016; its relaxed form, with
    any tolerance, Cruz and Hardt 2024). Such a rule always exists: to select everybody with the
    same probability has no gap and any capacity, so ``smallest_gap`` is 0.

    Without lots one rate of one partition, with no capacity and no other limit, is solved exactly:
    every window of rates as wide as the tolerance is tried, in O(g k log k) steps for g cells and k
    distinct scores in all. Everything else is a mixed integer programme over all cuts of a cell
    where it has 64 at most, else over the corners of its hull, 32 at even distances, those near the
    cuts and rates of the rule with lots, and then those around the best rule so far. For both rates
    of one partition, windows on a grid of rates are tried besides. The programmes stop after 20
    seconds for all tolerances together, so that then the answer depends on the machine.
    ``lower_bound`` is a cost no rule can be below: with lots, and in the exact case, the cost.

    ``loss_bound`` is the most that the best rule without a lot costs above the best with one, both
    within the same tolerance. Two arguments, of which the smaller counts. Selecting everybody, or
    nobody, has no gap. And for one rate alone: round the rates of the best rule with lots at a
    tolerance that is smaller by the largest jump of any cell's rate up to those of single cuts. The
    gap stays within the tolerance, and the cost rises by the largest distance from hull to curve,
    summed over cells, at most; what the smaller tolerance costs is bounded by convexity. It is
    infinite where the capacity forbids both to select everybody and nobody, and 0 where the best
    rule has no lot.

    A group without rows of one outcome has no rate over them and takes no part in limits on it; a
    gap of fewer than two groups is 0. Rows of weight 0 count as absent. Limits hold to within 1e-9,
    for mixed integer programmes 1e-6, on the rows learned from; for others they hold as nearly as
    those resemble them. Tied scores are never told apart except by lot.

    Examples
    --------
    >>> scores = [0.1, 0.4, 0.6, 0.9, 0.2, 0.3, 0.5, 0.8]
    >>> y_true = [0, 0, 1, 1, 0, 1, 0, 1]
    >>> group = ["a", "a", "a", "a", "b", "b", "b", "b"]
    >>> frontier = ThresholdFrontier("equal_opportunity", (0.0, 0.5))
    >>> frontier = frontier.fit(scores, y_true, sensitive_features=group)
    >>> frontier.points_[["tolerance", "accuracy", "gap"]].round(3).to_numpy().tolist()
    [[0.0, 0.875, 0.0], [0.5, 0.875, 0.0]]
    >>> frontier.predict([0.35, 0.35], ["a", "b"]).tolist()
    [0, 1]
    """

    _strength = "tolerance"

    def __init__(
        self,
        constraint: str | Mapping[str, float | None] = "equalized_odds",
        tolerances: Sequence[float] = (0.0, 0.01, 0.02, 0.05, 0.1),
        *,
        norm: str = "linf",
        costs: tuple[float, float] = (1.0, 1.0),
        selection: tuple[float, float] = (0.0, 1.0),
        randomised: bool = True,
        partitions: Sequence[str | Sequence[str]] | None = None,
        min_people: int = 0,
        unseen: Unseen = "refuse",
        seed: int = 0,
    ) -> None:
        self.constraint = constraint
        self.tolerances = tolerances
        self.norm = norm
        self.costs = costs
        self.selection = selection
        self.randomised = randomised
        self.partitions = partitions
        self.min_people = min_people
        self.unseen = unseen
        self.seed = seed

    def fit(
        self, scores: Any, y_true: Any, *, sensitive_features: Any, sample_weight: Any = None
    ) -> ThresholdFrontier:
        """Find the rules.

        Parameters
        ----------
        scores : array, shape (n,)
            Any finite numbers; the higher, the likelier the good outcome.
        y_true : array of 0 and 1, shape (n,)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            One attribute, or one column per attribute. Missing values form a group.
        sample_weight : array, shape (n,), optional
            Zero or more.

        Returns
        -------
        ThresholdFrontier
            Itself.

        Raises
        ------
        InputError
            When a parameter is outside its range or the columns cannot be used.
        """
        limits, tolerances = read_limits(self.constraint), read_tolerances(self.tolerances)
        costs = _pair("costs", self.costs, math.inf)
        selection = _pair("selection", self.selection, 1.0)
        _check("costs", self.costs, max(costs) > 0, "not both zero")
        _check("selection", self.selection, selection[0] <= selection[1], "least share first")
        _check("norm", self.norm, self.norm in NORMS, "'linf' or 'l1'")
        _check("min_people", self.min_people, self.min_people >= 0, "zero or more")
        rows = Rows.read(scores, y_true, sensitive_features, sample_weight, self.partitions)
        key = rows.key(self.unseen)
        problem = Problem.of(rows, min_people=self.min_people, norm=self.norm, costs=costs)
        search = Search(problem, limits, selection, tolerances, bool(self.randomised))
        found = search.run()
        self.rules_: list[GroupRule | None] = [
            None if one.mixtures is None else problem.rule(one.mixtures, key, int(self.seed))
            for one in found
        ]
        self.points_ = pd.DataFrame(
            [_point(search, t, one) for t, one in zip(tolerances, found, strict=True)]
        )
        return self

    def rule(self, tolerance: float | None = None) -> GroupRule:
        """Rule of a tolerance of the grid; of the smallest by default.

        Raises
        ------
        InputError
            When it is not on the grid, or no rule was found for it.
        """
        return self._rule(tolerance)

    def predict_proba(
        self, scores: Any, sensitive_features: Any, *, tolerance: float | None = None
    ) -> NDArray[np.float64]:
        """Probability that each row is refused and that it is selected.

        Parameters
        ----------
        scores : array, shape (n,)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            With the attributes of ``fit``.
        tolerance : float, optional
            One of the grid; the smallest by default.

        Returns
        -------
        ndarray, shape (n, 2)

        Raises
        ------
        InputError
            When a row's cell is unknown and such rows are refused.
        """
        return self._probability(scores, sensitive_features, tolerance)

    def predict(
        self,
        scores: Any,
        sensitive_features: Any,
        *,
        tolerance: float | None = None,
        rows: Any = None,
    ) -> NDArray[np.int8]:
        """Decide on each row, by lot where the rule says so.

        Parameters
        ----------
        scores, sensitive_features, tolerance
            As in :meth:`predict_proba`.
        rows : array of numbers, shape (n,) or (n, d), optional
            What a row's draw depends on, such as its features or a number of its own; by default
            its position, so that the decision then depends on the order of the rows.

        Returns
        -------
        ndarray of 0 and 1, shape (n,)

        Raises
        ------
        InputError
            When a row's cell is unknown and such rows are refused.
        """
        return self._decide(scores, sensitive_features, tolerance, rows)


def _point(search: Search, tolerance: float, found: Found) -> dict[str, Any]:
    """One row of the table."""
    names = ("cost", "accuracy", "gap", *CONSTRAINTS, "selection_rate")
    measures = dict.fromkeys(names, math.nan)
    if found.mixtures is not None:
        outcome = search.problem.outcome(found.mixtures)
        measures |= search.problem.yardstick.point(outcome)
        measures["gap"] = search.running_gap(found.mixtures)
    return {
        "tolerance": tolerance,
        **measures,
        "randomised": found.mixtures is not None and is_drawn(found.mixtures),
        "feasible": found.mixtures is not None,
        "smallest_gap": found.smallest_gap,
        "loss_bound": found.loss_bound,
        "lower_bound": found.lower_bound,
    }


def _pair(name: str, values: Any, most: float) -> tuple[float, float]:
    try:
        first, second = map(float, values)
    except (TypeError, ValueError):
        first = second = math.nan
    inside = all(0 <= value <= most and math.isfinite(value) for value in (first, second))
    _check(name, values, inside, f"two numbers from 0 to {most:g}")
    return first, second


def _check(name: str, value: Any, holds: bool, rule: str) -> None:
    if not holds:
        raise InputError(f"{name} must be {rule}; it is {value!r}. Change it.")
