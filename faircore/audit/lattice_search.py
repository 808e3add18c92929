"""Which of the wrong cells are news, and which only show what another cell says already.

The rule. All cells are tested against calibration. Of those that fail, the surest is listed first.
A shift of all people of one cell is surest seen in that cell itself: of a cell with a share of
them the evidence falls with the root of the overlap of both, so that parents, in which it is
diluted, and children, which hold fewer people, come behind. Then the scores are recalibrated in
the cells listed so far, and the other cells are tested again; a cell that no longer fails is
explained by the one listed last. The search ends when no cell fails. Two corrections remain:

- Up: where the surest cell does not differ from the rest of a cell that contains it (p above
  :data:`ALIKE`), the containing one is listed, that of the lowest order.
- Back: at the end a cell is struck that no longer fails once all *other* listed cells are
  recalibrated, such as a parent that was listed before all of its wrong children.

Every round asks whether, after what is listed, anything fails among *all* cells tested. So while
something is left to find the surest is taken, and when nothing is left another is listed with a
chance of at most alpha, as Benjamini and Hochberg's procedure has where every hypothesis is true.
One list-wide adjustment would not do: a single wrong cell makes hundreds of others fail, rightly,
and one in twenty of *these* may be false; the list names one of the hundreds, and might name all
of the false ones. The shifts are fitted to the rows that are tested, which makes later tests more
careful, never less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from faircore.audit.lattice_patches import PatchedScores
from faircore.audit.lattice_sums import Cells, Places, Pool, add_values, blocks_of
from faircore.audit.lattice_tails import wander
from faircore.metrics.intervals import Array
from faircore.metrics.multiple import benjamini_hochberg

ALIKE = 0.01
"""A cell is told apart from the rest of a containing one below this p-value."""

_SMALL = 2.0  # cells that wander less need no exact p-value in later rounds


@dataclass(frozen=True, eq=False)
class Listed:
    """Cells that are news.

    Attributes
    ----------
    cells : list of int
        The surest first, by what is left in each when all the others are recalibrated.
    own_log_p : list of float
        Logarithm of the p-value of just that.
    q_value : ndarray, shape (c,)
        Every cell's test against calibration, adjusted (Benjamini and Hochberg).
    explained_by : ndarray of int64, shape (c,)
        Listed cell that explains another; -1 where there is none.
    n_open : int
        Cells that still fail, where the list had to end at its longest.
    """

    cells: list[int]
    own_log_p: list[float]
    q_value: Array
    explained_by: Places
    n_open: int


def list_cells(
    pool: Pool,
    cells: Cells,
    log_p: Array,
    *,
    shape: tuple[int, ...],
    alpha: float,
    max_findings: int,
) -> Listed:
    """Find the cells that are news.

    Parameters
    ----------
    pool : Pool
    cells : Cells
        All that are tested.
    log_p : ndarray, shape (c,)
        Of their tests against calibration.
    shape : tuple of int
        Values of each attribute.
    alpha : float
    max_findings : int
        Length at which the list ends.
    """
    q_value = benjamini_hochberg(np.exp(log_p))
    failed = np.flatnonzero(q_value <= alpha)
    search = _Search(pool, cells, failed, shape, alpha)
    while search.failing.any() and len(search.listed) < max_findings:
        search.take_next()
    n_open = int(search.failing.sum())
    own = search.strike()
    explained_by = np.full(len(log_p), -1, np.int64)
    explained_by[failed] = search.explained_by
    ranked = sorted(own, key=lambda cell: (own[cell], cell))
    return Listed(ranked, [own[c] for c in ranked], q_value, explained_by, n_open)


class _Search:
    """State of the search; cells are numbered among those that failed."""

    def __init__(
        self, pool: Pool, cells: Cells, failed: Places, shape: tuple[int, ...], alpha: float
    ) -> None:
        self._pool, self._shape, self._alpha = pool, shape, alpha
        self._n_tested = len(cells.people)
        self._failed = failed
        self._fixed = cells.fixed[failed]
        self._order = cells.order[failed]
        self._sums = tuple(
            getattr(cells, name)[failed] for name in ("weight", "positive", "squares")
        )
        self._blocks, self._place = blocks_of(self._fixed, shape)
        self._scores = PatchedScores(pool)
        self.listed: list[int] = []
        self.explained_by = np.full(len(failed), -1, np.int64)
        self._off = self._variance = self._log_p = np.zeros(0)
        self.failing: NDArray[np.bool_] = np.zeros(len(failed), bool)
        self._test()

    def _test(self) -> None:
        """Test what remains; the cells that did not fail at first take part with a p-value of 1."""
        n = len(self._failed)
        if not n:
            return
        score, variance = np.empty((n, self._pool.n_bins)), np.empty(n)
        everything = slice(None)
        score[self._place], variance[self._place] = add_values(
            self._pool,
            self._blocks,
            self._shape,
            self._scores.score(everything),
            self._scores.variance(everything),
        )
        weight, positive, squares = self._sums
        found = wander(weight, score, positive, squares, variance, at_least=_SMALL)
        self._off, self._variance = (positive - score).sum(-1), variance
        self._log_p = found.log_p
        padded = np.ones(self._n_tested)
        padded[:n] = np.exp(found.log_p)
        self.failing = benjamini_hochberg(padded)[:n] <= self._alpha
        self.failing[self.listed] = False

    def take_next(self) -> None:
        """List one cell more."""
        candidates = np.flatnonzero(self.failing)
        least = self._log_p[candidates].min()
        # The first of equal ones, whatever the order of the rows makes of the last digit.
        surest = int(candidates[self._log_p[candidates] <= least + 1e-9 * abs(least)][0])
        cell = self._contained_in(surest)
        before = self.failing.copy()
        self._scores.add(cell, self._fixed[cell])
        self.listed.append(cell)
        self._test()
        gone = before & ~self.failing
        gone[self.listed] = False
        self.explained_by[gone] = self._failed[cell]
        self.explained_by[self.failing] = -1

    def _contained_in(self, cell: int) -> int:
        """The failing cell of lowest order that contains this one and does not differ from it."""
        own, off = self._fixed[cell], self._off
        spread = np.maximum(self._variance, 1e-12)  # certain scores have none
        inside = ((self._fixed == -1) | (self._fixed == own)).all(-1) & self.failing
        inside &= self._order < self._order[cell]
        at = np.flatnonzero(inside)
        left = spread[cell] * (1 - np.minimum(spread[cell] / spread[at], 1 - 1e-12))
        z = (off[cell] - off[at] * spread[cell] / spread[at]) / np.sqrt(left)
        limit = -float(ndtri(ALIKE / 2))
        near = at[np.abs(z) <= limit]
        members = self._scores.members(own)
        for outer in near[np.lexsort((self._log_p[near], self._order[near]))]:
            # A curve may differ where a shift does not.
            self._scores.add(int(outer), self._fixed[outer])
            alike = self._scores.log_p(members) > math.log(ALIKE)
            self._scores.remove(int(outer))
            if alike:
                return int(outer)
        return cell

    def strike(self) -> dict[int, float]:
        """Take cells back that the others explain; the own p-value of those that stay."""
        while True:
            own = {cell: self._own_log_p(cell) for cell in list(self.listed)}
            struck = [cell for cell, (_, fails) in own.items() if not fails]
            if not struck:
                return {int(self._failed[c]): log_p for c, (log_p, _) in own.items()}
            # The weakest first: without it another may be needed again.
            worst = max(struck, key=lambda c: (own[c][0], -self._order[c]))
            self._drop(worst, {c: log_p for c, (log_p, _) in own.items()})

    def _own_log_p(self, cell: int) -> tuple[float, bool]:
        """What remains in a listed cell when the others are recalibrated, and whether it fails."""
        patch = self._scores.remove(cell)
        log_p = self._scores.log_p(patch.members)
        fails = log_p <= math.log(self._alpha / self._n_tested)
        if not fails:  # it may still be one of many that fail together
            self.listed.remove(cell)
            self._test()
            fails = bool(self.failing[cell])
            self.listed.append(cell)
        self._scores.restore(cell, patch)
        return log_p, fails

    def _drop(self, worst: int, own: dict[int, float]) -> None:
        self._scores.remove(worst)
        self.listed.remove(worst)
        others = [c for c in self.listed if self._overlap(c, worst)] or self.listed
        gone = self.explained_by == self._failed[worst]
        gone[worst] = True
        if others:
            heir = min(others, key=lambda c: own[c])
            self.explained_by[gone] = self._failed[heir]

    def _overlap(self, first: int, second: int) -> bool:
        a, b = self._fixed[first], self._fixed[second]
        return bool(((a == b) | (a == -1) | (b == -1)).all())
