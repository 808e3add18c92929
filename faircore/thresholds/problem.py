"""What a search for cuts needs to know about the rows, and what a rule does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from faircore.predictors import GroupKey, GroupRule
from faircore.thresholds.cells import Ints, Rows
from faircore.thresholds.curves import Array, Curve, Mixture, part_counts
from faircore.thresholds.limits import CONSTRAINTS, Range, gap_of, ranges_of


@dataclass(frozen=True, eq=False)
class Outcome:
    """Expected weight selected: of each group, shape (g,), and of all rows."""

    fp: Array
    tp: Array
    all_fp: float
    all_tp: float


@dataclass(frozen=True, eq=False)
class Yardstick:
    """How an outcome is measured.

    Attributes
    ----------
    negatives, positives : ndarray, shape (g,)
        Weight of each group's rows with the bad and the good outcome.
    all_negatives, all_positives : float
        Of all rows.
    partitions : tuple of slice
        Where each partition's groups are.
    norm : str
        Of equalized odds.
    costs : tuple of float
        Of a false positive and of a false negative.
    """

    negatives: Array
    positives: Array
    all_negatives: float
    all_positives: float
    partitions: tuple[slice, ...]
    norm: str
    costs: tuple[float, float]

    @classmethod
    def of(
        cls, rows: Rows, homes: NDArray[np.intp], norm: str, costs: tuple[float, float]
    ) -> Yardstick:
        """Yardstick of rows whose cells are in the groups ``homes``, (p, c)."""
        ones = np.ones(len(rows.y))
        all_selected = outcome_of_rows(rows, homes, ones)
        return cls(
            all_selected.fp, all_selected.tp, all_selected.all_fp, all_selected.all_tp,
            tuple(p.groups for p in rows.groups.partitions), norm, costs,
        )  # fmt: skip

    @property
    def total(self) -> float:
        """Weight of all rows."""
        return self.all_negatives + self.all_positives

    @cached_property
    def ranges(self) -> dict[str, tuple[Range, ...]]:
        """Comparisons of each constraint."""
        return {
            name: ranges_of(name, self.norm, self.negatives, self.positives, self.partitions)
            for name in CONSTRAINTS
        }

    def cost(self, fp: float, tp: float) -> float:
        """Cost of all mistakes over the weight of all rows."""
        missed = self.all_positives - tp
        return (self.costs[0] * fp + self.costs[1] * missed) / self.total

    def point(self, outcome: Outcome) -> dict[str, float]:
        """Cost, accuracy, gaps and share selected, each expected where a lot is drawn."""
        fp, tp = outcome.all_fp, outcome.all_tp
        gaps = {name: gap_of(some, outcome.fp, outcome.tp) for name, some in self.ranges.items()}
        return {
            "cost": self.cost(fp, tp),
            "accuracy": (self.all_negatives - fp + tp) / self.total,
            **gaps,
            "selection_rate": (fp + tp) / self.total,
        }


def outcome_of_rows(rows: Rows, homes: NDArray[np.intp], probability: Array) -> Outcome:
    """What rows selected with these probabilities, (n,), come to."""
    size, expected, good = rows.groups.n_groups, rows.weights * probability, rows.y == 1
    fp, tp = np.zeros((2, size))
    for row in homes[:, rows.codes]:
        fp += np.bincount(row, np.where(good, 0.0, expected), minlength=size)
        tp += np.bincount(row, np.where(good, expected, 0.0), minlength=size)
    return Outcome(fp, tp, float(expected[~good].sum()), float(expected[good].sum()))


@dataclass(frozen=True, eq=False)
class Problem:
    """Curves to choose cuts on, and the groups their parts are counted in.

    Attributes
    ----------
    yardstick : Yardstick
    curves : tuple of Curve
        One per set of cuts.
    curve_of : ndarray of int, shape (c,)
        Curve of each cell; -1 for a cell without rows.
    part_groups : ndarray of int, shape (p, parts)
        Group of each part in each partition.
    pooled : Curve
        Of all rows.
    """

    yardstick: Yardstick
    curves: tuple[Curve, ...]
    curve_of: Ints
    part_groups: Ints
    pooled: Curve

    @classmethod
    def of(cls, rows: Rows, *, min_people: int, norm: str, costs: tuple[float, float]) -> Problem:
        """Draw the curves.

        Cells with fewer rows than ``min_people`` share a curve, and in each partition the groups
        made up of such cells alone count as one group: who is too few for cuts of their own is
        too few to be compared.
        """
        sizes = np.bincount(rows.codes, minlength=len(rows.cells.labels))
        small = (sizes > 0) & (sizes < min_people)
        homes = _merged(rows.homes(), small, sizes > 0)
        own = np.flatnonzero((sizes > 0) & ~small)
        curve_of = np.full(len(sizes), -1, np.intp)
        curve_of[own] = np.arange(len(own))
        curve_of[small] = len(own)
        # A part is a set of rows with the same cuts that is in the same group of every partition.
        there = np.flatnonzero(sizes > 0)
        parts, number = np.unique(
            np.vstack([curve_of, homes])[:, there], axis=1, return_inverse=True
        )
        part_of = np.full(len(sizes), -1, np.intp)
        part_of[there] = number.ravel()
        everybody = Curve.of(rows.scores, rows.y, rows.weights, np.zeros_like(rows.codes),
                             np.zeros(1, np.intp))  # fmt: skip
        return cls(
            Yardstick.of(rows, homes, norm, costs), _curves(rows, curve_of, part_of, parts[0]),
            curve_of, parts[1:], everybody,
        )  # fmt: skip

    def outcome(self, mixtures: Sequence[Mixture]) -> Outcome:
        """What a mixture of cuts per curve comes to."""
        fp, tp = part_counts(self.curves, mixtures, self.part_groups.shape[1])
        size, times = len(self.yardstick.negatives), len(self.part_groups)
        where = self.part_groups.ravel()
        return Outcome(
            np.bincount(where, np.tile(fp, times), minlength=size).astype(np.float64),
            np.bincount(where, np.tile(tp, times), minlength=size).astype(np.float64),
            float(fp.sum()), float(tp.sum()),
        )  # fmt: skip

    def cut_costs(self, curve: Curve) -> Array:
        """What each cut of a curve adds to the cost, up to a constant, shape (k,)."""
        costs, total = self.yardstick.costs, self.yardstick.total
        added: Array = (costs[0] * curve.fp.sum(axis=0) - costs[1] * curve.tp.sum(axis=0)) / total
        return added

    def rule(self, mixtures: Sequence[Mixture], key: GroupKey, seed: int) -> GroupRule:
        """Rule for every cell; those without rows, and rows of no cell, get the pooled cut."""
        widest = max(len(mixture.positions) for mixture in mixtures)
        cuts = np.empty((key.n_groups + 1, widest))
        shares = np.zeros_like(cuts)
        pooled = self.pooled.cuts[self._pooled_position(mixtures)]
        for cell, number in enumerate([*self.curve_of, -1]):
            if number < 0:
                cuts[cell], shares[cell, 0] = pooled, 1.0
                continue
            mixture, many = mixtures[number], len(mixtures[number].positions)
            own = self.curves[number].cuts[mixture.positions]
            cuts[cell, :many], cuts[cell, many:] = own, own[-1]
            shares[cell, :many] = mixture.shares
        return GroupRule(key, cuts, shares, seed)

    def _pooled_position(self, mixtures: Sequence[Mixture]) -> int:
        """Cut of everybody that selects as nearly as possible what the mixtures select."""
        outcome = self.outcome(mixtures)
        return int(np.abs(self.pooled.selected() - outcome.all_fp - outcome.all_tp).argmin())


def _merged(homes: Ints, small: NDArray[np.bool_], there: NDArray[np.bool_]) -> Ints:
    """Homes of cells, with the groups made up of small cells alone put under one number."""
    homes = homes.copy()
    for row in homes:
        alone = np.setdiff1d(row[small], row[there & ~small])
        row[np.isin(row, alone)] = alone[0] if len(alone) else -1
    return homes


def _curves(rows: Rows, curve_of: Ints, part_of: Ints, owner: Ints) -> tuple[Curve, ...]:
    """Curve of each set of cuts, given the curve that owns each part."""
    mine = curve_of[rows.codes]
    order = np.argsort(mine, kind="stable")
    ends = np.cumsum(np.bincount(mine, minlength=owner.max() + 1))
    return tuple(
        Curve.of(
            rows.scores[some], rows.y[some], rows.weights[some], part_of[rows.codes[some]],
            np.flatnonzero(owner == number),
        )
        for number, some in enumerate(np.split(order, ends[:-1]))
    )  # fmt: skip
