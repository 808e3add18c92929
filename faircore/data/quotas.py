"""Whole numbers that keep to shares in every stratum and overall."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, identity, kron, vstack

_Counts = NDArray[np.int64]


def round_quotas(sizes: _Counts, shares: tuple[float, ...], *, rng: np.random.Generator) -> _Counts:
    """Round ``sizes × shares`` so that rows, columns and cells are all within one.

    Parameters
    ----------
    sizes : ndarray of int, shape (strata,)
    shares : tuple of float, length p
        Positive, with sum 1.
    rng : numpy.random.Generator
        Decides between roundings that are equally good.

    Returns
    -------
    ndarray of int64, shape (strata, p)
        Each cell is its quota rounded down or up, each row sums to its size, and each column is
        its total rounded down or up (controlled rounding of a two-way table, Cox 1987).

    Examples
    --------
    >>> counts = round_quotas(np.array([3, 3, 4]), (0.5, 0.5), rng=np.random.default_rng(0))
    >>> counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist()
    ([3, 3, 4], [5, 5])
    """
    # Strata of equal size have equal fractions, so one small programme serves any number of them.
    distinct, of_stratum, repeats = np.unique(sizes, return_inverse=True, return_counts=True)
    quotas = np.round(distinct[:, None] * np.asarray(shares), 9)  # (sizes, p)
    base = np.floor(quotas).astype(np.int64)
    fractions = quotas - base
    extra = distinct - base.sum(axis=1)
    ups = _round_up_counts(fractions, extra, repeats, rng)
    counts: _Counts = base[of_stratum]
    for k, n_strata in enumerate(repeats):
        members = rng.permutation(np.flatnonzero(of_stratum == k))
        # Dealt in turn, column after column: no stratum gets a column twice, since a column has
        # at most one extra per stratum, and every stratum gets as many as it lacks.
        columns = np.repeat(np.arange(len(shares)), ups[k])
        counts[members[np.arange(len(columns)) % n_strata], columns] += 1
    return counts


def _round_up_counts(
    fractions: NDArray[np.float64], extra: _Counts, repeats: _Counts, rng: np.random.Generator
) -> _Counts:
    """How many strata of each size round each part up (sizes, p).

    A transportation problem: its constraints are totally unimodular, so a vertex of the linear
    programme is whole, and the fractions themselves show that it is feasible.
    """
    n_sizes, p = fractions.shape
    wanted = np.round(fractions * repeats[:, None], 6)  # (sizes, p)
    totals = np.round(wanted.sum(axis=0), 6)
    of_part: Any = kron(csr_matrix(np.ones((1, n_sizes))), identity(p))
    of_size: Any = kron(identity(n_sizes), csr_matrix(np.ones((1, p))))
    bounds: Any = np.column_stack([np.floor(wanted).ravel(), np.ceil(wanted).ravel()])
    found: Any = linprog(
        rng.random(n_sizes * p),
        A_eq=of_size,
        b_eq=extra * repeats,
        A_ub=vstack([of_part, -of_part]),
        b_ub=np.concatenate([np.ceil(totals), -np.floor(totals)]),
        bounds=bounds,
        method="highs-ds",
    )
    if found.x is None:
        raise RuntimeError(f"Controlled rounding is always feasible, and failed: {found.message}")
    ups: _Counts = np.round(found.x).astype(np.int64).reshape(n_sizes, p)
    return ups
