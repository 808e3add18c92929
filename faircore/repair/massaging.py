"""Outcomes changed so that every group has the same base rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from faircore.errors import InputError
from faircore.repair.cells import Cells, check_amount, read_numbers, read_outcome
from faircore.repair.ranking import rank_scores
from faircore.repair.resampling import _read_scores, check_rows


def massaging(
    y: Any, groups: Any, scores: Any, weights: Any = None, amount: float = 1.0
) -> NDArray[np.int8]:
    """Outcomes after those nearest the border were changed: base rates are equal at amount 1.

    This changes outcomes of people. It is for rows to learn from and nothing else: never judge a
    model on changed outcomes, and never keep them in the place of the true ones.

    Parameters
    ----------
    y : array of 0 and 1, shape (n,)
    groups : Groups, array, Series, mapping or DataFrame, n rows
        Several attributes are crossed; a missing label is a group of its own.
    scores : array, shape (n,)
        Ranks the rows, such as a model's probability of 1.
    weights : array, shape (n,), optional
        Rows of no weight are left as they are.
    amount : float
        0 to 1: share of the changes that are made.

    Returns
    -------
    ndarray of int8, shape (n,)

    Raises
    ------
    InputError

    Notes
    -----
    Kamiran and Calders 2009 and 2012, for any number of groups. A group whose base rate is below
    everybody's, p, has its highest-scored negatives promoted, and one above has its lowest-scored
    positives demoted, until n(g) p of its n(g) rows are positive; the numbers are rounded so that
    as many rows are promoted as demoted. For two groups that is the authors' number
    M = (n(a) positives(b) - n(b) positives(a)) / n, up or down to a whole row. With unequal
    weights each group changes the number of rows whose weight comes nearest. Ties in the score are
    taken in the order of the rows.

    Examples
    --------
    >>> y, scores = [0, 0, 0, 1, 0, 1, 1, 1], [0.1, 0.3, 0.2, 0.9, 0.2, 0.6, 0.5, 0.9]
    >>> massaging(y, list("aaaabbbb"), scores).tolist()
    [0, 1, 0, 1, 0, 1, 0, 1]
    """
    classes, coded = read_outcome(y)
    if not set(classes) <= {0, 1}:
        raise InputError(
            f"y must be 0 or 1, 1 the good outcome; it has {len(classes)} classes of which one is "
            "neither. Code it first."
        )
    return _massaged(
        Cells.of(coded, groups, weights), _read_scores(scores, len(coded)), check_amount(amount)
    )


def _wanted(cells: Cells, amount: float) -> NDArray[np.float64]:
    """Weight of the positives each group is to gain, or lose where negative, (g,)."""
    mass = cells.mass
    total = mass.sum(axis=1)
    wanted: NDArray[np.float64] = amount * (total * (mass[:, 1].sum() / mass.sum()) - mass[:, 1])
    return wanted


def _whole(changes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rounded down or up, by largest remainder, so that they sum to zero as before, (g,)."""
    settled = np.round(changes, 9)  # 2.9999999999 is 3
    whole = np.floor(settled).astype(np.int64)
    short = -int(whole.sum())
    whole[np.argsort(whole - settled, kind="stable")[:short]] += 1
    return whole


def _massaged(cells: Cells, scores: NDArray[np.float64], amount: float) -> NDArray[np.int8]:
    y, wanted, weights = cells.y.copy(), _wanted(cells, amount), cells.weights
    used = weights[weights > 0]
    equal = np.ptp(used) <= 1e-12 * used.max()
    counts = _whole(wanted / used[0]) if equal else np.sign(wanted).astype(np.int64)
    for group, count in enumerate(counts):
        if not count:
            continue
        old = 0 if count > 0 else 1
        rows = np.flatnonzero((cells.codes == group) & (cells.y == old) & (weights > 0))
        # Promoted from above, demoted from below.
        order = rows[np.argsort(-count * scores[rows], kind="stable")]
        if equal:
            chosen = abs(int(count))
        else:
            reached = np.concatenate([[0.0], np.cumsum(weights[order])])
            chosen = int(np.abs(reached - abs(wanted[group])).argmin())
        y[order[:chosen]] = 1 - old
    return y


class Massager(BaseEstimator):  # type: ignore[misc]
    """Change outcomes nearest the border until base rates are equal (Kamiran and Calders 2009).

    This changes outcomes of people. It is for rows to learn from and nothing else: never judge a
    model on changed outcomes, and never keep them in the place of the true ones.

    Parameters
    ----------
    amount : float
        0 changes nothing; 1 makes base rates equal up to one row. See :func:`massaging`.
    ranker : classifier, optional
        Says who is nearest the border: any with ``predict_proba``, cloned and fitted on the same
        rows. A logistic regression of standardised columns by default.

    Attributes
    ----------
    n_changed_ : int
        Rows whose outcome was changed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 400)
    >>> X = rng.normal(size=(400, 2)) + group[:, None]
    >>> y = (X[:, 0] > 0.5).astype(int)
    >>> massager = Massager()
    >>> _, changed = massager.fit_resample(X, y, sensitive_features=group)
    >>> massager.n_changed_ == (changed != y).sum()
    np.True_
    >>> bool(abs(changed[group == 0].mean() - changed[group == 1].mean()) < 0.01)
    True
    """

    def __init__(self, amount: float = 1.0, ranker: Any = None) -> None:
        self.amount = amount
        self.ranker = ranker

    def fit_resample(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any]:
        """Change outcomes.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
        y : array or Series, shape (n,)
            One of two classes; the second in sorted order is the good one.
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            Required.
        sample_weight : array, shape (n,), optional

        Returns
        -------
        X
            As it was given.
        y
            A copy of what was given, some of its rows changed.

        Raises
        ------
        InputError
        """
        columns = read_numbers(self, X, reset=True)
        classes, coded = read_outcome(y)
        cells = Cells.of(coded, sensitive_features, sample_weight)
        check_rows(columns, cells)
        amount = check_amount(self.amount)
        scores = rank_scores(self.ranker, columns, coded, cells.weights)
        new = _massaged(cells, scores, amount)
        changed = new != coded
        self.n_changed_ = int(changed.sum())
        labels = np.asarray(y).ravel().copy()
        # Where everybody has one outcome there is none to change to, and nothing was.
        labels[changed] = classes[new[changed]] if self.n_changed_ else labels[changed]
        if isinstance(y, pd.Series):
            return X, pd.Series(labels, y.index, y.dtype, y.name)
        return X, labels
