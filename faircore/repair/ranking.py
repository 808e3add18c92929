"""Who is ranked above whom, for the repairs that change or draw rows by their score."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from faircore.errors import InputError


def rank_scores(
    ranker: Any, X: NDArray[np.float64], y: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of the good outcome by a model of the same rows, (n,) in [0, 1].

    ``ranker`` is any classifier with ``predict_proba``; None is a logistic regression of
    standardised columns. Rows without weight are ranked and not learned from.
    """
    learned = weights > 0
    if len(np.unique(y[learned])) < 2:
        return np.zeros(len(y))  # nothing tells the rows apart
    if ranker is None:
        if not np.isfinite(X).all():
            raise InputError(
                "The default ranker, a logistic regression, reads no missing values, and X has "
                "some. Fill them in, or pass a ranker that reads them."
            )
        spread = X[learned].std(axis=0)
        X = (X - X[learned].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        ranker = LogisticRegression(max_iter=1000)
    if not hasattr(ranker, "predict_proba"):
        raise InputError(
            f"The ranker must have predict_proba; {type(ranker).__name__} has none. Pass a "
            "classifier that gives probabilities."
        )
    takes = "sample_weight" in inspect.signature(ranker.fit).parameters
    given = {"sample_weight": weights[learned]} if takes else {}
    fitted = clone(ranker).fit(X[learned], y[learned], **given)
    scores: NDArray[np.float64] = np.asarray(fitted.predict_proba(X)[:, 1], np.float64)
    return scores
