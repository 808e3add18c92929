"""Sums over the rows of every cell of a lattice, from one table that is far smaller than the rows.

Rows that agree in every attribute and in the bin of their score are one *entry* of a pool. A cell
is a sum of entries, so a million rows are read once, whatever the number of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faircore.audit.lattice import Codes, Lattice
from faircore.metrics.intervals import Array

N_BINS = 64
"""Bins of the scores. Up to as many distinct scores have a bin each."""

Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pool:
    """Sums over rows that agree in all attributes and in the bin of their score.

    Attributes
    ----------
    codes : ndarray of int32, shape (k, m)
        Value of each attribute of the lattice, for every combination of all that occurs.
    corner : ndarray of int64, shape (e,)
        Combination of each entry.
    bins : ndarray of int64, shape (e,)
    n_bins : int
    people : ndarray of float64, shape (e,)
        Number of rows.
    weight, score, positive : ndarray, shape (e,)
        Sum of weight, of weight times score, and of weight where the outcome is good.
    squares, positive_squares, miss, residual, variance : ndarray, shape (e,)
        Sum over rows of w², w²y, w²(s-y), w²(s-y)² and w²s(1-s).
    """

    codes: Codes
    corner: Places
    bins: Places
    n_bins: int
    people: Array
    weight: Array
    score: Array
    positive: Array
    squares: Array
    positive_squares: Array
    miss: Array
    residual: Array
    variance: Array

    def key(self, subset: Sequence[int], shape: Sequence[int]) -> Places:
        """Number of each entry's cell among those that fix these attributes, shape (e,)."""
        key = np.zeros(self.codes.shape[1], np.int64)
        for a in subset:
            key *= shape[a]
            key += self.codes[a]
        return key[self.corner]

    def members(self, fixed: Codes) -> Places:
        """Entries of a cell; ``fixed`` (k,) is -1 where an attribute is free."""
        inside: NDArray[np.bool_] = np.ones(self.codes.shape[1], bool)
        for a in np.flatnonzero(fixed >= 0):
            inside &= self.codes[a] == fixed[a]
        return np.flatnonzero(inside[self.corner])


def pool_rows(scores: Array, y_true: NDArray[np.int8], codes: Codes, weights: Array | None) -> Pool:
    """Add up rows.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Probabilities.
    y_true : ndarray of 0 and 1, shape (n,)
    codes : ndarray, shape (k, n)
        From 0 for each attribute.
    weights : ndarray, shape (n,), optional
    """
    bins, n_bins = _score_bins(scores)
    corner, first = _corners(codes)
    pairs, entry = np.unique(corner * n_bins + bins, return_inverse=True)
    w = np.ones(len(scores)) if weights is None else weights
    off = scores - y_true
    squares = w * w

    def add(values: Array) -> Array:
        found: Array = np.bincount(entry, values, minlength=len(pairs)).astype(np.float64)
        return found

    return Pool(
        codes[:, first], pairs // n_bins, pairs % n_bins, n_bins,
        people=add(np.ones(len(scores))), weight=add(w), score=add(w * scores),
        positive=add(w * y_true), squares=add(squares), positive_squares=add(squares * y_true),
        miss=add(squares * off), residual=add(squares * off**2),
        variance=add(squares * scores * (1 - scores)),
    )  # fmt: skip


def _score_bins(scores: Array) -> tuple[Places, int]:
    """Bin of each score: one for each distinct score, or as many rows in each."""
    ordered = np.sort(scores)
    new = np.flatnonzero(np.diff(ordered)) + 1
    if len(new) < N_BINS:
        edges = ordered[new]
    else:
        edges = np.unique(ordered[np.arange(1, N_BINS) * len(ordered) // N_BINS])
    return np.searchsorted(edges, scores, side="right"), len(edges) + 1


def _corners(codes: Codes) -> tuple[Places, Places]:
    """Combination of values of each row (n,), and a row of each combination (m,)."""
    key, size = np.zeros(codes.shape[1], np.int64), 1
    for row in codes:
        n_values = int(row.max()) + 1
        if size * n_values >= 2**62:
            distinct, key = np.unique(key, return_inverse=True)
            size = len(distinct)
        key, size = key * n_values + row, size * n_values
    _, first, corner = np.unique(key, return_index=True, return_inverse=True)
    return corner, first


class Block(NamedTuple):
    """Cells that fix the same attributes: which, and where they are among all cells.

    Attributes
    ----------
    subset : tuple of int
    keys : ndarray of int64
        Numbers among the cells of this set, ascending.
    start : int
    """

    subset: tuple[int, ...]
    keys: Places
    start: int


@dataclass(frozen=True, eq=False)
class Cells:
    """Sums over the rows of cells.

    Attributes
    ----------
    fixed : ndarray of int32, shape (c, k)
        Value of each attribute, -1 where it is free.
    weight, score, positive, squares : ndarray, shape (c, bins)
        As in :class:`Pool`. Without weights, ``squares`` is ``weight``.
    people, positive_squares, miss, residual, variance : ndarray, shape (c,)
        Over all bins.
    n_too_small : int
        Cells looked at that have fewer people than asked for.
    """

    fixed: Codes
    weight: Array
    score: Array
    positive: Array
    squares: Array
    people: Array
    positive_squares: Array
    miss: Array
    residual: Array
    variance: Array
    n_too_small: int

    @property
    def order(self) -> Places:
        """How many attributes each cell fixes, shape (c,)."""
        found: Places = (self.fixed >= 0).sum(-1)
        return found


def sum_cells(pool: Pool, lattice: Lattice, *, min_people: int) -> Cells:
    """Sums of every cell of the lattice with at least ``min_people`` rows."""
    shape = lattice.shape
    blocks, n_cells, n_looked_at = [], 0, 0
    for subset in lattice.subsets:
        people = np.bincount(pool.key(subset, shape), pool.people)
        keys = np.flatnonzero(people >= min_people - 0.5)
        blocks.append(Block(subset, keys, n_cells))
        n_cells += len(keys)
        n_looked_at += int(np.prod([shape[a] for a in subset], dtype=np.int64))
    fixed = np.full((n_cells, len(shape)), -1, np.int32)
    for block in blocks:
        at = slice(block.start, block.start + len(block.keys))
        sizes = [shape[a] for a in block.subset]
        if sizes:
            fixed[at, block.subset] = np.stack(np.unravel_index(block.keys, sizes), axis=1)
    weighted = not np.array_equal(pool.squares, pool.weight)
    names = ("weight", "score", "positive", *(("squares",) if weighted else ()))
    totals = ("people", "positive_squares", "miss", "residual", "variance")
    sums, added = _add(
        pool, blocks, shape, [getattr(pool, name) for name in names], n_cells,
        [getattr(pool, name) for name in totals],
    )  # fmt: skip
    binned = dict(zip(names, sums, strict=True))
    binned.setdefault("squares", binned["weight"])
    return Cells(
        fixed, **binned, **dict(zip(totals, added, strict=True)), n_too_small=n_looked_at - n_cells
    )


def blocks_of(fixed: Codes, shape: Sequence[int]) -> tuple[list[Block], Places]:
    """Gather chosen cells (c, k) by the attributes that they fix.

    Returns
    -------
    blocks : list of Block
    order : ndarray of int64, shape (c,)
        Which cell each place over the blocks holds.
    """
    sets = fixed >= 0
    keys = np.zeros(len(fixed), np.int64)
    for a, size in enumerate(shape):
        keys = np.where(sets[:, a], keys * size + fixed[:, a], keys)
    _, number = np.unique(sets, axis=0, return_inverse=True)
    number = number.ravel()
    order = np.lexsort((keys, number))
    cuts = np.flatnonzero(np.diff(number[order])) + 1
    parts = np.split(order, cuts) if len(order) else []
    starts = np.concatenate([[0], cuts])
    return [
        Block(tuple(np.flatnonzero(sets[part[0]]).tolist()), keys[part], int(start))
        for part, start in zip(parts, starts, strict=False)
    ], order


def add_values(
    pool: Pool, blocks: Sequence[Block], shape: Sequence[int], values: Array, totals: Array
) -> tuple[Array, Array]:
    """Add values of the entries over the cells of the blocks, in their order.

    Returns
    -------
    binned : ndarray, shape (c, bins)
        Sums of ``values`` (e,).
    total : ndarray, shape (c,)
        Sums of ``totals`` (e,).
    """
    n_cells = sum(len(block.keys) for block in blocks)
    binned, total = _add(pool, blocks, shape, [values], n_cells, [totals])
    return binned[0], total[0]


def _places(pool: Pool, block: Block, shape: Sequence[int]) -> tuple[Places | slice, Places]:
    """The entries in some cell of the block, and which of its cells that is."""
    size = int(np.prod([shape[a] for a in block.subset], dtype=np.int64))
    key = pool.key(block.subset, shape)
    if len(block.keys) == size:
        return slice(None), key
    position = np.full(size, -1, np.int64)
    position[block.keys] = np.arange(len(block.keys))
    place = position[key]
    inside = np.flatnonzero(place >= 0)
    return inside, place[inside]


def _add(
    pool: Pool,
    blocks: Sequence[Block],
    shape: Sequence[int],
    values: list[Array],
    n_cells: int,
    totals: Sequence[Array] = (),
) -> tuple[list[Array], list[Array]]:
    """Sums of ``values`` by cell and bin, and of ``totals`` by cell."""
    binned = [np.empty((n_cells, pool.n_bins)) for _ in values]
    total = [np.empty(n_cells) for _ in totals]
    for block in blocks:
        inside, place = _places(pool, block, shape)
        n = len(block.keys)
        at, flat = slice(block.start, block.start + n), place * pool.n_bins + pool.bins[inside]
        for into, value in zip(binned, values, strict=True):
            sums = np.bincount(flat, value[inside], minlength=n * pool.n_bins)
            into[at] = sums.reshape(n, pool.n_bins)
        for row, value in zip(total, totals, strict=True):
            row[at] = np.bincount(place, value[inside], minlength=n)
    return binned, total
