"""Adversarial debiasing of anybody's network, as a scikit-learn classifier."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import pandas as pd
import torch
from sklearn.utils.validation import check_random_state
from torch import nn

from faircore.errors import InputError
from faircore.estimators.base import FairClassifier
from faircore.estimators.scaling import Scaling
from faircore.predictors import Predictor
from faircore.training.adversarial import AdversarialConfig, AdversarialResult, train_adversarial
from faircore.training.adversary import perceptron
from faircore.training.modules import ModulePredictor, module_of, network_of
from faircore.training.parallel import fit_threads
from faircore.training.rows import EncodedRows


class AdversarialDebiasingTrainer(FairClassifier):
    """A network trained against an adversary that guesses the groups from it.

    Parameters
    ----------
    model : nn.Module, optional
        Takes (n, d) and returns one logit per row; it is copied, and its columns are left as they
        are. By default a multilayer perceptron on standardised columns.
    adversary : nn.Module, optional
        As in :func:`faircore.training.adversarial.train_adversarial`; it is copied.
    strength : float
        Zero or more. 0 is plain training and needs no groups.
    goal, on, ramp, coupling : str
        As in :class:`faircore.training.adversarial.AdversarialConfig`, as are all others that are
        not listed here.
    hidden : tuple of int
        Units per hidden layer of the default model; empty for logistic regression.
    partitions : sequence, optional
        Attributes, or tuples of attributes to cross, whose groups are guessed; each column of
        ``sensitive_features`` alone by default.
    validation_fraction : float
        Share of the rows on which the epoch is chosen, in [0, 1); 0 chooses on the rows learned
        from.
    random_state : int, RandomState or None

    Attributes
    ----------
    model_ : Network or ModulePredictor
        What predicts.
    module_ : nn.Module
        The same as a torch module in evaluation mode: raw columns in, logits out.
    classes_ : ndarray, shape (2,)
        The second is the good outcome.
    history_ : DataFrame
        One row per epoch, as in :class:`faircore.training.adversarial.AdversarialResult`.
    best_epoch_ : int
    note_ : str
        What somebody should know, such as that everybody is answered alike; empty if nothing.
    fit_seconds_ : float
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 600)
    >>> X = np.column_stack([rng.normal(size=600) + 2 * group, rng.normal(size=600)])
    >>> y = (X.sum(axis=1) + rng.normal(size=600) > 1).astype(int)
    >>> def gap(strength):
    ...     model = AdversarialDebiasingTrainer(strength=strength, hidden=(), random_state=0,
    ...                                         learning_rate=0.05)
    ...     chosen = model.fit(X, y, sensitive_features=group).predict(X)
    ...     return abs(chosen[group == 1].mean() - chosen[group == 0].mean())
    >>> bool(gap(3.0) < gap(0.0) / 2)
    True
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        adversary: nn.Module | None = None,
        strength: float = 1.0,
        *,
        goal: str = "demographic_parity",
        on: str = "output",
        hidden: Sequence[int] = (64,),
        epochs: int = 20,
        warmup_epochs: int = 2,
        ramp_epochs: int = 3,
        ramp: str = "linear",
        coupling: str = "reversal",
        batch_size: int | None = None,
        learning_rate: float = 0.002,
        adversary_learning_rate: float = 0.01,
        adversary_hidden: Sequence[int] = (32,),
        adversary_steps: int = 3,
        pretraining_epochs: int = 0,
        clip_norm: float = 1.0,
        patience: int = 8,
        partitions: Sequence[Any] | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.adversary = adversary
        self.strength = strength
        self.goal = goal
        self.on = on
        self.hidden = hidden
        self.epochs = epochs
        self.warmup_epochs = warmup_epochs
        self.ramp_epochs = ramp_epochs
        self.ramp = ramp
        self.coupling = coupling
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.adversary_learning_rate = adversary_learning_rate
        self.adversary_hidden = adversary_hidden
        self.adversary_steps = adversary_steps
        self.pretraining_epochs = pretraining_epochs
        self.clip_norm = clip_norm
        self.patience = patience
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
        y : array, shape (n,)
            Two classes.
        sensitive_features : array, Series or DataFrame, n rows
            One attribute, or one column per attribute. Not needed with ``strength=0``.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When something cannot be used, or training never reached a finite loss.
        """
        for name in ("model", "adversary"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, nn.Module):
                raise InputError(
                    f"{name} must be an nn.Module; it is a {type(given).__name__}. Pass one, or "
                    "None for the default."
                )
        rows = self._read(X, y, sensitive_features, sample_weight, needs_groups=self.strength != 0)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        learn, judge = self._hold_out(rows, self.validation_fraction, seed)
        train = self._new if self.model is None else self._tuned
        found = train(learn, judge, seed)
        self.history_, self.best_epoch_ = pd.DataFrame(found.history), found.best_epoch
        self.note_, self.fit_seconds_ = found.note, found.seconds
        return self

    def _tuned(self, learn: EncodedRows, judge: EncodedRows, seed: int) -> AdversarialResult:
        """Train a copy of the given module."""
        module = copy.deepcopy(self.model)
        assert module is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # for its dropout: equal seeds drop the same
            found = self._train(module, learn, judge, seed)
        self.module_ = module
        self.model_: Predictor = network_of(module) or ModulePredictor.of(module)
        return found

    def _new(self, learn: EncodedRows, judge: EncodedRows, seed: int) -> AdversarialResult:
        """Train a perceptron on standardised columns."""
        scaling = Scaling.of(learn)
        start = torch.Generator().manual_seed(seed)
        module = perceptron(learn.X.shape[1], tuple(self.hidden), 1, start)
        found = self._train(module, scaling.apply(learn), scaling.apply(judge), seed)
        network = network_of(module)
        assert network is not None
        folded = scaling.fold(network)
        self.model_, self.module_ = folded, module_of(folded).eval()
        return found

    def _train(
        self, module: nn.Module, learn: EncodedRows, judge: EncodedRows, seed: int
    ) -> AdversarialResult:
        names = AdversarialConfig.__dataclass_fields__.keys() - {"stream_seed"}
        with fit_threads(module):
            found = train_adversarial(
                module,
                learn,
                judge,
                strength=self.strength,
                config=AdversarialConfig(
                    **{name: getattr(self, name) for name in names}, stream_seed=seed
                ),
                adversary=copy.deepcopy(self.adversary),
                seed=seed,
            )
        if found.failure is not None:
            raise InputError(f"With strength {self.strength:g} training failed: {found.failure}")
        return found
