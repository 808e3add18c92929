"""Rows drawn so that group and outcome are independent, for models that take no weights."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_random_state

from faircore.errors import InputError
from faircore.repair.cells import Cells, read_numbers, read_outcome
from faircore.repair.ranking import rank_scores

How = Literal["uniform", "preferential"]


def resampling(
    y: Any,
    groups: Any,
    weights: Any = None,
    amount: float = 1.0,
    seed: Any = 0,
    *,
    scores: Any = None,
) -> NDArray[np.intp]:
    """Row numbers of a sample in which group and outcome are independent.

    Each group and outcome gets as many rows as its weight under :func:`faircore.repair.reweighing`
    asks for, rounded so that groups keep their sizes. A cell that grows keeps all its rows and
    draws more of them with replacement; one that shrinks is drawn from without.

    Parameters
    ----------
    y, groups, weights, amount
        As in :func:`faircore.repair.reweighing`. Rows keep their weights: learn with
        ``weights[rows]``.
    seed : int, RandomState or None
        Draws the rows; means nothing with ``scores``.
    scores : array, shape (n,), optional
        Probability of the good outcome. With it nothing is drawn: rows nearest the border, that is
        positives of low and negatives of high score, are repeated or left out first (preferential
        sampling). Ties are taken in the order of the rows.

    Returns
    -------
    ndarray of int, shape (m,)
        In ascending order, repeated rows beside each other. With an amount of 0 every row once.

    Raises
    ------
    InputError

    Notes
    -----
    Kamiran and Calders 2012. A group of one outcome shrinks; no row of another can be drawn.

    Examples
    --------
    >>> resampling([0, 0, 0, 1, 0, 1, 1, 1], list("aaaabbbb"), seed=0).tolist()
    [1, 2, 3, 3, 4, 4, 5, 7]
    """
    cells = Cells.of(read_outcome(y)[1], groups, weights)
    ranks = None if scores is None else _read_scores(scores, len(cells.y))
    return _sample(cells, amount, check_random_state(seed), ranks)


def _read_scores(scores: Any, n_rows: int) -> NDArray[np.float64]:
    found = np.asarray(scores, np.float64)
    if found.shape != (n_rows,) or not np.isfinite(found).all():
        raise InputError(
            f"scores must be {n_rows:,} finite numbers, one per row; they have shape "
            f"{found.shape}. Pass the score of each row."
        )
    return found


def _sizes(cells: Cells, amount: float) -> NDArray[np.int64]:
    """Rows each cell is to have, (g, 2)."""
    n = np.bincount(cells.flat, minlength=2 * len(cells.partition.labels)).reshape(-1, 2)
    exact = n * cells.factors(amount)
    totals = np.rint(exact.sum(axis=1)).astype(np.int64)
    good = np.clip(np.rint(exact[:, 1]).astype(np.int64), 0, totals)
    sizes = np.column_stack([totals - good, good])
    # A cell of nobody stays empty, whatever rounding says.
    return np.where(n > 0, sizes, 0)


def _sample(
    cells: Cells, amount: float, random: Any, scores: NDArray[np.float64] | None
) -> NDArray[np.intp]:
    sizes, flat, drawn = _sizes(cells, amount).ravel(), cells.flat, []
    for cell, size in enumerate(sizes):
        rows = np.flatnonzero(flat == cell)
        if scores is None:
            if size > len(rows):
                more = random.choice(rows, size - len(rows), replace=True)
                drawn.append(np.concatenate([rows, more]))
            else:
                drawn.append(random.choice(rows, size, replace=False) if size else rows[:0])
            continue
        # Nearest the border first: positives from below, negatives from above.
        order = rows[np.argsort(scores[rows] * (1 if cell % 2 else -1), kind="stable")]
        if size > len(rows):
            drawn.append(np.concatenate([rows, np.resize(order, size - len(rows))]))
        else:
            drawn.append(order[len(rows) - size :])
    found: NDArray[np.intp] = np.sort(np.concatenate(drawn)).astype(np.intp)
    return found


class Resampler(BaseEstimator):  # type: ignore[misc]
    """Draw rows so that group and outcome are independent (Kamiran and Calders 2012).

    A sampler as imbalanced-learn's: ``fit_resample`` gives rows to learn from.

    Parameters
    ----------
    amount : float
        0 keeps every row once; 1 is the full repair.
    how : {"uniform", "preferential"}
        Which rows of a group and outcome are repeated or left out: drawn at random, or those
        nearest the border first. See :func:`resampling`.
    ranker : classifier, optional
        Tells what is near the border, for ``preferential``; a logistic regression of standardised
        columns by default. It is cloned and fitted on the same rows.
    random_state : int, RandomState or None

    Attributes
    ----------
    sample_indices_ : ndarray of int, shape (m,)
        Row numbers drawn. Take ``sample_weight[sample_indices_]`` along.

    Examples
    --------
    >>> X, y = np.arange(8.0)[:, None], np.array([0, 0, 0, 1, 0, 1, 1, 1])
    >>> X, y = Resampler(random_state=0).fit_resample(X, y, sensitive_features=list("aaaabbbb"))
    >>> y.tolist()
    [0, 0, 1, 1, 0, 0, 1, 1]
    """

    def __init__(
        self,
        amount: float = 1.0,
        how: How = "uniform",
        random_state: Any = None,
        *,
        ranker: Any = None,
    ) -> None:
        self.amount = amount
        self.how = how
        self.random_state = random_state
        self.ranker = ranker

    def fit_resample(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any]:
        """Draw the rows.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
        y : array or Series, shape (n,)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            Required.
        sample_weight : array, shape (n,), optional

        Returns
        -------
        X, y
            Of the kinds given, m rows.

        Raises
        ------
        InputError
        """
        if self.how not in ("uniform", "preferential"):
            raise InputError(
                f"how must be 'uniform' or 'preferential'; it is {self.how!r}. Choose one."
            )
        columns = read_numbers(self, X, reset=True)
        cells = Cells.of(read_outcome(y)[1], sensitive_features, sample_weight)
        check_rows(columns, cells)
        scores = None
        if self.how == "preferential":
            scores = rank_scores(self.ranker, columns, cells.y, cells.weights)
        random = check_random_state(self.random_state)
        self.sample_indices_ = _sample(cells, self.amount, random, scores)
        return _safe_indexing(X, self.sample_indices_), _safe_indexing(y, self.sample_indices_)


def check_rows(X: NDArray[np.float64], cells: Cells) -> None:
    """Refuse X and y of different lengths."""
    if len(X) != len(cells.y):
        raise InputError(
            f"X and y must have one row per person; they have {len(X):,} and {len(cells.y):,}. "
            "Pass columns of the same table."
        )
