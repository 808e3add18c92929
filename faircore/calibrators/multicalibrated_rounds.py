"""One round of a correction: a stretch, a shift and small trees, on rows cut into folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.calibrators.multicalibrated_inputs import FOLDS, Floats, whole
from faircore.errors import InputError
from faircore.predictors.corrected import with_log_odds
from faircore.predictors.trees import Trees

_L2 = 5.0  # a leaf of few rows moves little: as if twenty more, at one half, agreed with the score
_PATIENCE = 20
_BINS = 63  # few rows do not fill more
_NEWTON_STEPS, _RIDGE = 25, 1.0


@dataclass(frozen=True)
class Growth:
    """How trees grow; see :class:`faircore.calibrators.multicalibrated.MulticalibratedCorrection`.

    Attributes
    ----------
    max_trees, num_leaves, min_rows_per_leaf, learning_rate, seed

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    max_trees: int
    num_leaves: int
    min_rows_per_leaf: int
    learning_rate: float
    seed: int

    def __post_init__(self) -> None:
        least = {"max_trees": 0, "num_leaves": 2, "min_rows_per_leaf": 1, "seed": 0}
        for name, low in least.items():
            whole(name, getattr(self, name), low)
        if not 0 < self.learning_rate <= 1:
            raise InputError(
                "learning_rate must be above 0 and at most 1; it is "
                f"{self.learning_rate!r}. Change it."
            )


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows a correction is fitted on.

    Attributes
    ----------
    X : ndarray of float32, shape (n, d)
    y : ndarray of int8, shape (n,)
    weight : ndarray, shape (n,)
        What a row counts when learning and when stopping. Of mean 1.
    fold : ndarray of int, shape (n,)
    """

    X: NDArray[np.float32]
    y: NDArray[np.int8]
    weight: Floats
    fold: NDArray[np.intp]


def row_losses(y: NDArray[np.int8], raw: Floats) -> Floats:
    """Log loss of each row from log-odds, (n,)."""
    losses: Floats = np.logaddexp(0.0, raw) - y * raw
    return losses


def fit_round(rows: Rows, raw: Floats, growth: Growth) -> tuple[Trees, float, Floats]:
    """Fit a round once per fold, and average.

    In turn, one fold judges, the next one stops the trees, and the others are learned from. Log
    loss is convex in the log-odds, so the average of the corrections loses no more on unseen rows
    than they do on average.

    Parameters
    ----------
    rows : Rows
    raw : ndarray, shape (n,)
        Log-odds before the round.
    growth : Growth

    Returns
    -------
    trees, slope
        The averaged round.
    judged : ndarray, shape (n,)
        Log-odds after the round; each row's from the fit that saw nothing of its fold.
    """
    columns, judged = with_log_odds(rows.X, raw), raw.copy()
    mean = Trees.constant(0.0, columns.shape[1])
    slopes: list[float] = []
    for k in range(FOLDS):
        judge, stop = rows.fold == k, rows.fold == (k + 1) % FOLDS
        learn = ~judge & ~stop
        slope, shift = _stretch(rows, raw, learn, stop)
        trees = _grow(rows, columns, slope * raw + shift, learn, stop, growth)
        trees = replace(trees, base=shift)
        judged[judge] = slope * raw[judge] + trees.raw_scores(columns[judge])
        share = replace(trees, base=shift / FOLDS, leaf=trees.leaf / FOLDS)
        mean = mean.followed_by(share)
        slopes.append(slope)
    return mean, float(np.mean(slopes)), judged


def _stretch(
    rows: Rows, raw: Floats, learn: NDArray[np.bool_], stop: NDArray[np.bool_]
) -> tuple[float, float]:
    """Slope and shift of the log-odds; 1 and 0 unless others do better on rows kept out."""
    y, w, x = rows.y[learn], rows.weight[learn], raw[learn]
    slope, shift = 1.0, 0.0
    for _ in range(_NEWTON_STEPS):
        score = _sigmoid(slope * x + shift)
        miss, bend = w * (score - y), w * score * (1 - score)
        gradient = np.array([(miss * x).sum() + _RIDGE * (slope - 1), miss.sum() + _RIDGE * shift])
        cross = (bend * x).sum()
        hessian = np.array([[(bend * x * x).sum() + _RIDGE, cross], [cross, bend.sum() + _RIDGE]])
        # Short steps: from certain scores a whole one can leap.
        step = np.clip(np.linalg.solve(hessian, gradient), -1.0, 1.0)
        slope, shift = slope - step[0], shift - step[1]
        if np.abs(step).max() < 1e-8:
            break
    held, weight = raw[stop], rows.weight[stop]
    gain = row_losses(rows.y[stop], held) - row_losses(rows.y[stop], slope * held + shift)
    # A slope of zero or less would throw the ranking away.
    better = slope > 0 and float((gain * weight).sum()) > 0
    return (float(slope), float(shift)) if better else (1.0, 0.0)


def _grow(
    rows: Rows,
    columns: NDArray[np.float32],
    start: Floats,
    learn: NDArray[np.bool_],
    stop: NDArray[np.bool_],
    growth: Growth,
) -> Trees:
    """Boost from given log-odds until rows kept out gain nothing any more."""
    import lightgbm as lgb

    given = _settings(growth)
    data = lgb.Dataset(columns[learn], rows.y[learn], params=given).construct()
    none = Trees.constant(0.0, columns.shape[1])
    if not any(data.feature_num_bin(j) > 1 for j in range(columns.shape[1])):
        return none  # it refuses to boost when no column has two bins
    held = lgb.Dataset(columns[stop], rows.y[stop], reference=data, params=given).construct()
    booster = lgb.Booster(given, data).add_valid(held, "stop")
    found: list[float] = []

    def gradient(raw: Floats, _: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        score, weight = _sigmoid(raw + start[learn]), rows.weight[learn]
        slope, bend = weight * (score - rows.y[learn]), weight * score * (1 - score)
        return slope.astype(np.float32), bend.astype(np.float32)

    def judge(raw: Floats, _: Any) -> tuple[str, float, bool]:
        losses = row_losses(rows.y[stop], raw + start[stop])
        found.append(float((losses * rows.weight[stop]).sum()))
        return "loss", 0.0, False

    booster.eval_valid(judge)
    while len(found) <= growth.max_trees and len(found) - 1 - int(np.argmin(found)) < _PATIENCE:
        if booster.update(fobj=gradient):
            break
        booster.eval_valid(judge)
    best = int(np.argmin(found))
    return Trees.from_booster(booster, 0.0, best) if best else none


def _settings(growth: Growth) -> dict[str, Any]:
    return {
        "objective": "none", "learning_rate": growth.learning_rate, "max_bin": _BINS,
        "num_leaves": growth.num_leaves, "min_data_in_leaf": growth.min_rows_per_leaf,
        "lambda_l2": _L2, "min_sum_hessian_in_leaf": 0.0, "feature_pre_filter": False,
        "seed": growth.seed, "verbosity": -1,
        # Sums keep their order.
        "num_threads": 1, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip


def _sigmoid(raw: Floats) -> Floats:
    score: Floats = np.exp(-np.logaddexp(0.0, -raw))
    return score
