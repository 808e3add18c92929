"""Boosted trees with a fairness penalty, as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_random_state

from faircore.errors import InputError
from faircore.estimators.base import FairClassifier
from faircore.penalties import PenaltyOptions, find_penalty
from faircore.predictors import Trees
from faircore.training.boosting import BoostingConfig, train_trees
from faircore.training.rows import Trained


class FairBoostingClassifier(FairClassifier):
    """Boosted trees (LightGBM) charged for unfairness in every round.

    Parameters
    ----------
    eta : float
        Strength of the penalty, zero or more. 0 is plain boosting and needs no groups.
    penalty : str
        A name in :data:`faircore.penalties.PENALTIES`.
    n_rounds, n_leaves, learning_rate, min_rows, l2, patience, sharpness, warmup_rounds
        As in :class:`faircore.training.boosting.BoostingConfig`.
    options : PenaltyOptions, optional
    partitions : sequence, optional
        Attributes, or tuples of attributes to cross, that the penalty compares groups of; each
        column of ``sensitive_features`` alone by default.
    validation_fraction : float
        Share of the rows that choose the best round, in [0, 1); 0 chooses on the rows learned
        from.
    model : Booster, LGBMClassifier, Trees or fitted FairBoostingClassifier, optional
        A model in use, to add trees to instead of starting anew. It must have been trained on the
        same columns; it is left as it is.
    fine_tune_rate : float
        Share of ``learning_rate`` that trees added to a given model have.
    random_state : int, RandomState or None
        Draws the rows held out.

    Attributes
    ----------
    model_ : Trees
        What predicts.
    classes_ : ndarray, shape (2,)
        The second is the good outcome, whose selection the penalties are about.
    history_ : DataFrame
        Round (``epoch``), log loss, penalty and hard gap on the rows held out; at most 50 rounds.
    best_round_ : int
        0 when a given model was best left as it was.
    fit_seconds_ : float
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (d,)
        Only for a table whose columns are named.

    Notes
    -----
    A missing value (NaN) is a value like any other. Numbers are read in single precision.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 600)
    >>> X = np.column_stack([rng.normal(size=600) + 2 * group, rng.normal(size=600)])
    >>> y = (X.sum(axis=1) + rng.normal(size=600) > 1).astype(int)
    >>> plain, fair = FairBoostingClassifier(n_rounds=40, random_state=0).sweep(
    ...     X, y, [0, 1], sensitive_features=group
    ... )
    >>> def gap(model):
    ...     chosen = model.predict(X)
    ...     return abs(chosen[group == 1].mean() - chosen[group == 0].mean())
    >>> bool(gap(fair) < gap(plain) / 2)
    True
    """

    _allows_missing = True

    def __init__(
        self,
        eta: float = 0.0,
        penalty: str = "demographic_parity",
        *,
        n_rounds: int = 200,
        n_leaves: int = 31,
        learning_rate: float = 0.1,
        min_rows: int = 20,
        l2: float = 0.0,
        patience: int = 20,
        sharpness: float = 1.0,
        warmup_rounds: int = 0,
        options: PenaltyOptions | None = None,
        partitions: Sequence[Any] | None = None,
        validation_fraction: float = 0.15,
        model: Any = None,
        fine_tune_rate: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.eta = eta
        self.penalty = penalty
        self.n_rounds = n_rounds
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_rows = min_rows
        self.l2 = l2
        self.patience = patience
        self.sharpness = sharpness
        self.warmup_rounds = warmup_rounds
        self.options = options
        self.partitions = partitions
        self.validation_fraction = validation_fraction
        self.model = model
        self.fine_tune_rate = fine_tune_rate
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
            NaN is allowed.
        y : array, shape (n,)
            Two classes.
        sensitive_features : array, Series or DataFrame, n rows
            One attribute, or one column per attribute. Not needed with ``eta=0``.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When something cannot be used, or training never reached a finite loss.
        """
        return self._fit([self], [self.eta], X, y, sensitive_features, sample_weight)[0]

    def sweep(
        self,
        X: Any,
        y: Any,
        etas: Sequence[float],
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> list[Self]:
        """Train one classifier per strength, side by side over the cores.

        Parameters
        ----------
        etas : sequence of float
        X, y, sensitive_features, sample_weight
            As in :meth:`fit`.

        Returns
        -------
        list of FairBoostingClassifier
            Fitted clones, in the order of ``etas``; all held out the same rows.
        """
        made = [clone(self).set_params(eta=eta) for eta in etas]
        return self._fit(made, list(etas), X, y, sensitive_features, sample_weight)

    def _fit(
        self,
        made: list[Self],
        etas: Sequence[float],
        X: Any,
        y: Any,
        sensitive_features: Any,
        sample_weight: Any,
    ) -> list[Self]:
        if not etas or not all(0 <= eta < float("inf") for eta in etas):
            raise InputError(
                f"Every eta must be a number of zero or more, and there must be one; got "
                f"{list(etas)}. Use 0 for plain boosting."
            )
        penalty, config = find_penalty(self.penalty), self._config()
        rows = self._read(X, y, sensitive_features, sample_weight, needs_groups=max(etas) > 0)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        learn, judge = self._hold_out(rows, self.validation_fraction, seed)
        for one in train_trees(
            learn,
            judge,
            penalty=penalty,
            trials=[(float(eta), seed) for eta in etas],
            config=config,
            options=self.options or PenaltyOptions(),
            start=self._start(),
        ):
            if one.failure is not None:
                raise InputError(
                    f"With eta {etas[one.position]:g} training failed: {one.failure}. Lower the "
                    "learning rate or eta."
                )
            made[one.position]._take(self, one)
        return made

    def _take(self, other: Self, one: Trained) -> None:
        self.model_, self.best_round_ = one.predictor, one.best_epoch
        self.history_, self.fit_seconds_ = pd.DataFrame(one.history), one.fit_seconds
        for name in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))

    def _config(self) -> BoostingConfig:
        names = ("n_rounds", "n_leaves", "learning_rate", "min_rows", "l2", "patience")
        more = ("sharpness", "warmup_rounds", "fine_tune_rate")
        return BoostingConfig(**{name: getattr(self, name) for name in names + more})

    def _start(self) -> Trees | None:
        """Trees of the model in use."""
        if self.model is None or isinstance(self.model, Trees):
            return self.model
        classes = getattr(self.model, "classes_", None)
        if classes is not None and not np.array_equal(classes, self.classes_):
            raise InputError(
                "The model to go on from must know the classes of y; its own are others. Pass the "
                "outcome it was trained on."
            )
        found = getattr(self.model, "model_", None)
        if isinstance(found, Trees):
            return found
        booster = getattr(self.model, "booster_", self.model)
        if not hasattr(booster, "model_to_string"):
            raise InputError(
                "The model to go on from must be a LightGBM booster, an LGBMClassifier, Trees "
                f"or a fitted FairBoostingClassifier; it is a {type(self.model).__name__}. Pass "
                "one of these, or none to start anew."
            )
        return Trees.from_booster(booster)
