"""How many decisions change in each group, which way, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from faircore.frontier import SplitRows
from faircore.groups import Partition
from faircore.metrics.costs import Costs
from faircore.metrics.intervals import wilson, z_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Changes:
    """People by decision before, decision after and outcome, group by group.

    Attributes
    ----------
    rows, weight, squares : ndarray, shape (g, 2, 2, 2)
        Rows, their weight and their squared weight, by (before, after, outcome).
    """

    rows: Floats
    weight: Floats
    squares: Floats

    @classmethod
    def of(cls, before: NDArray[np.int8], after: NDArray[np.int8], rows: SplitRows) -> Changes:
        """Count decisions on some rows, over every partition."""
        cell = before.astype(np.int64) * 4 + after * 2 + rows.y_true
        index = rows.groups.codes.astype(np.int64) * 8 + cell
        size, repeat = rows.groups.n_groups * 8, len(rows.groups.codes)

        def add(values: Floats | None) -> Floats:
            tiled = None if values is None else np.tile(values, repeat)
            return np.bincount(index.ravel(), tiled, size).astype(np.float64)

        counted = add(None)
        weight = counted if rows.weights is None else add(rows.weights)
        squares = counted if rows.weights is None else add(rows.weights**2)
        shape = (-1, 2, 2, 2)
        return cls(counted.reshape(shape), weight.reshape(shape), squares.reshape(shape))

    def everybody(self, partition: Partition) -> Changes:
        """All rows as one group: the sum over any partition's groups."""
        own = partition.groups
        return Changes(
            self.rows[own].sum(0, keepdims=True), self.weight[own].sum(0, keepdims=True),
            self.squares[own].sum(0, keepdims=True),
        )  # fmt: skip

    @property
    def total(self) -> Floats:
        """Weight of each group, (g,)."""
        found: Floats = self.weight.sum((1, 2, 3))
        return found

    @property
    def n_effective(self) -> Floats:
        """Unweighted people that say as much, (Σw)²/Σw²; 0 in an empty group."""
        squares = self.squares.sum((1, 2, 3))
        return np.asarray(self.total**2 / np.where(squares > 0, squares, 1.0))

    def n_for(self, score: Floats) -> tuple[Floats, Floats, Floats]:
        """Mean of a score per person, its spread, and the unweighted people who say as much.

        The variance of the mean is Σw²(score - mean)² / (Σw)². Kish's number would do only where
        weights have nothing to do with who changes.

        Parameters
        ----------
        score : ndarray, shape (2, 2, 2)
            By (before, after, outcome).

        Returns
        -------
        mean, spread, n : ndarray, shape (g,)
            NaN, NaN and 0 in a group without weight.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self.weight / self.total[:, None, None, None]
            mean = (share * score).sum((1, 2, 3))
            away = (score - mean[:, None, None, None]) ** 2
            spread = (share * away).sum((1, 2, 3))
            variance = (self.squares * away).sum((1, 2, 3)) / self.total**2
            n = np.where(variance > 0, spread / variance, self.n_effective)
        return mean, spread, n

    def share(self, before: int, after: int) -> Floats:
        """Share of a group with these two decisions, (g,); NaN in an empty group."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.weight[:, before, after].sum(-1) / self.total)

    def people(self, before: int, after: int) -> Floats:
        """Rows of a group with these two decisions, (g,)."""
        found: Floats = self.rows[:, before, after].sum(-1)
        return found

    def good(self, before: int, after: int) -> Floats:
        """Share with the good outcome among them, (g,); NaN where there is nobody."""
        own = self.weight[:, before, after]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(own[:, 1] / own.sum(-1))

    def share_limits(self, before: int, after: int, confidence: float) -> tuple[Floats, Floats]:
        """Wilson's limits of :meth:`share`."""
        who = np.zeros((2, 2, 2))
        who[before, after] = 1.0
        share, _, n = self.n_for(who)
        return wilson(share * n, n, z=z_of(confidence))

    def net_limits(self, confidence: float) -> tuple[Floats, Floats]:
        """Limits of those who gain less those who lose, as shares (Bonett & Price 2012)."""
        way_of = np.zeros((2, 2, 2))
        way_of[0, 1], way_of[1, 0] = 1.0, -1.0
        n = self.n_for(way_of)[2]
        gained, lost = ((self.share(*way) * n + 1) / (n + 2) for way in ((0, 1), (1, 0)))
        half = z_of(confidence) * np.sqrt((gained + lost - (gained - lost) ** 2) / (n + 2))
        middle = gained - lost
        return np.maximum(middle - half, -1.0), np.minimum(middle + half, 1.0)

    def worth(self, costs: Costs, confidence: float) -> tuple[Floats, Floats, Floats]:
        """Change of worth per person, and its limits, each (g,)."""
        change = np.zeros((2, 2, 2))
        for y in (0, 1):
            step = costs.matrix[y, 1] - costs.matrix[y, 0]
            change[0, 1, y], change[1, 0, y] = step, -step
        mean, spread, n = self.n_for(change)
        half = z_of(confidence) * np.sqrt(spread / np.where(n > 0, n, np.nan))
        return mean, mean - half, mean + half

    def p_value(self) -> Floats:
        """Mid-p of McNemar's test: as many gain as lose; 1 where nobody does, (g,).

        Only those who change count. Weighted, they enter as unweighted people who say as much of
        whether half of them gain. NaN in a group without weight.
        """
        gained, lost = (self.weight[:, b, a].sum(-1) for b, a in ((0, 1), (1, 0)))
        squares = self.squares[:, 0, 1].sum(-1) + self.squares[:, 1, 0].sum(-1)
        n = (gained + lost) ** 2 / np.where(squares > 0, squares, 1.0)
        with np.errstate(invalid="ignore"):
            fewer = np.rint(n * np.minimum(gained, lost) / np.where(n > 0, gained + lost, 1.0))
        changed = np.maximum(np.rint(n), fewer)
        mid = 2 * binom.cdf(fewer, changed, 0.5) - binom.pmf(fewer, changed, 0.5)
        found = np.where(changed > 0, np.minimum(mid, 1.0), 1.0)
        return np.where(self.total > 0, found, np.nan)
