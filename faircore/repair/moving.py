"""What the repairs of columns share as scikit-learn transformers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from faircore.errors import InputError
from faircore.predictors import GroupKey
from faircore.repair.cells import (
    Codes,
    Floats,
    check_amount,
    crossed,
    known_codes,
    read_numbers,
    read_weights,
)


class ColumnRepair(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the transformers that move columns group by group.

    A subclass has the parameters ``amount`` and ``unseen``, learns in ``_learn`` and moves in
    ``_move``.
    """

    key_: GroupKey
    _allows_missing = True

    def fit(
        self, X: Any, y: Any = None, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Learn how each group is to be moved.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
        y : ignored
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            Required. Several attributes are crossed; a missing label is a group of its own.
        sample_weight : array, shape (n,), optional
            Rows of no weight are not learned from.

        Raises
        ------
        InputError
        """
        columns = self._read(X, reset=True)
        check_amount(self.amount)
        partition, codes = crossed(sensitive_features, len(columns))
        self.key_ = GroupKey.of(partition, unseen=self.unseen)
        self._learn(columns, codes, read_weights(sample_weight, len(columns)))
        return self

    def transform(self, X: Any, *, sensitive_features: Any = None) -> Floats:
        """Move rows, those learned from or new ones.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            Required. A table needs the attributes learned from; a column without a name is taken
            for them in order.

        Returns
        -------
        ndarray of float64, shape (n, d)

        Raises
        ------
        InputError
            When groups are missing, or unknown and to be refused.
        """
        check_is_fitted(self)
        columns = self._read(X, reset=False)
        codes = known_codes(self.key_, sensitive_features, len(columns))
        return self._move(columns, codes, check_amount(self.amount))

    def fit_transform(
        self, X: Any, y: Any = None, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Floats:
        """Learn from rows and move them; see :meth:`fit` and :meth:`transform`."""
        self.fit(X, y, sensitive_features=sensitive_features, sample_weight=sample_weight)
        return self.transform(X, sensitive_features=sensitive_features)

    def _read(self, X: Any, *, reset: bool) -> Floats:
        columns = read_numbers(self, X, reset=reset)
        if not self._allows_missing and np.isnan(columns).any():
            raise InputError(
                f"{type(self).__name__} reads no missing values, and X contains NaN. Fill them in "
                "first."
            )
        return columns

    def _learn(self, X: Floats, codes: Codes, weights: Floats) -> None:
        raise NotImplementedError

    def _move(self, X: Floats, codes: Codes, amount: float) -> Floats:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allows_missing
        return tags


def read_columns(columns: Any, names: NDArray[Any] | None, d: int) -> NDArray[np.intp]:
    """Positions of columns that were named or numbered."""
    known = {} if names is None else {str(name): i for i, name in enumerate(names)}
    found = [known.get(c) if isinstance(c, str) else int(c) for c in columns]
    if any(i is None or not -d <= i < d for i in found):
        raise InputError(
            f"columns must be names or positions of the {d} columns of X; some are neither. "
            "Correct them."
        )
    return np.unique(np.array([i for i in found if i is not None], np.intp) % d)
