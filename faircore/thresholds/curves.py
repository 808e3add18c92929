"""Every cut of a score and whom it selects: ROC curves and the corners of their hulls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Array = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Curve:
    """Cuts that some rows share, from nobody to everybody.

    Attributes
    ----------
    cuts : ndarray, shape (k,)
        Falling from ``inf`` to ``-inf``; half-way between neighbouring distinct scores.
    parts : ndarray of int, shape (q,)
        Numbers of the parts that the rows fall into, each counted by itself.
    fp, tp : ndarray, shape (q, k)
        Weight of each part's rows that a cut selects, with the bad and the good outcome.
    hull : ndarray of int, shape (h,)
        Positions of the corners of the convex hull of all rows' points.
    """

    cuts: Array
    parts: Ints
    fp: Array
    tp: Array
    hull: Ints

    @classmethod
    def of(
        cls, scores: Array, y: NDArray[np.int8], weights: Array, part_of: Ints, parts: Ints
    ) -> Curve:
        """Curve of some rows, of which each is in one of the parts.

        Parameters
        ----------
        scores, y, weights, part_of : ndarray, shape (n,)
            n of at least 1, weights above zero, ``part_of`` among ``parts``.
        parts : ndarray, shape (q,)
        """
        order = np.argsort(-scores, kind="stable")
        scores, good, weights = scores[order], y[order] == 1, weights[order]
        # Tied scores are selected together: a cut comes after the last of them.
        ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
        cuts = np.concatenate([[np.inf], _between(scores[ends[:-1] + 1], scores[ends[:-1]])])
        fp, tp = np.zeros((2, len(parts), len(ends) + 1))
        for i, part in enumerate(parts):
            own = weights if len(parts) == 1 else np.where(part_of[order] == part, weights, 0.0)
            fp[i, 1:] = np.cumsum(np.where(good, 0.0, own))[ends]
            tp[i, 1:] = np.cumsum(np.where(good, own, 0.0))[ends]
        return cls(np.append(cuts, -np.inf), parts, fp, tp, _corners(fp.sum(0), tp.sum(0)))

    @property
    def vertices(self) -> Ints:
        """Positions that mixtures of are enough, shape (v,): no other rule does any better.

        With one part, what a rule does is a point in the hull. With several parts the points have
        more than two dimensions, and every cut is kept.
        """
        return self.hull if len(self.parts) == 1 else np.arange(len(self.cuts))

    def selected(self) -> Array:
        """Weight that each cut selects, (k,)."""
        total: Array = self.fp.sum(axis=0) + self.tp.sum(axis=0)
        return total


@dataclass(frozen=True, eq=False)
class Mixture:
    """Cuts of one curve and how often each is drawn.

    Attributes
    ----------
    positions : ndarray of int, shape (m,)
        Which cuts, rising.
    shares : ndarray, shape (m,)
        Above zero, with sum 1.
    """

    positions: Ints
    shares: Array

    @classmethod
    def single(cls, position: int) -> Mixture:
        """One cut, no lot."""
        return cls(np.array([position], np.intp), np.ones(1))


def part_counts(
    curves: Sequence[Curve], mixtures: Sequence[Mixture], n_parts: int
) -> tuple[Array, Array]:
    """Expected false and true positives of each part, (parts,) each."""
    fp, tp = np.zeros((2, n_parts))
    for curve, mixture in zip(curves, mixtures, strict=True):
        fp[curve.parts] = curve.fp[:, mixture.positions] @ mixture.shares
        tp[curve.parts] = curve.tp[:, mixture.positions] @ mixture.shares
    return fp, tp


def lower_hull(x: Array, y: Array) -> Ints:
    """Positions of the corners of the lower convex hull, ends included.

    Parameters
    ----------
    x, y : ndarray, shape (k,)
        x strictly rising.

    Notes
    -----
    The slopes along the hull are the isotonic regression of the slopes between neighbours, and its
    blocks end at the corners (Fawcett and Niculescu-Mizil 2007 on the hull of an ROC curve).

    Examples
    --------
    >>> lower_hull(np.array([0.0, 1, 2, 3]), np.array([0.0, 2, 1, 3])).tolist()
    [0, 2, 3]
    """
    if len(x) < 3:
        return np.arange(len(x))
    steps = np.diff(x)
    blocks: Ints = isotonic_regression(np.diff(y) / steps, weights=steps).blocks.astype(np.intp)
    return blocks


def _corners(fp: Array, tp: Array) -> Ints:
    """Corners of the whole hull; the lower half matters where a score is worse than none."""
    # Selected weight rises, where false and true positives alone may stand still; it too stands
    # still where rounding swallows a tiny weight.
    selected = fp + tp
    kept = np.append(np.flatnonzero(np.diff(selected) > 0), len(selected) - 1)
    x, y = selected[kept], tp[kept]
    return kept[np.union1d(lower_hull(x, -y), lower_hull(x, y))]


def _between(low: Array, high: Array) -> Array:
    """Half-way; above ``low`` and at most ``high`` even where no number lies between."""
    middle = low / 2 + high / 2
    return np.where((middle > low) & (middle <= high), middle, high)
