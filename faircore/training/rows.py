"""What goes into training, and what comes out of it, whatever the method."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.predictors import Predictor


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Encoded rows to learn from or to stop on.

    Attributes
    ----------
    X : ndarray of float32, shape (n, d)
    y : ndarray of 0 and 1, shape (n,)
    groups : Groups, n rows
        The partitions that fairness is about.
    weights : ndarray, shape (n,), optional
    """

    X: NDArray[np.float32]
    y: NDArray[np.int8]
    groups: Groups
    weights: NDArray[np.float64] | None = None

    def take(self, rows: NDArray[np.int64]) -> EncodedRows:
        """Keep some rows."""
        weights = None if self.weights is None else self.weights[rows]
        return EncodedRows(self.X[rows], self.y[rows], self.groups.take(rows), weights)

    @property
    def unit_weights(self) -> NDArray[np.float64]:
        """Weights of mean 1 over the rows that count, (n,): their unit means nothing."""
        weights = np.ones(len(self.y)) if self.weights is None else self.weights
        unit: NDArray[np.float64] = weights * np.count_nonzero(weights) / weights.sum()
        return unit


@dataclass
class Trained:
    """What became of one candidate: its predictor, or why there is none.

    Attributes
    ----------
    position : int
        Which of the trials asked for.
    predictor : Predictor, optional
        None when it failed.
    best_epoch : int
        Pass (or boosting round) that was kept.
    fit_seconds : float
        Time one core worked on it; of a stack, its share.
    history : list of dict
        One row per epoch: ``epoch``, ``loss`` (log loss, nats), ``penalty``, ``gap`` (hard, at
        threshold one half), ``soft_gap`` (of probabilities), and what else the method follows, all
        on the select split.
    failure : str, optional
        Why there is no predictor, in a sentence.
    note : str
        What somebody should know of a predictor there is, such as a constraint it does not meet.
    shape : str
        What kind of model it is, in words, where its configuration does not say.
    """

    position: int
    predictor: Predictor | None = None
    best_epoch: int = 0
    fit_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    failure: str | None = None
    note: str = ""
    shape: str = ""
