"""What the classifiers share: reading what callers pass, holding out rows, predicting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    check_random_state,
    validate_data,
)

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.training.rows import EncodedRows


class FairClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the classifiers: two classes, of which the second in sorted order is the good one.

    A subclass sets ``model_`` in ``fit``, something with ``predict_proba(X (n, d)) -> (n,)``, and
    stores its constructor's parameters untouched. Those named ``partitions``,
    ``validation_fraction`` and ``random_state`` are read here.
    """

    _allows_missing = False

    def _read(
        self, X: Any, y: Any, sensitive_features: Any, sample_weight: Any, *, needs_groups: bool
    ) -> EncodedRows:
        """Check what ``fit`` was given and set ``classes_`` and ``n_features_in_``."""
        finite: Any = "allow-nan" if self._allows_missing else True
        try:
            X, y = validate_data(
                self, X, y, dtype=[np.float32, np.float64], ensure_all_finite=finite, order="C"
            )
        except ValueError as error:
            _hide_cells(error)
            raise
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise InputError(
                f"Only binary classification is supported. The type of the target is {kind}. Pass "
                "an outcome with two values."
            )
        self.classes_, coded = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                "y holds one class only; a classifier needs rows of two. Pass rows of both."
            )
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weights.sum() > 0:
            raise InputError("Every sample weight is zero. Give some rows a weight above zero.")
        if sensitive_features is None:
            if needs_groups:
                raise InputError(
                    f"{type(self).__name__} needs to know who is compared with whom. Pass "
                    "sensitive_features to fit: a column of groups, or a table of several."
                )
            sensitive_features = np.zeros(len(X), np.int8)
            groups = Groups.of(sensitive_features)
        else:
            partitions: Sequence[Any] | None = getattr(self, "partitions", None)
            groups = Groups.of(sensitive_features, partitions=partitions)
        if groups.n_rows != len(X):
            raise InputError(
                f"sensitive_features has {groups.n_rows} rows and X has {len(X)}. Pass one row of "
                "groups per row of X."
            )
        rows = EncodedRows(
            np.ascontiguousarray(X, np.float32), coded.astype(np.int8), groups, weights
        )
        # A row of no weight says nothing, and must not be all that is held out.
        return rows if weights.all() else rows.take(np.flatnonzero(weights))

    def _hold_out(
        self, rows: EncodedRows, fraction: float, seed: int | None = None
    ) -> tuple[EncodedRows, EncodedRows]:
        """Rows to learn from and rows to stop on, alike in outcome and, where possible, groups.

        With a fraction of 0, or too few rows to hold any out, both are all rows.
        """
        if not 0 <= fraction < 1:
            raise InputError(
                f"validation_fraction must be at least 0 and below 1; it is {fraction}. Change it."
            )
        n = len(rows.y)
        if not fraction or fraction * n < 10:
            return rows, rows
        if seed is None:
            seed = check_random_state(getattr(self, "random_state", None)).randint(2**31 - 1)
        order = np.arange(n)
        crossed = np.unique(np.vstack([rows.groups.codes, rows.y]), axis=1, return_inverse=True)[
            1
        ].ravel()
        for strata in (crossed, rows.y, None):
            try:
                learn, judge = train_test_split(
                    order, test_size=fraction, random_state=seed, stratify=strata
                )
            except ValueError:
                continue  # a stratum of one row cannot be on both sides
            return rows.take(np.sort(learn)), rows.take(np.sort(judge))
        return rows, rows

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)

        Returns
        -------
        ndarray, shape (n, 2)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        finite: Any = "allow-nan" if self._allows_missing else True
        try:
            X = validate_data(
                self, X, dtype=[np.float32, np.float64], ensure_all_finite=finite, reset=False
            )
        except ValueError as error:
            _hide_cells(error)
            raise
        good = np.asarray(self.model_.predict_proba(np.asarray(X, np.float32)), np.float64)
        return np.column_stack([1 - good, good])

    def predict(self, X: Any) -> NDArray[Any]:
        """Class of each row: the good one where its probability is at least one half, (n,)."""
        chosen = (self.predict_proba(X)[:, 1] >= 0.5).astype(np.intp)
        labels: NDArray[Any] = self.classes_[chosen]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = self._allows_missing
        return tags


def _hide_cells(error: ValueError) -> None:
    """Raise in our own words where those of NumPy would repeat a cell of the data."""
    if "could not convert" in str(error):
        raise InputError(
            "X must hold numbers, and some of its cells are text. Encode categories first, for "
            "instance with scikit-learn's OneHotEncoder in a Pipeline."
        ) from None
