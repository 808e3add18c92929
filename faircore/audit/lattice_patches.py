"""Scores with the error of some cells taken out: what remains elsewhere is news of its own.

A cell is recalibrated by shifts of its scores on the logit scale: one shift where that leaves
nothing to see in it, else one for each eighth of its people in the order of the scores, else one
for each bin. Shifts of overlapping cells are fitted together, one cell after the other until they
settle, as the offsets of a logistic regression are; an entry of the pool counts as people who all
have its mean score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from faircore.audit.lattice import Codes
from faircore.audit.lattice_sums import Places, Pool
from faircore.audit.lattice_tails import LEAST, wander
from faircore.metrics.intervals import Array

PIECES = (1, 8)
SETTLED = 0.05
"""A recalibration is enough where the cell's own p-value is above this."""

_SWEEPS, _NEWTON, _LARGEST = 4, 40, 30.0


@dataclass(eq=False)
class Patch:
    """Shifts of the scores of one cell.

    Attributes
    ----------
    members : ndarray of int64, shape (m,)
        Entries of the cell.
    piece : ndarray of int64, shape (m,)
        Which shift each has.
    shift : ndarray, shape (pieces,)
        On the logit scale.
    """

    members: Places
    piece: Places
    shift: Array


class PatchedScores:
    """The scores of a pool, with the error of some cells taken out.

    Attributes
    ----------
    offset : ndarray, shape (e,)
        What is added to the logit of each entry's score.
    patches : dict of int to Patch
        By the number that the caller gives a cell.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._logit = logit(np.clip(pool.score / pool.weight, LEAST, 1 - LEAST))
        self.offset: Array = np.zeros(len(pool.weight))
        self.patches: dict[int, Patch] = {}

    def score(self, members: Places | slice) -> Array:
        """Sum of weight times score of some entries; exactly the pool's where none is patched."""
        pool, moved = self._pool, self.offset[members]
        patched = pool.weight[members] * expit(self._logit[members] + moved)
        return np.where(moved == 0.0, pool.score[members], patched)

    def variance(self, members: Places | slice) -> Array:
        """Sum of w²s(1-s) of some entries."""
        pool, moved = self._pool, self.offset[members]
        mean = expit(self._logit[members] + moved)
        return np.where(
            moved == 0.0, pool.variance[members], pool.squares[members] * mean * (1 - mean)
        )

    def members(self, fixed: Codes) -> Places:
        """Entries of a cell."""
        return self._pool.members(fixed)

    def log_p(self, members: Places) -> float:
        """Logarithm of the p-value of the ECCE of some entries, as patched."""
        pool, bins = self._pool, self._pool.bins[members]

        def binned(values: Array) -> Array:
            sums: Array = np.bincount(bins, values, minlength=pool.n_bins).astype(np.float64)
            return sums[None, :]

        found = wander(
            binned(pool.weight[members]),
            binned(self.score(members)),
            binned(pool.positive[members]),
            binned(pool.squares[members]),
            np.array([self.variance(members).sum()]),
        )
        return float(found.log_p[0])

    def add(self, cell: int, fixed: Codes) -> None:
        """Recalibrate one cell more, with as few shifts as do, and fit all of them together."""
        members = self.members(fixed)
        bins = self._pool.bins[members]
        for pieces in (*PIECES, self._pool.n_bins):
            piece = self._piece(members, pieces)
            self.patches[cell] = Patch(members, piece, np.zeros(int(piece.max()) + 1))
            self._fit(self.patches[cell])
            if pieces >= len(np.unique(bins)) or self.log_p(members) > math.log(SETTLED):
                break
            self._take_off(self.patches[cell])
        self.settle()

    def remove(self, cell: int) -> Patch:
        """Take one recalibration back; the others are fitted without it."""
        patch = self.patches.pop(cell)
        self._take_off(patch)
        self.settle()
        return patch

    def restore(self, cell: int, patch: Patch) -> None:
        """Recalibrate a cell again after :meth:`remove`."""
        patch.shift = np.zeros(len(patch.shift))
        self.patches[cell] = patch
        self._fit(patch)
        self.settle()

    def settle(self) -> None:
        """Fit all shifts together."""
        if len(self.patches) < 2:
            return
        for _ in range(_SWEEPS):
            largest = 0.0
            for patch in self.patches.values():
                before = patch.shift
                self._take_off(patch)
                self._fit(patch, start=before)
                largest = max(largest, float(np.abs(patch.shift - before).max()))
            if largest < 1e-4:
                break

    def _piece(self, members: Places, pieces: int) -> Places:
        """Number of the shift of each member: as many people to each, in order of the scores."""
        pool = self._pool
        bins = pool.bins[members]
        people = np.bincount(bins, pool.weight[members], minlength=pool.n_bins)
        place = (np.cumsum(people) - people / 2) / people.sum()
        chosen = np.arange(pool.n_bins) if pieces >= pool.n_bins else np.floor(place * pieces)
        return np.unique(chosen[bins], return_inverse=True)[1]

    def _take_off(self, patch: Patch) -> None:
        self.offset[patch.members] -= patch.shift[patch.piece]
        # What rounding leaves would make an untouched entry look patched.
        small = np.abs(self.offset[patch.members]) < 1e-12
        self.offset[patch.members[small]] = 0.0
        patch.shift = np.zeros(len(patch.shift))

    def _fit(self, patch: Patch, start: Array | None = None) -> None:
        """Shifts after which each piece expects what was seen, beside the other patches."""
        pool, members, piece = self._pool, patch.members, patch.piece
        n = len(patch.shift)
        weight = pool.weight[members]
        total = np.bincount(piece, weight, minlength=n)
        one = np.bincount(piece, pool.squares[members], minlength=n) / total
        # Half a person of either outcome is always left, so that no shift is infinite.
        half = np.minimum(one, total) / 2
        wanted = np.clip(
            np.bincount(piece, pool.positive[members], minlength=n), half, total - half
        )
        base = self._logit[members] + self.offset[members]
        shift = np.zeros(n) if start is None else start.copy()
        for _ in range(_NEWTON):
            mean = expit(base + shift[piece])
            off = wanted - np.bincount(piece, weight * mean, minlength=n)
            slope = np.bincount(piece, weight * mean * (1 - mean), minlength=n)
            moved = np.clip(off / np.maximum(slope, 1e-12), -1.5, 1.5)
            shift = np.clip(shift + moved, -_LARGEST, _LARGEST)
            if np.abs(moved).max() < 1e-6:
                break
        patch.shift = shift
        self.offset[members] += shift[piece]
