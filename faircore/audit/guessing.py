"""Guesses of a level from features by boosted trees, and how well they rank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data import Encoder
from faircore.data.encoding import CategoricalColumn

_Floats = NDArray[np.float64]
_Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Guesser:
    """Boosted trees over coded features.

    Attributes
    ----------
    encoder : Encoder
    estimator : scikit-learn classifier
    n_levels : int
    """

    encoder: Encoder
    estimator: Any
    n_levels: int

    def code(self, features: pd.DataFrame) -> NDArray[np.float32]:
        """Coded features (n, c)."""
        return code_features(self.encoder, features)

    def guess(self, coded: NDArray[np.float32]) -> _Floats:
        """Probability of each level (n, n_levels), from coded features (n, c)."""
        guesses = np.zeros((len(coded), self.n_levels))
        # A level that no training row had is given the probability 0.
        guesses[:, self.estimator.classes_] = self.estimator.predict_proba(coded)
        return guesses

    def shuffled(
        self, coded: NDArray[np.float32], feature: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """The coded features (n, c) with all columns of one feature shuffled together."""
        owner = [i for i, c in enumerate(self.encoder.columns) for _ in range(_width(c))]
        own = np.flatnonzero(np.array(owner) == feature)
        changed = coded.copy()
        changed[:, own] = coded[rng.permutation(len(coded))][:, own]
        return changed


def fit_guesser(
    features: pd.DataFrame, codes: _Codes, *, n_levels: int, trees: int, seed: int
) -> Guesser:
    """Learn to guess codes (n,) from 0 to ``n_levels - 1`` from features (n, d)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    encoder = Encoder.fit(features)
    categorical = [
        isinstance(column, CategoricalColumn) for column in encoder.columns
        for _ in range(_width(column))
    ]  # fmt: skip
    estimator = HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=15,
        categorical_features=categorical,
        early_stopping=False,
        random_state=seed,
    )
    estimator.fit(code_features(encoder, features), codes)
    return Guesser(encoder, estimator, int(n_levels))


def fitted_guessers(
    features: pd.DataFrame, codes: _Codes, *, fold: _Codes, trees: int, rng: np.random.Generator
) -> Iterator[tuple[_Codes, Guesser]]:
    """For each fold, the rows in it, and a guesser that learned from the others."""
    for k in np.unique(fold):
        learn = np.flatnonzero(fold != k)
        seed = int(rng.integers(2**31))
        yield (
            np.flatnonzero(fold == k),
            fit_guesser(
                features.iloc[learn], codes[learn], n_levels=codes.max() + 1, trees=trees, seed=seed
            ),
        )


def deal_folds(codes: _Codes, person: _Codes, *, folds: int, rng: np.random.Generator) -> _Codes:
    """Fold of each row (n,): rows of a person together, each level dealt out evenly."""
    first, unit = np.unique(person, return_index=True, return_inverse=True)[1:]
    shuffled = rng.permutation(len(first))
    order = shuffled[np.argsort(codes[first][shuffled], kind="stable")]
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % folds
    return fold[unit]


def code_features(encoder: Encoder, features: pd.DataFrame) -> NDArray[np.float32]:
    """Encode features (n, d), with the number of its level for each category: (n, c).

    Trees split sets of levels by themselves, several times faster than a column for each level.
    """
    matrix, blocks, start = encoder.transform(features), [], 0
    for column in encoder.columns:
        block = matrix[:, start : start + len(column.names)]
        start += len(column.names)
        if isinstance(column, CategoricalColumn):
            block = block.argmax(axis=1).astype(np.float32)[:, None]
        blocks.append(block)
    return np.hstack(blocks)


def ranks_of(guesses: _Floats) -> _Floats:
    """Rank within each column (n, levels), from 1; equal guesses share the mean of theirs."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(guesses, axis=0), dtype=np.float64)


def level_aucs(ranks: _Floats, codes: _Codes) -> _Floats:
    """Area under the ROC curve of each level against the rest.

    Parameters
    ----------
    ranks : ndarray, shape (n, levels)
        From :func:`ranks_of`.
    codes : ndarray of int, shape (n,)
        The true level of each row.

    Returns
    -------
    ndarray, shape (levels,)
        In [0, 1], by Mann and Whitney's count; NaN for a level of no row, or of all.

    Examples
    --------
    >>> guesses = np.array([[0.1, 0.9], [0.4, 0.6], [0.4, 0.6], [0.8, 0.2]])
    >>> level_aucs(ranks_of(guesses), np.array([1, 1, 0, 0])).tolist()
    [0.875, 0.875]
    """
    n, levels = ranks.shape
    has = np.bincount(codes, minlength=levels).astype(np.float64)
    sums = np.bincount(codes, ranks[np.arange(n), codes], minlength=levels)
    with np.errstate(invalid="ignore"):
        return np.asarray((sums - has * (has + 1) / 2) / (has * (n - has)))


def _width(column: Any) -> int:
    """Columns a feature has after coding."""
    return 1 if isinstance(column, CategoricalColumn) else len(column.names)
