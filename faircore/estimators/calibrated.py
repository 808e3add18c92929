"""A classifier there is already, its probabilities calibrated for every group."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from faircore.calibrators import GroupFairnessCalibrator
from faircore.errors import InputError


class CalibratedFairClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrate a fitted classifier on rows it has not seen, group by group.

    Parameters
    ----------
    estimator : fitted classifier
        With ``predict_proba`` and two classes, of which the second is the good one. It is never
        fitted again. ``clone`` empties it as it does any estimator; wrap it in
        ``sklearn.frozen.FrozenEstimator`` to keep it fitted, in a cross-validation for instance.
    calibrator : calibrator, optional
        With ``fit`` and ``transform`` as :class:`faircore.calibrators.GroupFairnessCalibrator`, of
        which one with its defaults is used when there is none. A copy of it is fitted.

    Attributes
    ----------
    calibrator_ : calibrator
        The fitted copy; its ``report_`` says what each group uses and why.
    classes_ : ndarray, shape (2,)
        Those of the estimator.
    n_features_in_ : int
        Where the estimator has it.

    Notes
    -----
    Groups are read again to predict wherever they were given to ``fit``. In a Pipeline or a
    cross-validation, ``sensitive_features`` is passed by metadata routing: see
    ``set_fit_request``, ``set_predict_request`` and ``set_predict_proba_request``.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X, sex = rng.normal(size=(2000, 1)), rng.choice(["f", "m"], 2000)
    >>> y = (X[:, 0] + (sex == "m") + rng.normal(size=2000) > 0).astype(int)
    >>> model = LogisticRegression().fit(X[:1000], y[:1000])
    >>> fair = CalibratedFairClassifier(model)
    >>> fair = fair.fit(X[1000:], y[1000:], sensitive_features=sex[1000:])
    >>> f, m = fair.predict_proba([[0.0], [0.0]], sensitive_features=["f", "m"])[:, 1]
    >>> bool(f < 0.6), bool(m > 0.75)
    (True, True)
    """

    def __init__(self, estimator: Any, calibrator: Any = None) -> None:
        self.estimator = estimator
        self.calibrator = calibrator

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Calibrate, and only that: the estimator stays as it is.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Held-out rows: those the estimator was trained on would make it look better calibrated
            than it is.
        y : array of the estimator's classes, shape (n,)
        sensitive_features : array, Series, mapping or DataFrame, n rows, optional
            Without it one map serves everybody.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When the estimator is not fitted, has no ``predict_proba`` or not two classes, y holds
            other classes, or the calibrator cannot use the rows.
        """
        classes = _two_classes(self.estimator)
        outcome = np.asarray(y).ravel()
        strange = int((~np.isin(outcome, classes)).sum())
        if strange:
            raise InputError(
                f"y must hold the classes the estimator was trained on; {strange:,} of "
                f"{len(outcome):,} values are others. Pass the outcome it predicts."
            )
        scores = _good(self.estimator, X)
        if len(scores) != len(outcome):
            raise InputError(
                f"y must have one value per row of X; it has {len(outcome):,}, X {len(scores):,}. "
                "Pass rows of the same table."
            )
        calibrator = GroupFairnessCalibrator() if self.calibrator is None else self.calibrator
        self.calibrator_ = clone(calibrator).fit(
            scores, (outcome == classes[1]).astype(np.int8), sensitive_features, sample_weight
        )
        self.classes_ = classes
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator, name):
                setattr(self, name, getattr(self.estimator, name))
        return self

    def predict_proba(self, X: Any, *, sensitive_features: Any = None) -> NDArray[np.float64]:
        """Calibrated probability of each class.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
        sensitive_features : array, Series, mapping or DataFrame, n rows
            Needed where ``fit`` had them.

        Returns
        -------
        ndarray, shape (n, 2)
            In the order of ``classes_``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        InputError
            When groups are missing, or unknown and refused.
        """
        check_is_fitted(self, "calibrator_")
        good = self.calibrator_.transform(_good(self.estimator, X), sensitive_features)
        return np.column_stack([1 - good, good])

    def predict(self, X: Any, *, sensitive_features: Any = None) -> NDArray[Any]:
        """Class of each row, (n,): the good one where its probability is at least one half."""
        good = self.predict_proba(X, sensitive_features=sensitive_features)[:, 1]
        labels: NDArray[Any] = self.classes_[(good >= 0.5).astype(np.intp)]
        return labels

    def score(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> float:
        """Share of rows whose class is predicted, in [0, 1]; groups as in ``predict_proba``."""
        right = self.predict(X, sensitive_features=sensitive_features) == np.asarray(y).ravel()
        return float(np.average(right, weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.string = inner.input_tags.string
        tags.input_tags.categorical = inner.input_tags.categorical
        return tags


def _good(estimator: Any, X: Any) -> NDArray[np.float64]:
    """Probability of the good class, (n,); rounding may leave [0, 1] by a little."""
    good = np.asarray(estimator.predict_proba(X), np.float64)[:, 1]
    return np.clip(good, 0.0, 1.0)


def _two_classes(estimator: Any) -> NDArray[Any]:
    """Classes of a fitted classifier with probabilities; others are refused."""
    name = type(estimator).__name__
    if not hasattr(estimator, "predict_proba"):
        raise InputError(
            f"The estimator must have predict_proba; a {name} has none as it is. Use a classifier "
            "that gives probabilities."
        )
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        raise InputError(
            f"The estimator must be fitted already; this {name} is not. Fit it on other rows than "
            "those to calibrate on, and pass it in a FrozenEstimator where it will be cloned."
        ) from None
    classes = np.asarray(getattr(estimator, "classes_", np.empty(0)))
    if classes.shape != (2,):
        raise InputError(
            f"The estimator must tell two classes apart; this {name} knows {classes.size}. Train "
            "it on an outcome with two values."
        )
    return classes
