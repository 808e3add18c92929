"""Boosted trees with a fairness penalty, as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from faircore.errors import InputError
from faircore.estimators.penalised import PenalisedClassifier
from faircore.penalties import PenaltyOptions, find_penalty
from faircore.predictors import Trees
from faircore.training.boosting import BoostingConfig, train_trees
from faircore.training.rows import EncodedRows, Trained


class FairBoostingClassifier(PenalisedClassifier):
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
    best_epoch_ : int
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

    def _train(
        self, learn: EncodedRows, judge: EncodedRows, etas: Sequence[float], seed: int
    ) -> Iterator[Trained]:
        return train_trees(
            learn,
            judge,
            penalty=find_penalty(self.penalty),
            trials=[(eta, seed) for eta in etas],
            config=self._config(),
            options=self.options or PenaltyOptions(),
            start=self._start(),
        )

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
