"""A plain model to audit when no system exists yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.model_inputs import as_rows, encode, model_inputs, one_core
from faircore.data import Dataset, Encoder
from faircore.errors import InputError


@dataclass(frozen=True)
class Baseline:
    """A kind of model; ``make(seed)`` gives an unfitted scikit-learn classifier."""

    name: str
    title: str
    sentence: str
    make: Callable[[int], Any]


def make_logistic(seed: int) -> Any:
    """Logistic regression with the usual small ridge penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2_000, random_state=seed)


def make_boosted(seed: int) -> Any:
    """Gradient-boosted trees, a fixed number of them so that no row is set aside."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=150, early_stopping=False, random_state=seed)


BASELINES: dict[str, Baseline] = {
    b.name: b
    for b in (
        Baseline("logistic", "Logistic regression",
                 "adds up the features with one weight each", make_logistic),
        Baseline("boosted", "Boosted trees",
                 "adds up 150 small decision trees, so that features may act together",
                 make_boosted),
    )
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class BaselineModel:
    """A trained baseline; it holds no training row.

    Attributes
    ----------
    kind : str
        A key of ``BASELINES``.
    with_sensitive : bool
        Whether the model sees the sensitive attributes.
    encoder : Encoder
        Fitted on the training rows alone.
    estimator : scikit-learn classifier
    fit_seconds : float
        Time it took to encode and learn.
    """

    kind: str
    with_sensitive: bool
    encoder: Encoder
    estimator: Any
    fit_seconds: float

    def score(self, features: pd.DataFrame, sensitive: pd.DataFrame) -> NDArray[np.float64]:
        """Probability of the good outcome.

        Parameters
        ----------
        features : pandas.DataFrame, shape (n, d)
        sensitive : pandas.DataFrame, shape (n, attributes)
            Looked at only by a model trained ``with_sensitive``.

        Returns
        -------
        ndarray of float64, shape (n,)
            In [0, 1].

        Raises
        ------
        InputError
            When a column the model needs is absent or the numbers of rows differ.
        """
        inputs = model_inputs(features, sensitive if self.with_sensitive else None)
        with one_core():
            probabilities = self.estimator.predict_proba(encode(self.encoder, inputs))
        return np.asarray(probabilities[:, 1], dtype=np.float64)


def find_baseline(name: str) -> Baseline:
    """Look a baseline up by name, or say which there are."""
    if name not in BASELINES:
        raise InputError(f"There is no baseline {name!r}. Choose one of: {', '.join(BASELINES)}.")
    return BASELINES[name]


def train_baseline(
    dataset: Dataset,
    rows: Any,
    *,
    kind: str = "logistic",
    with_sensitive: bool = False,
    seed: int = 0,
) -> BaselineModel:
    """Learn the target from the features, on the given rows and with their weights.

    Parameters
    ----------
    dataset : Dataset
    rows : array of int, shape (m,)
        Row numbers from 0 to train on; no other row is looked at.
    kind : str
        A key of ``BASELINES``.
    with_sensitive : bool
        Whether the sensitive attributes are inputs too. A label of fewer than 10 rows is then one
        with the other rare labels of its attribute.
    seed : int

    Returns
    -------
    BaselineModel

    Raises
    ------
    InputError
        When there is no such baseline, a row number is wrong, or the rows with a weight above 0
        do not hold both outcomes.

    Examples
    --------
    >>> from faircore.data import dataset_from_arrays
    >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    >>> data = dataset_from_arrays(X, np.array([0, 0, 1, 1], np.int8), list("abab"))
    >>> model = train_baseline(data, [0, 1, 2, 3])
    >>> (model.score(data.features, data.sensitive) >= 0.5).tolist()
    [False, False, True, True]
    """
    baseline = find_baseline(kind)
    chosen = as_rows(rows, n_rows=dataset.n_rows)
    truth, weights = dataset.y_true[chosen], dataset.weights[chosen]
    if len(np.unique(truth[weights > 0])) < 2:
        raise InputError(
            f"A baseline learns from both outcomes, and the {len(chosen):,} training rows with a "
            "weight above 0 hold one. Give it more rows, or check the target."
        )
    start = time.perf_counter()
    sensitive = dataset.sensitive.iloc[chosen] if with_sensitive else None
    inputs = model_inputs(dataset.features.iloc[chosen], sensitive)
    encoder = Encoder.fit(inputs)
    estimator = baseline.make(seed)
    with one_core():
        estimator.fit(encode(encoder, inputs), truth, sample_weight=weights)
    seconds = time.perf_counter() - start
    return BaselineModel(kind, with_sensitive, encoder, estimator, seconds)
