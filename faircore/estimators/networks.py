"""Networks with a fairness penalty, as a scikit-learn classifier."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from faircore.errors import InputError
from faircore.estimators.penalised import PenalisedClassifier
from faircore.estimators.scaling import Scaling
from faircore.penalties import PenaltyOptions, find_penalty
from faircore.predictors import Network
from faircore.training import EncodedRows, Trained, TrainingConfig, train_stacks
from faircore.training.batches import DeviceRows
from faircore.training.charges import PenaltyCharge
from faircore.training.learners import ModuleLearner
from faircore.training.loop import train
from faircore.training.modules import ModulePredictor, module_of
from faircore.training.parallel import fit_threads


class FairNetClassifier(PenalisedClassifier):
    """A network, from logistic regression to a multilayer perceptron, charged for unfairness.

    Parameters
    ----------
    eta : float
        Strength of the penalty, zero or more. 0 is plain training and needs no groups.
    penalty : str
        A name in :data:`faircore.penalties.PENALTIES`.
    hidden : tuple of int
        Units per hidden layer; empty for logistic regression.
    epochs, batch_size, learning_rate, patience, warmup_epochs, ramp, sharpness
        As in :class:`faircore.TrainingConfig`.
    options : PenaltyOptions, optional
    partitions : sequence, optional
        Attributes, or tuples of attributes to cross, that the penalty compares groups of; each
        column of ``sensitive_features`` alone by default.
    validation_fraction : float
        Share of the rows that stop the training, in [0, 1); 0 stops on the rows learned from.
    model : nn.Module, Network or fitted FairNetClassifier, optional
        A model in use, to go on from instead of from random weights; it is copied. A module takes
        (n, d) and returns one logit per row.
    fine_tune_rate : float
        Share of ``learning_rate`` that a given model goes on with.
    random_state : int, RandomState or None

    Attributes
    ----------
    model_ : Network
        What predicts; its weights take the columns as they come. For a module of other layers than
        linear ones with ReLU, that module.
    classes_ : ndarray, shape (2,)
        The second is the good outcome, whose selection the penalties are about.
    history_ : DataFrame
        Epoch, log loss, penalty and hard gap on the rows held out.
    best_epoch_ : int
        0 when a given model was best left as it was.
    fit_seconds_ : float
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 400)
    >>> X = np.column_stack([rng.normal(size=400) + 2 * group, rng.normal(size=400)])
    >>> y = (X.sum(axis=1) + rng.normal(size=400) > 1).astype(int)
    >>> plain, fair = FairNetClassifier(hidden=(), random_state=0, learning_rate=0.05).sweep(
    ...     X, y, [0, 5], sensitive_features=group
    ... )
    >>> def gap(model):
    ...     selected = model.predict(X)
    ...     return abs(selected[group == 1].mean() - selected[group == 0].mean())
    >>> bool(gap(fair) < gap(plain) / 2)
    True
    """

    def __init__(
        self,
        eta: float = 0.0,
        penalty: str = "demographic_parity",
        *,
        hidden: Sequence[int] = (64,),
        epochs: int = 20,
        batch_size: int | None = None,
        learning_rate: float = 0.002,
        patience: int = 5,
        warmup_epochs: int = 0,
        ramp: str = "linear",
        sharpness: float = 1.0,
        options: PenaltyOptions | None = None,
        partitions: Sequence[Any] | None = None,
        validation_fraction: float = 0.15,
        model: Any = None,
        fine_tune_rate: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.eta = eta
        self.penalty = penalty
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.warmup_epochs = warmup_epochs
        self.ramp = ramp
        self.sharpness = sharpness
        self.options = options
        self.partitions = partitions
        self.validation_fraction = validation_fraction
        self.model = model
        self.fine_tune_rate = fine_tune_rate
        self.random_state = random_state

    def _train(
        self, learn: EncodedRows, judge: EncodedRows, etas: Sequence[float], seed: int
    ) -> Iterator[Trained]:
        how = self._new if self.model is None else self._tuned
        return how(learn, judge, etas, seed)

    def _config(self, seed: int, *, share: float = 1.0) -> TrainingConfig:
        return TrainingConfig(
            hidden=tuple(self.hidden),
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate * share,
            patience=self.patience,
            warmup_epochs=self.warmup_epochs,
            ramp=self.ramp,
            sharpness=self.sharpness,
            stream_seed=seed,
        )

    def _new(
        self, learn: EncodedRows, judge: EncodedRows, etas: Sequence[float], seed: int
    ) -> Iterator[Trained]:
        scaling = Scaling.of(learn)
        for one in train_stacks(
            scaling.apply(learn),
            scaling.apply(judge),
            penalty=find_penalty(self.penalty),
            trials=[(eta, seed) for eta in etas],
            config=self._config(seed),
            options=self.options or PenaltyOptions(),
        ):
            if isinstance(one.predictor, Network):
                one.predictor = scaling.fold(one.predictor)
            yield one

    def _tuned(
        self, learn: EncodedRows, judge: EncodedRows, etas: Sequence[float], seed: int
    ) -> Iterator[Trained]:
        config = self._config(seed, share=self.fine_tune_rate)
        options = self.options or PenaltyOptions()
        start = getattr(self.model, "model_", self.model)
        # A network of ours learns from columns of like size, as it did; what a module of others
        # was trained on is theirs to know.
        scaling = Scaling.of(learn) if isinstance(start, Network) else None
        if isinstance(start, Network) and start.n_features != learn.X.shape[1]:
            raise InputError(
                f"The model to go on from takes {start.n_features} columns and X has "
                f"{learn.X.shape[1]}. Pass the columns it was trained on."
            )
        if scaling is not None:
            start, learn, judge = scaling.unfold(start), scaling.apply(learn), scaling.apply(judge)
        rows = [
            DeviceRows(part, "cpu", crossed_weight=options.crossed_weight)
            for part in (learn, judge)
        ]
        for position, eta in enumerate(etas):
            charge = PenaltyCharge(
                find_penalty(self.penalty), torch.tensor([eta]), config,
                judge.groups.partitions, options,
            )  # fmt: skip
            learner = ModuleLearner(starting_module(start), config, "cpu")
            # Its dropout draws from torch's own generator: seeded here, and put back as it was.
            with fit_threads(learner.module), torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                (one,) = train(learner, charge, *rows, config=config, from_start=True)
            one.position = position
            if scaling is not None and isinstance(one.predictor, Network):
                one.predictor = scaling.fold(one.predictor)
            yield one


def starting_module(model: Any) -> nn.Module:
    """Copy a model in use as a module to go on from."""
    if isinstance(model, Network):
        return module_of(model)
    if isinstance(model, ModulePredictor):
        model = model.module
    if isinstance(model, nn.Module):
        return copy.deepcopy(model).cpu().requires_grad_(True)
    raise InputError(
        f"The model to go on from must be an nn.Module, a Network or a fitted FairNetClassifier; "
        f"it is a {type(model).__name__}. Pass one of these, or none to start anew."
    )
