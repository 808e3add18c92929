"""Weights that make group and outcome independent."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import assert_all_finite
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from faircore.errors import InputError
from faircore.repair.cells import Cells, read_outcome


def reweighing(
    y: Any, groups: Any, weights: Any = None, amount: float = 1.0
) -> NDArray[np.float64]:
    """Weights to learn with, under which group and outcome are independent.

    Parameters
    ----------
    y : array, shape (n,)
        One of two outcomes per row; the second in sorted order is the good one.
    groups : Groups, array, Series, mapping or DataFrame, n rows
        Several attributes are crossed; a missing label is a group of its own.
    weights : array, shape (n,), optional
        Weights the rows have already, zero or more.
    amount : float
        0 to 1: share of the way from the weights as they are to the full repair.

    Returns
    -------
    ndarray, shape (n,)
        ``weights * ((1 - amount) + amount * P(g) P(y) / P(g, y))``, all shares being weighted.

    Raises
    ------
    InputError

    Notes
    -----
    Kamiran and Calders 2012. The weight of everybody, of each group and of each outcome stays what
    it was where every group has both outcomes. A group of one outcome cannot be made independent
    of it: its rows get the same formula, and the group weighs less than before.

    Examples
    --------
    >>> reweighing([0, 0, 1, 1], ["a", "a", "a", "b"]).tolist()
    [0.75, 0.75, 1.5, 0.5]
    """
    cells = Cells.of(read_outcome(y)[1], groups, weights)
    found: NDArray[np.float64] = cells.weights * cells.factors(amount).ravel()[cells.flat]
    return found


class Reweigher(BaseEstimator):  # type: ignore[misc]
    """Weights that make group and outcome independent (Kamiran and Calders 2012).

    Parameters
    ----------
    amount : float
        0 leaves the weights as they are; 1 is the full repair.

    Attributes
    ----------
    weights_ : ndarray, shape (n,)
        What to pass to a model as ``sample_weight``; see :func:`reweighing`.
    factors_ : DataFrame, shape (g, 2)
        What the rows of each group (index) and outcome (columns, the class labels) are multiplied
        by. 1 where there are none.

    Examples
    --------
    >>> Reweigher().fit([0, 0, 1, 1], ["a", "a", "a", "b"]).weights_.tolist()
    [0.75, 0.75, 1.5, 0.5]
    """

    def __init__(self, amount: float = 1.0) -> None:
        self.amount = amount

    def fit(self, y: Any, sensitive_features: Any, sample_weight: Any = None) -> Self:
        """Find the weights.

        Parameters
        ----------
        y : array, shape (n,)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
        """
        classes, coded = read_outcome(y)
        cells = Cells.of(coded, sensitive_features, sample_weight)
        factors = cells.factors(self.amount)
        self.weights_ = cells.weights * factors.ravel()[cells.flat]
        labels = list(classes) if len(classes) == 2 else [0, 1]
        self.factors_ = pd.DataFrame(factors, list(cells.partition.group_names), labels)
        return self


def _check_binary(y: Any) -> None:
    """Refuse what has not two classes, in the words scikit-learn's checks look for."""
    if y is None:
        raise InputError(
            "ReweighedClassifier requires y to be passed, but the target y is None. Pass the "
            "outcome of each row."
        )
    if np.asarray(y).dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind != "binary":
        raise InputError(
            f"Only binary classification is supported. The type of the target is {kind}. Pass "
            "an outcome with two values."
        )


def _has(name: str) -> Any:
    """Whether the estimator inside can do something; its own error when it cannot."""

    def check(self: ReweighedClassifier) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class ReweighedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that learns from reweighed rows; it predicts without being told groups.

    Parameters
    ----------
    estimator : classifier
        Any scikit-learn classifier that takes sample weights. It is cloned.
    amount : float
        0 learns from the rows as they are; 1 is the full repair. See :func:`reweighing`.
    sample_weight_name : str
        How the estimator's ``fit`` calls weights: for a Pipeline, such as
        ``logisticregression__sample_weight``.

    Attributes
    ----------
    estimator_ : classifier
        The fitted one.
    classes_ : ndarray
    n_features_in_ : int
        Only when the estimator has it.

    Notes
    -----
    With metadata routing, ask for the groups by ``set_fit_request(sensitive_features=True)``.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 500)
    >>> X = np.column_stack([rng.normal(size=500), group])
    >>> y = (X.sum(axis=1) + rng.normal(size=500) > 0.5).astype(int)
    >>> def gap(amount):
    ...     model = ReweighedClassifier(LogisticRegression(), amount)
    ...     chosen = model.fit(X, y, sensitive_features=group).predict(X)
    ...     return abs(chosen[group == 1].mean() - chosen[group == 0].mean())
    >>> bool(gap(1.0) < gap(0.0) / 2)
    True
    """

    def __init__(
        self, estimator: Any, amount: float = 1.0, *, sample_weight_name: str = "sample_weight"
    ) -> None:
        self.estimator = estimator
        self.amount = amount
        self.sample_weight_name = sample_weight_name

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Reweigh the rows and fit a clone of the estimator.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
        y : array, shape (n,)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            Required; named here so that routing can pass it on.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When groups are missing or the estimator takes no weights.
        """
        parameters = inspect.signature(self.estimator.fit).parameters
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        if self.sample_weight_name not in parameters and not anything:
            raise InputError(
                f"{type(self.estimator).__name__} takes no {self.sample_weight_name}, and "
                "reweighing works through weights. Pass an estimator that takes them, or use "
                "Resampler."
            )
        _check_binary(y)
        weights = reweighing(y, sensitive_features, sample_weight, self.amount)
        self.estimator_ = clone(self.estimator).fit(X, y, **{self.sample_weight_name: weights})
        self.classes_ = self.estimator_.classes_
        return self

    @property
    def n_features_in_(self) -> int:
        """Columns of the rows learned from."""
        check_is_fitted(self)
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the columns learned from; only for a table whose columns are named."""
        check_is_fitted(self)
        names: NDArray[Any] = self.estimator_.feature_names_in_
        return names

    def predict(self, X: Any) -> NDArray[Any]:
        """Class of each row, (n,)."""
        check_is_fitted(self)
        found: NDArray[Any] = self.estimator_.predict(X)
        return found

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class, in the order of ``classes_``, (n, classes)."""
        check_is_fitted(self)
        found: NDArray[np.float64] = self.estimator_.predict_proba(X)
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        inner = getattr(self.estimator, "__sklearn_tags__", None)
        if inner is not None:
            tags.input_tags.allow_nan = inner().input_tags.allow_nan
            tags.input_tags.sparse = inner().input_tags.sparse
        return tags
