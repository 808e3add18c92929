"""The search for cuts as a linear programme, or a mixed integer one where no lot is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from faircore.errors import FaircoreError
from faircore.thresholds.cells import Ints
from faircore.thresholds.curves import Array, Mixture
from faircore.thresholds.limits import Limit, Range
from faircore.thresholds.problem import Problem

_PRECISE = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}
_NOTHING = 1e-9  # smaller shares are rounding of the solver


class Programme:
    """Shares of cuts such that the limits hold and mistakes cost least.

    The variables are the share of each cut, (k,); for each range of a limit its lower end, and for
    each of its groups how far above that end the group lies, which is bounded by the tolerance; and
    the share of all rows selected, bounded by the capacity. So there is one row per group and
    range, not one per pair of groups, and a tolerance changes bounds alone.

    Parameters
    ----------
    problem : Problem
    positions : sequence of ndarray of int
        Cuts of each curve to choose among, rising.
    limits : sequence of Limit
    selection : tuple of float
        Least and largest share of all rows selected.

    Attributes
    ----------
    complete : bool
        Whether every cut there is was offered.
    """

    def __init__(
        self,
        problem: Problem,
        positions: Sequence[Ints],
        limits: Sequence[Limit],
        selection: tuple[float, float],
    ) -> None:
        pairs = list(zip(problem.curves, positions, strict=True))
        sizes = [len(some) for some in positions]
        self._positions, self._starts = positions, np.cumsum(sizes)[:-1]
        self.complete = all(len(some) == len(curve.cuts) for curve, some in pairs)
        self._costs = np.concatenate([problem.cut_costs(c)[some] for c, some in pairs])
        self._offset = problem.yardstick.cost(0.0, 0.0)
        ranges = [
            (one, limit.fixed)
            for limit in limits
            for one in problem.yardstick.ranges[limit.constraint]
        ]
        above = [np.full(len(one.groups), np.nan if fixed is None else fixed)
                 for one, fixed in ranges]  # fmt: skip
        # One column per range for the lower end, then all distances above, then the share selected.
        more = np.concatenate([*above, [selection[1]]])
        self._high = np.concatenate([np.full(len(self._costs) + len(ranges), np.inf), more])
        self._low = np.concatenate([np.zeros_like(self._costs), np.full(len(ranges), -np.inf),
                                    np.zeros(len(more) - 1), selection[:1]])  # fmt: skip
        self._runs = np.isnan(self._high)
        self._left = self._equations(problem, sizes, [one for one, _ in ranges])
        self._right = np.zeros(self._left.shape[0])
        self._right[: len(sizes)] = 1.0

    def _equations(self, problem: Problem, sizes: list[int], ranges: list[Range]) -> Any:
        """Left side of all equations, sparse: shares sum to one, and what the others are."""
        fp, tp = _counts(problem, self._positions)
        yardstick, total = problem.yardstick, problem.yardstick.total
        n_cuts, count = len(self._costs), len(sizes)
        one_each = sparse.csr_array(
            (np.ones(n_cuts), (np.repeat(np.arange(count), sizes), np.arange(n_cuts)))
        )
        where = problem.part_groups
        member = sparse.csr_array(
            (np.ones(where.size), (where.ravel(), np.tile(np.arange(where.shape[1]), len(where)))),
            shape=(len(yardstick.negatives), where.shape[1]),
        )
        by_group = (member @ fp, member @ tp)
        values = [
            sparse.diags_array(one.per_fp) @ by_group[0][one.groups]
            + sparse.diags_array(one.per_tp) @ by_group[1][one.groups]
            for one in ranges
        ]
        selected = sparse.csr_array((fp + tp).sum(axis=0)[None] / total)
        ends = [-np.ones((len(one.groups), 1)) for one in ranges]
        lower = sparse.block_diag([*ends, np.zeros((1, 0))])
        rest = sparse.hstack([lower, -sparse.eye_array(lower.shape[0])])
        return sparse.block_array(
            [[one_each, None], [sparse.vstack([*values, selected]), rest]], format="csc"
        )

    def solve(self, tolerance: float) -> list[Mixture]:
        """Cheapest mixtures whose running gaps are at most ``tolerance``.

        Raises
        ------
        FaircoreError
            When the solver gives up. There is always an answer: to select everybody with the same
            probability.
        """
        high = np.where(self._runs, tolerance, self._high)
        costs = np.concatenate([self._costs, np.zeros(len(high) - len(self._costs))])
        for method in ("highs-ds", "highs-ipm"):
            found = linprog(
                costs, A_eq=self._left, b_eq=self._right, method=method, options=_PRECISE,
                bounds=np.column_stack([self._low, high]),
            )  # fmt: skip
            if found.status == 0:
                return self._mixtures(found.x)
        raise FaircoreError(
            "The solver gave up on the cuts: their numbers are too far apart in size. Bring the "
            f"weights of the rows closer together. It says: {found.message}"
        )

    def solve_whole(self, tolerance: float, seconds: float) -> tuple[list[Mixture] | None, float]:
        """Cheapest single cuts found in time, if any, and a cost that none can be below."""
        high = np.where(self._runs, tolerance, self._high)
        costs = np.concatenate([self._costs, np.zeros(len(high) - len(self._costs))])
        found = self._milp(costs, high, seconds)
        bound = found.mip_dual_bound if found.status in (0, 1) else None
        least = math.inf if found.status == 2 else -math.inf
        if bound is not None and math.isfinite(bound):
            least = bound + self._offset
        return (None if found.x is None else self._singles(found.x)), least

    def least_gap(self, seconds: float) -> list[Mixture] | None:
        """Single cuts within the other limits whose widest running gap is least, if any."""
        # One more variable that is at least every running distance.
        runs = np.flatnonzero(self._runs)
        rows = np.arange(len(runs))
        under = sparse.csc_array(
            (np.repeat([1.0, -1.0], len(runs)),
             (np.tile(rows, 2), np.append(runs, np.full(len(runs), len(self._high))))),
            shape=(len(runs), len(self._high) + 1),
        )  # fmt: skip
        costs = np.append(np.zeros(len(self._high)), 1.0)
        found = self._milp(costs, np.where(self._runs, np.inf, self._high), seconds, under)
        return None if found.x is None else self._singles(found.x)

    def _milp(self, costs: Array, high: Array, seconds: float, under: Any = None) -> Any:
        extra = len(costs) - len(high)
        empty = sparse.csc_array((self._left.shape[0], extra))
        rows = [LinearConstraint(sparse.hstack([self._left, empty]), self._right, self._right)]
        if under is not None:
            rows.append(LinearConstraint(under, -np.inf, 0.0))
        whole = np.zeros(len(costs))
        whole[: len(self._costs)] = 1
        high = np.concatenate([np.minimum(high[: len(self._costs)], 1.0),
                               high[len(self._costs) :], np.full(extra, np.inf)])  # fmt: skip
        return milp(
            costs, integrality=whole, constraints=rows,
            bounds=Bounds(np.append(self._low, np.zeros(extra)), high),
            options={"time_limit": seconds, "mip_rel_gap": 0.0},
        )  # fmt: skip

    def _mixtures(self, x: Array) -> list[Mixture]:
        """Mixture of each curve from the shares found."""
        mixtures = []
        shares = np.split(x[: len(self._costs)], self._starts)
        for some, own in zip(self._positions, shares, strict=True):
            kept = np.flatnonzero(own > _NOTHING)
            mixtures.append(Mixture(some[kept], own[kept] / own[kept].sum()))
        return mixtures

    def _singles(self, x: Array) -> list[Mixture]:
        shares = np.split(x[: len(self._costs)], self._starts)
        return [
            Mixture.single(some[own.argmax()])
            for some, own in zip(self._positions, shares, strict=True)
        ]


def _counts(problem: Problem, positions: Sequence[Ints]) -> tuple[Any, Any]:
    """False and true positives of each part at each cut, sparse, (parts, k) each."""
    rows, columns, fp, tp, start = [], [], [], [], 0
    for curve, some in zip(problem.curves, positions, strict=True):
        rows.append(np.repeat(curve.parts, len(some)))
        columns.append(np.tile(np.arange(len(some)) + start, len(curve.parts)))
        fp.append(curve.fp[:, some].ravel())
        tp.append(curve.tp[:, some].ravel())
        start += len(some)
    where = (np.concatenate(rows), np.concatenate(columns))
    shape = (problem.part_groups.shape[1], start)
    return tuple(sparse.csr_array((np.concatenate(c), where), shape=shape) for c in (fp, tp))
