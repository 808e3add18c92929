"""Columns whose distribution is made alike in every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.predictors import Predictor
from faircore.predictors.group_key import Unseen
from faircore.predictors.repaired import Repaired, quantile_repair
from faircore.repair.cells import Codes, Floats
from faircore.repair.moving import ColumnRepair, read_columns

_KNOTS = 101
_TOGETHER = 5  # rows a knot is the mean of, at least
_SMALLEST = 10  # rows of a group that is described by itself
_RANKS = np.linspace(0.0, 1.0, _KNOTS)


class DisparateImpactRepairer(ColumnRepair):
    """Move columns so that nobody can tell groups by them (Feldman et al. 2015).

    Each value goes to the median, over groups, of the groups' values at its rank within its own
    group; ranks within a group are kept.

    Parameters
    ----------
    amount : float
        Share of the way that is gone, 0 to 1 (geometric repair).
    columns : sequence of str or int, optional
        Columns to repair, by name or position; by default those with more than two values, so
        that indicators are left alone.
    unseen : {"refuse", "pooled"}
        What becomes of a row of a group that was not there in ``fit``: it is refused, or moved by
        its rank among everybody.

    Attributes
    ----------
    key_ : GroupKey
    knots_ : ndarray, shape (g + 1, d, 101)
        Quantile function of each group at 101 ranks evenly from 0 to 1; last, that of everybody.
    target_ : ndarray, shape (d, 101)
        Median over groups; NaN for a column that is left alone.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (d,)
        Only for a table whose columns are named.

    Notes
    -----
    No value of one person is kept, extremes included. A group's sorted values are cut into at most
    101 runs of at least 5 rows, and its quantile function goes straight through the runs' means
    (not weighted, so that no heavy row stands alone), flat before the first and after the last.
    Groups of under 10 rows that have the column take everybody's and have no say in the median; a
    column that fewer than 10 rows have is left alone. A value can only be told where all rows of
    a run share it.

    Missing values (NaN) stay missing. With ties a whole tie goes to one value, the one at its
    middle rank, so distributions are alike up to the widest tie. With ``sample_weight`` ranks are
    shares of weight.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 1000)
    >>> X = rng.normal(size=(1000, 1)) + 2 * group[:, None]
    >>> moved = DisparateImpactRepairer().fit_transform(X, sensitive_features=group)
    >>> means = [moved[group == g].mean() for g in (0, 1)]
    >>> bool(abs(means[0] - means[1]) < 0.05)
    True
    """

    def __init__(
        self,
        amount: float = 1.0,
        columns: Sequence[str | int] | None = None,
        unseen: Unseen = "refuse",
    ) -> None:
        self.amount = amount
        self.columns = columns
        self.unseen = unseen

    def to_predictor(self, base: Predictor) -> Repaired:
        """Put the repair before a model that learned from repaired rows."""
        return Repaired(base, self.key_, self.knots_, self.target_, float(self.amount))

    def _learn(self, X: Floats, codes: Codes, weights: Floats) -> None:
        used, n_groups = weights > 0, self.key_.n_groups
        X, codes, weights = X[used], codes[used], weights[used]
        d = X.shape[1]
        if self.columns is None:
            chosen = np.flatnonzero([len(_values(X[:, j])) > 2 for j in range(d)])
        else:
            chosen = read_columns(self.columns, getattr(self, "feature_names_in_", None), d)
        self.knots_ = np.full((n_groups + 1, d, _KNOTS), np.nan)
        self.target_ = np.full((d, _KNOTS), np.nan)
        for j in chosen:
            there = np.isfinite(X[:, j])
            if there.sum() < _SMALLEST:
                continue
            x, group, w = X[there, j], codes[there], weights[there]
            everybody = _quantiles(x, w)
            own = np.flatnonzero(np.bincount(group, minlength=n_groups) >= _SMALLEST)
            self.knots_[:, j] = everybody
            for g in own:
                self.knots_[g, j] = _quantiles(x[group == g], w[group == g])
            self.target_[j] = np.median(self.knots_[own, j], axis=0) if len(own) else everybody

    def _move(self, X: Floats, codes: Codes, amount: float) -> Floats:
        return quantile_repair(X, codes, self.knots_, self.target_, amount)


def _values(x: Floats) -> NDArray[Any]:
    return np.unique(x[np.isfinite(x)])


def _quantiles(x: Floats, weights: Floats) -> Floats:
    """Quantile function at the knots' ranks, (101,), from means of runs of sorted values."""
    order = np.argsort(x, kind="stable")
    x, weights = x[order], weights[order]
    runs = min(_KNOTS, len(x) // _TOGETHER)
    edges = np.arange(runs + 1) * len(x) // runs
    sizes = np.diff(edges)
    # From the run's first value, so that equal values have exactly that mean.
    first = x[edges[:-1]]
    means = first + np.add.reduceat(x - np.repeat(first, sizes), edges[:-1]) / sizes
    mass = np.add.reduceat(weights, edges[:-1])
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    quantiles: Floats = np.interp(_RANKS, middle, np.maximum.accumulate(means))
    return quantiles
