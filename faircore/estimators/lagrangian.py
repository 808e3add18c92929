"""A classifier that learns under constraints on group rates."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, check_random_state
from torch import nn

from faircore.errors import InputError
from faircore.estimators.base import FairClassifier
from faircore.estimators.scaling import Scaling
from faircore.predictors import Network
from faircore.training.config import TrainingConfig
from faircore.training.constraints import Constraint, Kind, check_tolerance
from faircore.training.lagrangian import LagrangianConfig, train_lagrangian, train_module
from faircore.training.modules import ModulePredictor, module_of
from faircore.training.rows import EncodedRows, Trained

if TYPE_CHECKING:
    import plotly.graph_objects as go


class LagrangianFairnessTrainer(FairClassifier):
    """Train a network so that a gap between groups is at most so wide, or say that it cannot be.

    Parameters
    ----------
    model : nn.Module, optional
        Takes (n, d) of float32 and returns logits of shape (n,) or (n, 1). It is copied, never
        changed, and gets the features as they are. By default a network of ``hidden`` layers over
        standardised features.
    constraint : str
        A name in :data:`faircore.training.constraints.CONSTRAINTS`, or a rate.
    tolerance : float
        Widest gap between two groups that is allowed, 0 to 1; at 1 nothing is constrained.
    kind : str
        ``inequality``, or ``equality`` to draw the gap to zero.
    constraints : sequence of Constraint, optional
        Several at once, in place of ``constraint`` and ``kind``; ``tolerance`` is then that of
        those without their own.
    hidden : sequence of int
        Units per hidden layer of the default network.
    epochs, batch_size, learning_rate, sharpness, patience
        As in :class:`faircore.training.TrainingConfig`.
    dual_rate, dual_update, memory, stop_after
        As in :class:`faircore.training.lagrangian.LagrangianConfig`; ``stop_after`` is its
        ``stop_when_satisfied``.
    partitions : sequence of str or sequence of str, optional
        Attributes to compare by, alone or crossed; by default each column of
        ``sensitive_features`` alone.
    validation_fraction : float
        Share of the rows that trains nothing and chooses the epoch, at least 0 and below 1. With 0,
        or fewer than 10 such rows, the rows learned from choose it.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
    model_ : predictor
    module_ : nn.Module
        The trained network on features as given, in evaluation mode.
    history_ : DataFrame
        One row per epoch: ``epoch``, ``loss`` (nats), ``violation`` (gap less tolerance; at most 0
        is met) and ``train_violation``, ``gap``, ``train_gap`` and ``soft_gap``, ``satisfied``,
        and the largest multipliers.
    best_epoch_ : int
        The epoch kept: the lowest loss among those that meet the constraints on the rows held out,
        else the smallest violation.
    feasible_ : bool
        Whether the constraints are met on the rows held out, by every group of enough people.
    smallest_violation_ : float
        Smallest violation of an epoch, 0 or below when feasible; NaN when none could be judged.
    fit_seconds_ : float
    note_ : str
        What is not met or could not be judged, in sentences; empty when there is nothing to say.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        When the constraints are not met, or cannot be judged.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], 400)
    >>> X = rng.normal(size=(400, 3)) + (sex == "m")[:, None]
    >>> y = X[:, 0] + rng.normal(size=400) > 0.5
    >>> trainer = LagrangianFairnessTrainer(tolerance=0.1, hidden=(8,), random_state=0)
    >>> trainer = trainer.fit(X, y, sensitive_features=sex)
    >>> trainer.feasible_
    True
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        constraint: str = "demographic_parity",
        tolerance: float = 0.02,
        *,
        kind: Kind = "inequality",
        constraints: Sequence[Constraint] | None = None,
        hidden: Sequence[int] = (64,),
        epochs: int = 60,
        batch_size: int | None = None,
        learning_rate: float = 0.002,
        dual_rate: float = 4.0,
        dual_update: Literal["gradient", "pi"] = "pi",
        sharpness: float = 2.0,
        memory: float = 0.9,
        patience: int = 20,
        stop_after: int = 0,
        partitions: Sequence[str | Sequence[str]] | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.constraint = constraint
        self.tolerance = tolerance
        self.kind = kind
        self.constraints = constraints
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.dual_rate = dual_rate
        self.dual_update = dual_update
        self.sharpness = sharpness
        self.memory = memory
        self.patience = patience
        self.stop_after = stop_after
        self.partitions = partitions
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
        y : array of two values, shape (n,)
        sensitive_features : array, Series or DataFrame, n rows
            One attribute, or one column per attribute. It is not needed to predict.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When the rows or a parameter cannot be used, or there is but one group.
        """
        if self.model is not None and not isinstance(self.model, nn.Module):
            raise InputError(
                f"model must be a torch.nn.Module; it is a {type(self.model).__name__}. Pass one "
                "that returns a logit per row, or leave it out."
            )
        tolerance = check_tolerance(self.tolerance)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows = self._read(X, y, sensitive_features, sample_weight, needs_groups=True)
        config, constraints = self._config(seed), self._constraints()
        learn, judge = self._hold_out(rows, self.validation_fraction, seed)
        if self.model is None:
            self._take(_network(learn, judge, constraints, tolerance, seed, config))
        else:
            # Dropout draws from torch's own generator: seeded here, and put back as it was.
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self._take(
                    train_module(
                        self.model,
                        learn,
                        judge,
                        constraints=constraints,
                        tolerance=tolerance,
                        config=config,
                    )
                )
        if self.note_ and not self.feasible_:
            warnings.warn(self.note_, ConvergenceWarning, stacklevel=2)
        return self

    def plot_history(self) -> go.Figure:
        """Draw loss, gap and multipliers over the epochs."""
        from faircore.plots.convergence import convergence_figure

        check_is_fitted(self)
        alone = self.constraints is None and self.tolerance < 1
        return convergence_figure(
            self.history_,
            tolerance=self.tolerance if alone else None,
            best_epoch=self.best_epoch_,
        )

    def _config(self, seed: int) -> LagrangianConfig:
        training = TrainingConfig(
            hidden=tuple(self.hidden),
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            patience=self.patience,
            sharpness=self.sharpness,
            stream_seed=seed,
        )
        return LagrangianConfig(
            training,
            dual_rate=self.dual_rate,
            dual_update=self.dual_update,
            memory=self.memory,
            stop_when_satisfied=self.stop_after,
        )

    def _constraints(self) -> Sequence[Constraint]:
        if self.constraints is not None:
            return self.constraints
        return [Constraint(self.constraint, kind=self.kind)]

    def _take(self, trained: Trained) -> None:
        if trained.predictor is None:
            raise InputError(
                f"Training gave no model: {trained.failure}. Lower learning_rate, or scale the "
                "features."
            )
        self.model_ = trained.predictor
        if isinstance(trained.predictor, Network):
            self.module_: nn.Module = module_of(trained.predictor).eval()
        elif isinstance(trained.predictor, ModulePredictor):
            self.module_ = copy.deepcopy(trained.predictor.module)
        self.history_ = pd.DataFrame(trained.history)
        self.best_epoch_, self.note_ = trained.best_epoch, trained.note
        self.feasible_ = bool(trained.history[trained.best_epoch - 1]["satisfied"])
        self.smallest_violation_ = float(np.fmin.reduce(self.history_["violation"].to_numpy()))
        self.fit_seconds_ = trained.fit_seconds


def _network(
    learn: EncodedRows,
    judge: EncodedRows,
    constraints: Sequence[Constraint],
    tolerance: float,
    seed: int,
    config: LagrangianConfig,
) -> Trained:
    """Train a network on columns of like size; it takes them as they come."""
    scaling = Scaling.of(learn)
    (trained,) = train_lagrangian(
        scaling.apply(learn),
        scaling.apply(judge),
        constraints=constraints,
        trials=[(tolerance, seed)],
        config=config,
    )
    if isinstance(trained.predictor, Network):
        trained.predictor = scaling.fold(trained.predictor)
    return trained
