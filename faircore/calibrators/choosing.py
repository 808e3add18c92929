"""Which kind of map suits a group, by cross-validation among its own rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from faircore.calibrators.tally import Sample, Tally
from faircore.predictors.score_map import ScoreMap

Floats = NDArray[np.float64]

N_FOLDS = 5


def choose(sample: Sample, fits: Mapping[str, Callable[[Tally], ScoreMap]], *, seed: int) -> str:
    """Name of the simplest map whose log loss is within one standard error of the smallest.

    Parameters
    ----------
    sample : Sample
    fits : mapping of str to callable
        How each kind of map is fitted to a tally; the simplest first.
    seed : int
        Of the folds, which are alike in outcome and do not depend on the order of rows.

    Returns
    -------
    str
        The standard error is that of the mean difference between the two losses, row by row.
    """
    fold = _folds(sample, seed)
    losses = np.empty((len(fits), len(sample.y)))
    for k in range(N_FOLDS):
        judged = fold == k
        tally = sample.take(~judged).tally
        for i, fit in enumerate(fits.values()):
            losses[i, judged] = row_losses(fit(tally)(sample.scores[judged]), sample.y[judged])
    total = sample.weights.sum()
    best = int(np.argmin(losses @ sample.weights))
    for name, loss in zip(fits, losses, strict=True):
        worse = loss - losses[best]
        mean = float(worse @ sample.weights) / total
        error = np.sqrt(sample.weights**2 @ (worse - mean) ** 2) / total
        if mean <= error:
            return name
    raise AssertionError("the best is no worse than itself")


def row_losses(p: Floats, y: Floats) -> Floats:
    """Log loss of each row, (n,); a probability of 0 or 1 counts as 1e-12 away from it."""
    losses: Floats = -np.log(np.clip(np.where(y > 0, p, 1 - p), 1e-12, 1.0))
    return losses


def _folds(sample: Sample, seed: int) -> NDArray[np.intp]:
    """Fold of each row, drawn by lot; folds are equally large in either outcome.

    They must not be balanced by score as well: a fold would then repeat the accidents of the rows
    fitted, and the map that follows those best would seem the best.
    """
    rng = np.random.default_rng(seed)
    fold = np.empty(len(sample.y), np.intp)
    for outcome in (0, 1):
        rows = np.flatnonzero(sample.y == outcome)
        fold[rows] = rng.permutation(np.arange(len(rows)) % N_FOLDS)
    return fold
