"""Columns made uncorrelated with the group."""

from __future__ import annotations

import numpy as np

from faircore.predictors import Predictor
from faircore.predictors.group_key import Unseen
from faircore.predictors.repaired import Decorrelated, linear_repair
from faircore.repair.cells import Codes, Floats
from faircore.repair.moving import ColumnRepair


class Decorrelator(ColumnRepair):
    """Take from each column what a linear regression on the groups says of it.

    Fairlearn's ``CorrelationRemover`` with the groups as indicators; afterwards every group has
    the same mean in every column. Nothing is done about the rest of the distribution.

    Parameters
    ----------
    amount : float
        Share of the correlation that is taken, 0 to 1 (Fairlearn's ``alpha``).
    unseen : {"refuse", "pooled"}
        What becomes of a row of a group that was not there in ``fit``: it is refused, or left as
        it is.
    min_rows : int
        A group of fewer rows is neither learned from nor moved: the mean of so few is nearly the
        values of one person. 1 is all groups, as Fairlearn has it.

    Attributes
    ----------
    key_ : GroupKey
    mean_ : ndarray, shape (g,)
        Share of each group among the rows learned from.
    beta_ : ndarray, shape (g, d)
        How far each group's mean is from everybody's. It moves rows as Fairlearn's coefficients
        do, of which any number can be added to all groups alike.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (d,)
        Only for a table whose columns are named.

    Notes
    -----
    Fairlearn's estimator has no weights; with ``sample_weight`` the same least squares are
    weighted, whose solution is the weighted means.

    Examples
    --------
    >>> X, group = np.array([[1.0], [3.0], [5.0], [7.0]]), ["a", "a", "b", "b"]
    >>> Decorrelator(min_rows=1).fit_transform(X, sensitive_features=group).round(9).tolist()
    [[3.0], [5.0], [3.0], [5.0]]
    """

    _allows_missing = False

    def __init__(
        self, amount: float = 1.0, unseen: Unseen = "refuse", *, min_rows: int = 10
    ) -> None:
        self.amount = amount
        self.unseen = unseen
        self.min_rows = min_rows

    def to_predictor(self, base: Predictor) -> Decorrelated:
        """Put the repair before a model that learned from repaired rows."""
        return Decorrelated(base, self.key_, self.mean_, self.beta_, float(self.amount))

    def _learn(self, X: Floats, codes: Codes, weights: Floats) -> None:
        n_groups = self.key_.n_groups
        sizes = np.bincount(codes[weights > 0], minlength=n_groups)
        used = (weights > 0) & (sizes >= self.min_rows)[codes]
        self.mean_, self.beta_ = np.zeros(n_groups), np.zeros((n_groups, X.shape[1]))
        if not used.any():
            return
        X, codes, weights = X[used], codes[used], weights[used]
        present = np.unique(codes)
        self.mean_ = np.bincount(codes, weights, minlength=n_groups) / weights.sum()
        if np.ptp(weights) > 0:
            overall = weights @ X / weights.sum()
            for g in present:
                of = codes == g
                self.beta_[g] = weights[of] @ X[of] / weights[of].sum() - overall
        else:
            self.beta_[present] = _shifts(X, codes[:, None] == present)

    def _move(self, X: Floats, codes: Codes, amount: float) -> Floats:
        return linear_repair(X, codes, self.mean_, self.beta_, amount)


def _shifts(X: Floats, indicators: Codes) -> Floats:
    """What Fairlearn takes from the rows of each group, (g, d)."""
    # Fairlearn brings what not every program need pay for.
    from fairlearn.preprocessing import CorrelationRemover

    d, g = X.shape[1], indicators.shape[1]
    remover = CorrelationRemover(sensitive_feature_ids=range(d, d + g))
    remover.fit(np.column_stack([X, indicators]))
    shifts: Floats = (np.eye(g) - remover.sensitive_mean_) @ remover.beta_
    return shifts
