"""The rows of one group and outcome, drawn again: what each candidate then selects of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.frontier.rows import SplitRows

_BLOCK = 1 << 21  # decisions turned into floats at a time: 8 MB
_FEWEST = 30  # rows of a stratum that are looked at, where there are as many


@dataclass(frozen=True, eq=False)
class Decisions:
    """Whom each candidate selects: ``passed`` (k, n) of more than the threshold's place."""

    passed: NDArray[np.uint8]
    threshold_index: int

    def chosen(self, weights: NDArray[np.float32], cell: NDArray[np.intp]) -> NDArray[np.float32]:
        """Sums of weights (r, m) over the rows of a cell that each candidate selects, (r, k)."""
        total = np.zeros((len(weights), len(self.passed)), np.float32)
        step = max(_BLOCK // len(self.passed), 1)
        for start in range(0, len(cell), step):
            block = slice(start, start + step)
            selected = np.take(self.passed, cell[block], axis=1) > self.threshold_index
            total += weights[:, block] @ selected.astype(np.float32).T
        return total


@dataclass(frozen=True, eq=False)
class Redraw:
    """Counts of the rows of one cell: one group, one outcome."""

    decisions: Decisions
    weights: NDArray[np.float32]
    drawn: NDArray[np.float32]
    strata: NDArray[np.intp] | None
    share: float

    def __call__(
        self, cell: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
        """Totals (b + 1,), what each candidate selects (b + 1, k), and squares (k, 2)."""
        weight = self.weights[cell]
        draws = np.concatenate([self.drawn[:, cell] * weight, weight[None]])
        totals = draws.sum(axis=1, dtype=np.float64)
        if self.strata is None:
            sums = self.decisions.chosen(np.concatenate([draws, weight[None] ** 2]), cell)
            chosen = sums[:-1]
        else:
            sums = self.decisions.chosen(np.stack([weight, weight**2]), cell)
            picked, moves = _sampled(draws, self.strata[cell], self.share)
            moved = sums[0] + self.decisions.chosen(moves, cell[picked])
            whole = totals.astype(np.float32)[:, None]
            chosen = np.clip(np.concatenate([moved, sums[:1]]), 0.0, whole)
        squares = np.stack([np.maximum((weight**2).sum() - sums[-1], 0.0), sums[-1]], axis=1)
        return totals, chosen, squares


def strata_of(rows: SplitRows) -> NDArray[np.intp]:
    """Which rows are alike in every partition, shape (n,)."""
    _, strata = np.unique(rows.groups.codes, axis=1, return_inverse=True)
    found: NDArray[np.intp] = strata.ravel()
    return found


def _sampled(
    draws: NDArray[np.float32], strata: NDArray[np.intp], share: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Rows of a cell to look at, and what each adds to every redraw's deviation, (b, m).

    In a stratum of n rows, m of which are looked at, a redraw moves the share selected by a mean
    of m terms. The factor sqrt(m / n) makes it vary as a mean of n; the size of the stratum moves
    as it does in the full redraw.
    """
    picked, moves = [], []
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        size = min(len(own), max(int(np.ceil(share * len(own))), _FEWEST))
        few = own[np.linspace(0, len(own) - 1, size).astype(np.intp)]
        whole, part = draws[:, own].sum(axis=1), draws[:, few]
        weight = part[-1] / part[-1].sum()
        shift = part[:-1] / part[:-1].sum(axis=1, keepdims=True) - weight
        scale = np.sqrt(len(few) / len(own))
        move = whole[:-1, None] * scale * shift + (whole[:-1, None] - whole[-1]) * weight
        picked.append(few)
        moves.append(move)
    if not picked:
        return np.empty(0, np.intp), np.empty((len(draws) - 1, 0), np.float32)
    return np.concatenate(picked), np.concatenate(moves, axis=1).astype(np.float32)
