"""Any classifier that takes weights, trained under constraints on group rates."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from fairlearn.reductions import Moment
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from faircore.errors import InputError
from faircore.predictors import row_draws
from faircore.predictors.converted import predictor_of
from faircore.predictors.mixture import Mixture, Mode, check_mode, drawn_members
from faircore.reductions import Algorithm, reduce
from faircore.reductions.members import positive_share
from faircore.reductions.rows import counted, grouped, row_numbers, two_classes


class ReductionsWrapper(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Train a classifier many times on reweighted rows until the mixture keeps gaps small.

    It runs Fairlearn's ExponentiatedGradient or GridSearch. With one partition and no weights, or
    with a moment of Fairlearn's, models and weights are exactly Fairlearn's own.

    Parameters
    ----------
    estimator : classifier
        Its ``fit`` takes weights: LightGBM's, XGBoost's, scikit-learn's, or a Pipeline.
    constraint : str or fairlearn.reductions.Moment
        ``demographic_parity``, ``equal_opportunity``, ``equalized_odds``, ``predictive_equality``
        (also called ``false_positive_rate_parity``), or a moment, which has its own bound and of
        which every fit uses a copy. A moment takes one partition (all columns of
        ``sensitive_features`` crossed, as in Fairlearn) and no sample_weight.
    tolerance : float
        Largest distance of a group's rate from everybody's, 0 to 1, in partitions by one
        attribute. So Fairlearn bounds; the gap between two groups can be up to twice as wide. A
        grid search follows no bound: it only says whether one is met.
    algorithm : {"exponentiated_gradient", "grid_search"}
        The second trains ``grid_size`` models and uses the best by half its error and half its
        gap; all of them are kept.
    crossed_tolerance : float, optional
        The same for partitions that cross attributes; ``tolerance`` by default.
    partitions : sequence of str or sequence of str, optional
        Attributes to compare by, alone or crossed, all bounded at once; by default each column of
        ``sensitive_features`` alone.
    max_iter, eta0, run_linprog_step, grid_size
        As in Fairlearn.
    mixture : {"drawn", "mean", "vote"}
        How ``predict`` decides: by one model per row, drawn by lot; by the mean probability,
        against one half; or by the models' weighted vote, against one half. Only the first keeps
        the bound, and in expectation. It can be repeated: a row's lot depends on its cells alone.
    sample_weight_name : str
        Name of the argument of ``estimator.fit``, such as ``step__sample_weight``.
    random_state : int, optional
        Seed of the lots; 0 by default. The estimator has its own.

    Attributes
    ----------
    predictors_ : list of fitted estimators
        On the classes 0 and 1; those of weight above 0, or all after a grid search.
    weights_ : ndarray, shape (m,)
    convergence_ : DataFrame
        A row per iteration, or per model of the grid; see :class:`faircore.reductions.Reduced`.
    best_gap_ : float
        Duality gap of the mixture; NaN after a grid search.
    n_iter_, n_oracle_calls_ : int
        Iterations, or models of the grid; fits.
    gaps_ : DataFrame
        Expected gaps of the drawn mixture on the rows learned from: ``partition``, ``event``,
        ``gap`` (largest distance from everybody's rate), ``tolerance``, ``difference`` (largest
        less smallest rate).
    feasible_ : bool
        Whether every gap is at most its tolerance plus 0.001.
    smallest_gap_ : float
        Where nothing found keeps the bounds: the gap of what comes nearest.
    note_ : str
        What is not met, in a sentence; empty when there is nothing to say.
    fit_seconds_ : float
    classes_ : ndarray, shape (2,)
        The second in sorted order is the good one.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        When ``note_`` says something.

    Notes
    -----
    A row of weight 2 counts as two rows, as in scikit-learn. Nothing kept holds a row, unless the
    estimator itself works by keeping rows (support vectors, neighbours) or categories; thresholds
    of trees may equal values of a feature.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], 500)
    >>> X = rng.normal(size=(500, 2)) + (sex == "m")[:, None]
    >>> y = X[:, 0] + rng.normal(size=500) > 0.5
    >>> fair = ReductionsWrapper(LogisticRegression(), tolerance=0.05)
    >>> fair = fair.fit(X, y, sensitive_features=sex)
    >>> fair.feasible_, bool(fair.gaps_["gap"].max() < 0.051)
    (True, True)
    """

    def __init__(
        self,
        estimator: Any,
        constraint: str | Moment = "demographic_parity",
        *,
        tolerance: float = 0.02,
        algorithm: Algorithm = "exponentiated_gradient",
        crossed_tolerance: float | None = None,
        partitions: Sequence[str | Sequence[str]] | None = None,
        max_iter: int = 50,
        eta0: float = 2.0,
        run_linprog_step: bool = True,
        grid_size: int = 10,
        mixture: Mode = "drawn",
        sample_weight_name: str = "sample_weight",
        random_state: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.constraint = constraint
        self.tolerance = tolerance
        self.algorithm = algorithm
        self.crossed_tolerance = crossed_tolerance
        self.partitions = partitions
        self.max_iter = max_iter
        self.eta0 = eta0
        self.run_linprog_step = run_linprog_step
        self.grid_size = grid_size
        self.mixture = mixture
        self.sample_weight_name = sample_weight_name
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array or DataFrame (pandas or polars), shape (n, d)
            The estimator gets it as it is.
        y : array of two values, shape (n,)
        sensitive_features : array, Series or DataFrame, n rows
            Required; it is not needed to predict. A missing value is a group of its own.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When the rows, the groups or a parameter cannot be used.
        """
        started = time.perf_counter()
        check_mode(self.mixture)
        self._seed()
        X = self._rows(X, reset=True)
        self.classes_, coded = two_classes(X, y)
        if sensitive_features is None:
            raise InputError(
                f"{type(self).__name__} needs to know who is compared with whom. Pass "
                "sensitive_features to fit: a column of groups, or a table of several."
            )
        cross_all = isinstance(self.constraint, Moment)
        groups = grouped(sensitive_features, self.partitions, cross_all=cross_all)
        weights = counted(sample_weight, X)
        found = reduce(
            X, coded, groups, weights,
            estimator=self.estimator, constraint=self.constraint, tolerance=self.tolerance,
            crossed_tolerance=self.crossed_tolerance, algorithm=self.algorithm,
            max_iter=self.max_iter, eta0=self.eta0, run_linprog_step=self.run_linprog_step,
            grid_size=self.grid_size, sample_weight_name=self.sample_weight_name,
        )  # fmt: skip
        self.predictors_, self.weights_ = list(found.predictors), found.weights
        # As plain lists: skops saves those and no tables.
        self._convergence = found.convergence.to_dict("list")
        self._gaps = found.gaps.to_dict("list")
        self.n_iter_, self.n_oracle_calls_ = len(found.convergence), found.n_oracle_calls
        self.best_gap_ = found.best_gap
        self.feasible_, self.smallest_gap_ = found.feasible, found.smallest_gap
        self.note_ = found.note
        self.fit_seconds_ = time.perf_counter() - started
        if self.note_:
            warnings.warn(self.note_, ConvergenceWarning, stacklevel=2)
        return self

    @property
    def convergence_(self) -> pd.DataFrame:
        """How the search went."""
        check_is_fitted(self)
        return pd.DataFrame(self._convergence)

    @property
    def gaps_(self) -> pd.DataFrame:
        """Expected gaps of the drawn mixture on the rows learned from."""
        check_is_fitted(self)
        return pd.DataFrame(self._gaps)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Mean of the models' probabilities, whatever ``mixture`` is.

        A model without probabilities counts with its decision, 0 or 1. Shape (n, 2), in the order
        of ``classes_``.
        """
        good = self._mean(self._checked(X), hard=False)
        return np.column_stack([1 - good, good])

    def predict(self, X: Any, mixture: Mode | None = None) -> NDArray[Any]:
        """Class of each row, (n,); ``mixture`` says how, by default as the classifier was made."""
        mode = check_mode(self.mixture if mixture is None else mixture)
        X = self._checked(X)
        share = self._drawn(X) if mode == "drawn" else self._mean(X, hard=mode == "vote")
        labels: NDArray[Any] = self.classes_[(share >= 0.5).astype(np.intp)]
        return labels

    def to_predictor(self) -> Mixture:
        """Copy the mixture into plain arrays that predict with NumPy alone.

        Models of weight 0 are left out. Lots are drawn as here for rows of numbers; a drawn row's
        score is the probability by its model.

        Raises
        ------
        InputError
            When the models are of a type that cannot be copied; see
            :func:`faircore.predictors.converted.predictor_of`.
        """
        check_is_fitted(self)
        used = np.flatnonzero(self.weights_)
        members = tuple(
            predictor_of(self.predictors_[i], n_features=self.n_features_in_) for i in used
        )
        weights = self.weights_[used] / self.weights_[used].sum()
        return Mixture(members, weights, check_mode(self.mixture), self._seed())

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """Tables as tables of pandas, anything else as an array; sets or checks the columns."""
        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._rows(X, reset=False)

    def _seed(self) -> int:
        if self.random_state is None:
            return 0
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        raise InputError(
            "random_state must be a whole number or None, so that anybody can repeat a lot; it is "
            f"a {type(self.random_state).__name__}. Pass a number."
        )

    def _mean(self, X: Any, *, hard: bool) -> NDArray[np.float64]:
        """Weighted mean of the models' probabilities, or of their decisions, (n,)."""
        used = np.flatnonzero(self.weights_)
        shares = [positive_share(self.predictors_[i], X, hard=hard) for i in used]
        weights = self.weights_[used] / self.weights_[used].sum()
        mean: NDArray[np.float64] = np.clip(weights @ np.stack(shares), 0.0, 1.0)
        return mean

    def _drawn(self, X: Any) -> NDArray[np.float64]:
        """Decision of the model drawn for each row, (n,)."""
        which = drawn_members(self.weights_, row_draws(row_numbers(X), seed=self._seed()))
        out = np.zeros(len(which))
        for i in np.unique(which):
            rows = np.flatnonzero(which == i)
            part = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
            out[rows] = positive_share(self.predictors_[i], part, hard=True)
        return out

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.string = inner.input_tags.string
        tags.input_tags.categorical = inner.input_tags.categorical
        return tags
